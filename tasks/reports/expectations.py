"""Write docs/what-to-expect.md, the page on what a plant can expect, from a backtest: `make expect`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from schemas.backtest import BacktestResult
from schemas.configuration import Configuration
from tasks.reports.backtest_plot import render_backtest_plots
from tasks.reports.backtest_report import write_backtest_page

PICTURE = "what-to-expect.png"


def write_expectations(backtest: Path, random_split: Path, folder: Path) -> None:
    """Write `what-to-expect.md` and its picture from results on the mill's readings.

    Args:
        backtest: Output file of `forewarn backtest --json`.
        random_split: Output file of `forewarn retrain --preset ranjan-2019 --json` for the same table.
        folder: Folder of the page.
    """
    result = BacktestResult.model_validate_json(backtest.read_text(encoding="utf-8"))
    area = json.loads(random_split.read_text(encoding="utf-8"))["metrics"]["roc_auc"]
    settings = Configuration.model_validate(result.settings)
    (folder / PICTURE).write_bytes(render_backtest_plots(result, area)["folds"])
    page = write_backtest_page(result, settings, area, {"folds": PICTURE})
    (folder / "what-to-expect.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write_expectations(*map(Path, sys.argv[1:4]))
