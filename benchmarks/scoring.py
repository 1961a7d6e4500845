"""Batch scoring: windows built by loops and `predict`, against one traced function."""

from __future__ import annotations

import numpy as np

from benchmarks import published
from benchmarks.measure import Measurement, Seconds, alternate, take_seconds
from benchmarks.readings import Material, convert_table, prepare_readings
from tasks.configuration.configure import configure
from tasks.models.build import build_network
from tasks.models.inference import make_scorer, score_windows

GOAL = 50.0
PUBLISHED_ROWS = 20_000
OUR_ROWS = 200_000
REPETITIONS = 5


def measure_scoring(material: Material) -> list[Measurement]:
    """Measure rows scored per second, from scaled rows to scores; both sides must give equal scores."""
    settings = configure("ranjan-2019")
    lookback = settings.windows.lookback
    scaled = prepare_readings(convert_table(material.table), settings).scaled
    scaled = np.resize(scaled, (OUR_ROWS, scaled.shape[1]))
    network = build_network(settings.model.family, settings.model, lookback, scaled.shape[1], seed=0)
    their_network = published.build_network(lookback, scaled.shape[1], seed=0)
    their_network.set_weights(network.get_weights())
    their_rows, end_rows = scaled[:PUBLISHED_ROWS].astype(np.float64), np.arange(lookback - 1, OUR_ROWS)

    def score_published() -> np.ndarray:
        windows, _ = published.temporalize(their_rows, np.zeros(PUBLISHED_ROWS, dtype=int), lookback)
        return published.score(their_network, np.array(windows).reshape(len(windows), lookback, -1))

    columns = np.arange(scaled.shape[1])
    plain, compiled = make_scorer(network, columns), make_scorer(network, columns, is_compiled=True)
    compiling = take_seconds(lambda: compiled(scaled, end_rows[:1]))
    for scorer in (plain, compiled):
        require_equal_scores(score_published(), score_windows(scorer, scaled, end_rows))
    slow, traced, fast = alternate(
        [
            score_published,
            lambda: score_windows(plain, scaled, end_rows),
            lambda: score_windows(compiled, scaled, end_rows),
        ],
        REPETITIONS,
    )
    note = (
        f"{material.description}, repeated; windows of {lookback} x {scaled.shape[1]}, from scaled rows to "
        f"scores. Published, {PUBLISHED_ROWS:,} rows, loops and `predict` in batches of 32: "
        f"{write_rate(PUBLISHED_ROWS, slow)}. Ours, {OUR_ROWS:,} rows:"
    )
    with_xla = f"{note} {write_rate(OUR_ROWS, fast)} after compilation in {compiling:.1f} s. Equal scores."
    without = f"{note} {write_rate(OUR_ROWS, traced)}, traced but not compiled. Equal scores."
    seconds = slow.median * OUR_ROWS / PUBLISHED_ROWS
    return [
        Measurement("batch scoring", seconds / fast.median, GOAL, with_xla),
        Measurement("batch scoring without XLA", seconds / traced.median, None, without),
    ]


def write_rate(rows: int, seconds: Seconds) -> str:
    """Write rows per second."""
    return f"{rows / seconds.median:,.0f} rows/s (fastest {rows / seconds.fastest:,.0f})"


def require_equal_scores(theirs: np.ndarray, ours: np.ndarray) -> None:
    """Check that the scores of the same windows are equal; the published ones begin two windows later.

    Raises:
        RuntimeError: If they differ.
    """
    same_windows = ours[published.WINDOWS_LEFT_OUT : published.WINDOWS_LEFT_OUT + len(theirs)]
    if not np.allclose(theirs, same_windows, rtol=1e-4, atol=1e-6):
        raise RuntimeError(
            "The published scores and ours must be equal. They differ, so their times cannot be compared. "
            "Look for a change in `tasks/models/inference.py` or `tasks/models/build.py`."
        )
