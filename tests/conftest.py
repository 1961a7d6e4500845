"""The order of the tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of flows last: the threads of their server must not disturb the others.

    Prefect's threads draw random numbers, and Hypothesis takes that for a fault of the test it runs.
    """
    items.sort(key=lambda item: "flows" in item.path.parts)
