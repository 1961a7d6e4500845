"""Find the folder that holds `mlruns/`."""

from __future__ import annotations

import os
from pathlib import Path


def find_home() -> Path:
    """Find the folder that holds `mlruns/`.

    It is `FOREWARN_HOME`, or the checkout that this code runs from, or else the working folder.
    """
    if os.environ.get("FOREWARN_HOME"):
        return Path(os.environ["FOREWARN_HOME"]).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
