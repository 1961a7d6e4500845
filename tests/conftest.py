"""The order of the tests, and what Hypothesis is told."""

import pytest
from hypothesis import settings

# no test asserts seconds: the machines are shared
settings.register_profile("forewarn", deadline=None)
settings.load_profile("forewarn")

# the longest first, so that no worker is left with one of them in the end
LONG = ("test_retrain.py", "test_commands.py", "test_backtest.py", "test_compare.py", "test_promotion.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of flows last: the threads of their server must not disturb the others.

    Prefect's threads draw random numbers, and Hypothesis takes that for a fault of the test it runs.
    """
    items.sort(key=lambda item: ("flows" in item.path.parts, item.path.name not in LONG))
