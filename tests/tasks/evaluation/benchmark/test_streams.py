"""Folds joined to streams: in time order, on the rows that every method scores."""

from __future__ import annotations

import numpy as np

from tasks.evaluation.benchmark.streams import join_folds
from tests.folds import fold_of, fold_scores, four_runs

LABELLED = four_runs()
SCORES = np.arange(20.0)


def test_folds_are_joined_in_time_order() -> None:
    first, second = fold_of(1, 5, 12), fold_of(2, 12, 20)
    joined = join_folds([fold_scores(fold, SCORES, entrant="a") for fold in (second, first)], LABELLED)
    (stream,) = joined["a"]
    assert (stream.part.start, stream.part.stop) == (5, 20)
    np.testing.assert_array_equal(stream.part.end_rows, np.arange(5, 20))
    np.testing.assert_array_equal(stream.scores, np.arange(5.0, 20.0))
    part, scores = stream.cut(second)
    assert (part.start, part.stop, scores.tolist()) == (12, 20, list(np.arange(12.0, 20.0)))


def test_every_method_is_measured_on_the_rows_that_all_score() -> None:
    fold = fold_of(1, 5, 12)
    results = [
        fold_scores(fold, SCORES, entrant="a", end_rows=range(5, 12)),
        fold_scores(fold, SCORES + 1, entrant="b", end_rows=range(7, 12)),
    ]
    joined = join_folds(results, LABELLED)
    assert [stream.part.end_rows.tolist() for (stream,) in joined.values()] == [list(range(7, 12))] * 2
    assert joined["b"][0].scores.tolist() == [8.0, 9.0, 10.0, 11.0, 12.0]


def test_controls_come_last_and_seeds_stay_apart() -> None:
    fold = fold_of(1, 5, 12)
    controls = {"random": SCORES, "pca": SCORES}
    results = [fold_scores(fold, SCORES, entrant="a", seed=seed, controls=controls) for seed in (0, 1)]
    results += [fold_scores(fold, SCORES, entrant="b", seed=seed) for seed in (0, 1)]
    joined = join_folds(results, LABELLED)
    assert list(joined) == ["a", "b", "pca", "random"]
    assert [stream.seed for stream in joined["pca"]] == [0, 1]


def test_a_row_in_two_folds_counts_once() -> None:
    first, second = fold_of(1, 5, 13), fold_of(2, 12, 20)
    results = [fold_scores(first, SCORES, entrant="a"), fold_scores(second, -SCORES, entrant="a")]
    (stream,) = join_folds(results, LABELLED)["a"]
    assert len(stream.part.end_rows) == 15
    assert stream.scores[7] == 12.0
