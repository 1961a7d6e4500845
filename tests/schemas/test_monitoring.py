"""What the monitor's settings refuse."""

import pytest

from schemas.configuration import MonitorSection


def test_more_windows_above_than_windows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`monitor\.windows_above` must be at most `monitor\.windows`"):
        MonitorSection(windows=3, windows_above=4)
