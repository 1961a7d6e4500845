"""The scores of a method on all test rows of a table, in time order: its folds joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from schemas.backtest import MODEL, Fold, FoldScores
from schemas.evaluation import CONTROLS
from schemas.readings import LabelledReadings
from schemas.windows import Part


@dataclass(frozen=True, eq=False)
class Stream:
    """Scores of one method with one seed on the test of a table.

    Attributes:
        method: The method.
        seed: Seed of its trainings.
        folds: The folds, in time order.
        part: The test rows of all folds, and the windows that every method scores.
        scores: Scores of the windows, shape (windows,).
        thresholds: Threshold of each window, shape (windows,); an alarm is `score >= threshold`.
    """

    method: str
    seed: int
    folds: tuple[Fold, ...]
    part: Part
    scores: np.ndarray
    thresholds: np.ndarray

    def cut(self, fold: Fold) -> tuple[Part, np.ndarray]:
        """Return the test of one fold, and its scores."""
        is_inside = (self.part.end_rows >= fold.test_start) & (self.part.end_rows < fold.test_stop)
        chosen = self.part.select(is_inside)
        return Part(
            chosen.name,
            chosen.end_rows,
            chosen.places,
            chosen.labels,
            fold.test_start,
            fold.test_stop,
            is_scattered=False,
        ), self.scores[is_inside]


def join_folds(results: Sequence[FoldScores], labelled: LabelledReadings) -> dict[str, list[Stream]]:
    """Join the folds of each method and seed, on the rows that every method scores.

    Args:
        results: Scores of every method, fold and seed, in any order; a method is named by its entrant, and a
            control by itself.
        labelled: All rows.

    Returns:
        Streams by method, in the order of seeds; the controls come last.
    """
    pieces: dict[tuple[str, int], list[tuple[FoldScores, str]]] = {}
    for result in sorted(results, key=lambda each: (each.fold.number, each.seed)):
        for name in result.scores:
            method = result.entrant if name == MODEL else name
            pieces.setdefault((method, result.seed), []).append((result, name))
    joined = {key: _join(of_key) for key, of_key in pieces.items()}
    common = reduce(np.intersect1d, [end_rows for end_rows, _, _ in joined.values()])
    streams: dict[str, list[Stream]] = {}
    for (method, seed), (end_rows, scores, thresholds) in joined.items():
        folds = tuple(result.fold for result, _ in pieces[method, seed])
        chosen = np.isin(end_rows, common)
        part = Part(
            "test", common, common, labelled.labels[common], folds[0].test_start, folds[-1].test_stop, False
        )
        stream = Stream(method, seed, folds, part, scores[chosen], thresholds[chosen])
        streams.setdefault(method, []).append(stream)
    return {method: streams[method] for method in sorted(streams, key=_rank_method)}


def _rank_method(method: str) -> int:
    """Return a sort key: trained methods first, then the controls, the strongest first."""
    return len(CONTROLS) - CONTROLS.index(method) if method in CONTROLS else 0


def _join(pieces: Sequence[tuple[FoldScores, str]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join last rows, scores and thresholds; a row that rounding puts into two folds belongs to the first."""
    end_rows = np.concatenate([result.end_rows for result, _ in pieces])
    scores = np.concatenate([result.scores[name] for result, name in pieces])
    thresholds = np.concatenate([result.held[name] for result, name in pieces])
    kept, places = np.unique(end_rows, return_index=True)
    return kept, scores[places], thresholds[places]
