"""The real mill file, which is not ours to ship: tests that need it are skipped without it."""

import os
from pathlib import Path

import pytest


def require_mill_file() -> Path:
    """The path in FOREWARN_MILL_DATA; without it the test is skipped."""
    named = os.environ.get("FOREWARN_MILL_DATA")
    if not named:
        pytest.skip("needs the real mill file: set FOREWARN_MILL_DATA to its path")
    return Path(named)
