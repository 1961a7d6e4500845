"""Drivers that start a whole stack as `make stack` does, and try it out. pytest finds no tests here."""

import sys
from pathlib import Path

# the scripts of docker/ are no package
sys.path.append(str(Path(__file__).resolve().parents[2] / "docker"))
