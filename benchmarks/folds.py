"""Folds of a backtest side by side, against the same folds one after the other in one process."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.measure import Measurement, count_cores, take_seconds
from benchmarks.readings import Material
from flows.fold import fit_and_score, run_fold
from flows.workers import Workers
from schemas.backtest import MODEL, PUBLISHED, FoldOrder, FoldScores
from schemas.presets import PUBLISHED_ENTRANT
from tasks.configuration.configure import change_settings, configure
from tasks.models.compiled_networks import discard_compiled

GOAL = 2.0
FOLDS = (1, 2)
SEEDS = (0, 1, 2)
# of the published network: about as many as early stopping leaves it
EPOCHS = 40


def measure_folds(material: Material) -> list[Measurement]:
    """Measure the trainings of two folds both ways; the start of the worker processes is included."""
    with tempfile.TemporaryDirectory(prefix="forewarn-bench-") as folder:
        path = Path(folder) / "readings.csv"
        material.table.to_csv(path, index=False)
        orders = list_orders(path)
        results: list[list[FoldScores]] = []
        with contextlib.redirect_stderr(io.StringIO()):
            alone = take_seconds(lambda: results.append(run_alone(orders)))
            beside = take_seconds(lambda: results.append(run_side_by_side(orders)))
    require_equal_scores(*results)
    note = (
        f"{material.description}; {len(orders)} trainings: {len(FOLDS)} folds x {len(SEEDS)} seeds of the "
        f"defaults and of the published network for {EPOCHS} epochs. One after the other in one process, "
        f"TensorFlow on every core, each network traced anew: {alone:.0f} s. In {count_cores()} worker "
        f"processes, one core each, networks of the same layers traced once in each, their start included: "
        f"{beside:.0f} s. Equal scores."
    )
    return [Measurement("folds", alone / beside, GOAL, note)]


def list_orders(path: Path) -> list[FoldOrder]:
    """List the trainings: by fold, entrant and seed, as a backtest does."""
    settings = configure()
    published = change_settings(settings, PUBLISHED_ENTRANT)
    published = change_settings(published, {"training": {"epochs": EPOCHS, "patience": None}})
    return [
        FoldOrder(
            entrant=name,
            source=str(path),
            settings=change_settings(entrant, {"training": {"seed": seed}}),
            fold=fold,
            has_controls=name == MODEL,
        )
        for fold in FOLDS
        for name, entrant in ((MODEL, settings), (PUBLISHED, published))
        for seed in SEEDS
    ]


def run_alone(orders: Sequence[FoldOrder]) -> list[FoldScores]:
    """Run folds one after the other, as backtests did before there were workers."""
    results = []
    for order in orders:
        discard_compiled()
        results.append(fit_and_score(order))
    return results


def run_side_by_side(orders: Sequence[FoldOrder]) -> list[FoldScores]:
    """Run folds in worker processes."""
    workers = Workers(count_cores())
    try:
        with ThreadPoolExecutor(count_cores()) as threads:
            return list(threads.map(lambda order: workers.run(run_fold, order), orders))
    finally:
        workers.close()


def require_equal_scores(alone: Sequence[FoldScores], beside: Sequence[FoldScores]) -> None:
    """Check that both ways give the same scores, apart from rounding: the number of threads may change it.

    Raises:
        AssertionError: If they differ.
    """
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_allclose(one.scores["model"], other.scores["model"], rtol=1e-5)
