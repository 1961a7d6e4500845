"""The CARE score against the authors' package, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.evaluation.care import (
    AssetFigures,
    find_criticality,
    judge_asset,
    score_f_beta,
    score_group,
    weigh_rows,
)


def flags(*rows: int) -> np.ndarray:
    return np.array(rows, dtype=bool)


ASSETS = [
    judge_asset(flags(0, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1), (4, 10), critical_rows=3),
    judge_asset(flags(0, 1, 0, 0, 0, 0, 1, 0, 0, 0), None, critical_rows=3),
    judge_asset(flags(0, 0, 0, 0, 0, 0, 1, 1, 0, 0), (2, 10), critical_rows=3),
]


def test_the_score_is_that_of_the_authors_package() -> None:
    # computed with energy-fault-detector 0.8.1 and a criticality threshold of 3
    score = score_group(ASSETS)
    assert score is not None
    assert score.score == pytest.approx(0.7168587114415108)
    assert score.coverage == pytest.approx(0.6458333333333333)
    assert score.accuracy == pytest.approx(0.8)
    assert score.reliability == pytest.approx(0.8333333333333334)
    assert score.earliness == pytest.approx(0.505126890540887)
    assert [asset.is_detected for asset in ASSETS] == [True, False, False]


def test_criticality_rises_with_alarms_and_falls_without_but_not_below_0() -> None:
    assert find_criticality(flags(0, 0, 1, 1, 0, 1, 0, 0, 0, 1)).tolist() == [0, 0, 1, 2, 1, 2, 1, 0, 0, 1]


def test_alarms_after_a_fault_do_not_detect_it() -> None:
    assert not judge_asset(flags(0, 0, 0, 0, 1, 1, 1), (1, 4), critical_rows=3).is_detected


def test_alarms_in_the_first_quarter_of_a_fault_count_fully() -> None:
    weights = weigh_rows(8)
    assert weights[:2].tolist() == [1.0, 1.0]
    assert np.all(np.diff(weights[2:]) < 0)


def test_a_detector_that_never_warns_scores_0() -> None:
    silent = [judge_asset(np.zeros(9, dtype=bool), fault, 3) for fault in ((2, 6), None)]
    score = score_group(silent)
    assert score is not None
    assert (score.score, score.accuracy) == (0.0, 1.0)


def test_a_detector_that_always_warns_scores_its_accuracy() -> None:
    loud = [judge_asset(np.ones(9, dtype=bool), fault, 3) for fault in ((2, 6), None)]
    score = score_group(loud)
    assert score is not None
    assert score.score == 0.0


@pytest.mark.parametrize("assets", [ASSETS[:1], ASSETS[1:2], []])
def test_a_group_without_assets_of_both_kinds_has_no_score(assets: list[AssetFigures]) -> None:
    assert score_group(assets) is None


@settings(max_examples=20)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_the_f_score_is_that_of_scikit_learn(hits: int, false_alarms: int, misses: int) -> None:
    from sklearn.metrics import fbeta_score

    truth = [1] * (hits + misses) + [0] * (false_alarms + 1)
    flagged = [1] * hits + [0] * misses + [1] * false_alarms + [0]
    expected = fbeta_score(truth, flagged, beta=0.5, zero_division=0)
    assert score_f_beta(hits, false_alarms, misses) == pytest.approx(expected)
