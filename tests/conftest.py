"""The order of the tests, and what Hypothesis is told."""

import pytest
from hypothesis import settings

# no test asserts seconds: the machines are shared
settings.register_profile("forewarn", deadline=None)
settings.load_profile("forewarn")

# the longest first, so that no worker is left with one of them in the end
LONG = ("test_retrain.py", "test_commands.py", "test_backtest.py", "test_compare.py", "test_promotion.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of flows last, after those of the service: their server's threads disturb others.

    Prefect's threads draw random numbers, and Hypothesis takes that for a fault of the test it runs. The
    service is tested with requests that Hypothesis makes, and without Prefect.
    """
    items.sort(key=_find_place)


def _find_place(item: pytest.Item) -> tuple[bool, bool, bool]:
    folders = item.path.parts
    return "flows" in folders, "serving" not in folders, item.path.name not in LONG
