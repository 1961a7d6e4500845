"""Find the folder that contains `mlruns/`."""

from __future__ import annotations

import os
from pathlib import Path


def find_home() -> Path:
    """Find the folder that contains `mlruns/`.

    It is `FOREWARN_HOME` if set, else the checkout that this code runs from, else the working directory.
    """
    if os.environ.get("FOREWARN_HOME"):
        return Path(os.environ["FOREWARN_HOME"]).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
