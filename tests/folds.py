"""Folds of a rolling-origin evaluation, made by saying which rows are flagged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from schemas.backtest import Fold, FoldScores
from schemas.readings import LabelledReadings
from tests.builders import labelled_with

RATES = (1.0, 2.0, 5.0)


def four_runs() -> LabelledReadings:
    """Twenty rows in four runs of five; the last two rows of each run come right before its event."""
    return labelled_with(rows=24, events=[5, 11, 17, 23])


def fold_of(number: int, start: int, stop: int) -> Fold:
    """Make a fold that tests on the rows from `start` to before `stop`."""
    return Fold(number=number, validation_start=start - start // 4, test_start=start, test_stop=stop)


def fold_scores(
    fold: Fold,
    scores: np.ndarray,
    *,
    entrant: str = "model",
    seed: int = 0,
    threshold: float = 1.0,
    end_rows: Sequence[int] | None = None,
    controls: Mapping[str, np.ndarray] | None = None,
    tampered: Mapping[str, np.ndarray] | None = None,
    at_rates: Mapping[float, float] | None = None,
) -> FoldScores:
    """Make what a fold gives.

    Args:
        fold: The fold.
        scores: The entrant's scores of all rows, shape (rows,).
        entrant: Its name.
        seed: Seed of its training.
        threshold: The threshold that holds at every window.
        end_rows: Last rows of the windows; unless given, every test row.
        controls: Scores of all rows by control; unless given, none.
        tampered: Scores of all rows by way of tampering; unless given, 0 everywhere.
        at_rates: The threshold that holds under each promise; unless given, `threshold`.
    """
    ends = np.arange(fold.test_start, fold.test_stop) if end_rows is None else np.asarray(end_rows)
    is_model = entrant == "model"
    by_scorer = {"model": scores} | dict(controls or {})
    nothing = np.zeros(len(scores))
    by_way = dict(tampered or {"shuffled": nothing, "delayed": nothing}) if is_model else {}
    at_rates = (at_rates or dict.fromkeys(RATES, threshold)) if is_model else {}
    return FoldScores(
        entrant=entrant,
        fold=fold,
        seed=seed,
        end_rows=ends,
        scores={name: values[ends].astype(np.float64) for name, values in by_scorer.items()},
        held={name: np.full(len(ends), threshold) for name in by_scorer},
        held_at_rates={rate: np.full(len(ends), held) for rate, held in at_rates.items()},
        tampered={name: values[ends].astype(np.float64) for name, values in by_way.items()},
        threshold=threshold,
        parameters=10,
        epochs=3,
        seconds=1.0,
    )


def flags(labelled: LabelledReadings, rows: Sequence[int]) -> np.ndarray:
    """Score 1 on some rows and 0 on all others, shape (rows,)."""
    return np.isin(np.arange(len(labelled.labels)), rows).astype(np.float64)
