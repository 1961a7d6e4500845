"""Drivers that start a whole stack as `make stack` does, and test it; only `test_image.py` is for pytest."""

import sys
from pathlib import Path

# the scripts in docker/ are not a package
sys.path.append(str(Path(__file__).resolve().parents[2] / "docker"))
