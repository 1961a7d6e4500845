"""Scoring as rows come: the same scores, thresholds and alarms as all at once, and none from the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import line
from schemas.configuration import Configuration
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.model import FittedModel
from schemas.readings import RawTable
from tasks.configuration.configure import configure
from tasks.readings.check import check_readings
from tasks.scoring.resume import begin_scoring, score_next_rows
from tasks.scoring.score import score_readings
from tasks.simulators.simulate import simulate_readings
from tasks.times.parse import parse_times
from tasks.windows.split import split_windows

SENSORS = [f"x{number}" for number in range(1, 9)]
SETTINGS = configure(
    settings=[
        "training.epochs=2",
        "model.units=[4,3]",
        "features.context_rows_at_most=60",
        "features.context_hours=[1,3]",
        "threshold.trailing_days=0.3",
        "threshold.false_alarms_per_day=20",
    ]
)
COLUMNS = ["score", "threshold", "alarm", "top_sensors", "drivers"]


def table_of(rows: int, seed: int) -> pd.DataFrame:
    return simulate_readings(rows=rows, seed=seed)[["time", "y", *SENSORS, "x28"]]


def train_on(table: pd.DataFrame, chosen: Configuration) -> tuple[Detector, FittedModel]:
    readings = check_readings(RawTable(table, "", ""), chosen.readings)
    prepared = line.prepare(RawTable(table, "", ""), readings, chosen)
    split = split_windows(prepared.windows, chosen.split, chosen.purge_rows)
    divided = line.scale(prepared, split, chosen)
    model, scores = line.fit(prepared, divided, chosen)
    thresholds, _ = line.set_thresholds(prepared, split, scores, chosen)
    detector = Detector(
        readings=chosen.readings.model_copy(update={"step_minutes": readings.step_minutes}),
        are_event_rows_kept=False,
        features=chosen.features,
        sensors=readings.sensors,
        categories=readings.categories,
        window_rows=chosen.window_rows,
        convention="within_runs",
        scaler=divided.scaler,
        threshold=thresholds["model"],
    )
    return detector, model


@pytest.fixture(scope="module")
def trained() -> tuple[Detector, FittedModel]:
    return train_on(table_of(4_000, seed=7), SETTINGS)


@pytest.fixture(scope="module")
def later() -> pd.DataFrame:
    """Readings of the same plant, later than those of training."""
    table = table_of(1_000, seed=8)
    times = parse_times(table["time"], None, day_first=False) + pd.Timedelta(days=400)
    return table.assign(time=times)


@pytest.fixture(scope="module")
def whole(trained: tuple[Detector, FittedModel], later: pd.DataFrame) -> pd.DataFrame:
    return score_readings(*trained, later)


def score_in_pieces(
    trained: tuple[Detector, FittedModel], table: pd.DataFrame, cuts: list[int]
) -> pd.DataFrame:
    state, pieces = begin_scoring(trained[0]), []
    for start, stop in zip([0, *cuts], [*cuts, len(table)], strict=True):
        scored, state = score_next_rows(*trained, state, table.iloc[start:stop])
        pieces.append(scored)
    return pd.concat(pieces)


def test_there_are_alarms_and_moving_thresholds_to_compare(whole: pd.DataFrame) -> None:
    assert whole["alarm"].sum() > 10
    assert whole["threshold"].nunique() > 5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 999), min_size=1, max_size=6, unique=True).map(sorted))
def test_scoring_in_pieces_equals_scoring_at_once(
    trained: tuple[Detector, FittedModel], later: pd.DataFrame, whole: pd.DataFrame, cuts: list[int]
) -> None:
    pieces = score_in_pieces(trained, later, cuts)
    pd.testing.assert_frame_equal(pieces[COLUMNS], whole[COLUMNS], check_exact=True)


def test_scoring_row_by_row_equals_scoring_at_once(
    trained: tuple[Detector, FittedModel], later: pd.DataFrame, whole: pd.DataFrame
) -> None:
    pieces = score_in_pieces(trained, later.iloc[:350], [300, *range(301, 350)])
    pd.testing.assert_frame_equal(pieces[COLUMNS], whole[COLUMNS].iloc[:350], check_exact=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 999), st.integers(0, 2**32 - 1))
def test_changing_later_rows_changes_no_earlier_score_or_alarm(
    trained: tuple[Detector, FittedModel], later: pd.DataFrame, whole: pd.DataFrame, first: int, seed: int
) -> None:
    changed = later.copy()
    noise = np.random.default_rng(seed).normal(scale=10, size=(len(later) - first, len(SENSORS)))
    changed.loc[first:, SENSORS] += noise
    # a later event is later news too
    changed.loc[changed.index[-1], "y"] = 1
    again = score_readings(*trained, changed)
    pd.testing.assert_frame_equal(again[COLUMNS].iloc[:first], whole[COLUMNS].iloc[:first], check_exact=True)


def test_rows_that_are_not_later_are_refused(
    trained: tuple[Detector, FittedModel], later: pd.DataFrame
) -> None:
    _, state = score_next_rows(*trained, begin_scoring(trained[0]), later.iloc[:100])
    with pytest.raises(InputError, match="time"):
        score_next_rows(*trained, state, later.iloc[90:120])


def test_the_history_that_is_carried_over_is_bounded(
    trained: tuple[Detector, FittedModel], later: pd.DataFrame
) -> None:
    _, state = score_next_rows(*trained, begin_scoring(trained[0]), later)
    assert state.rows is not None
    assert len(state.rows) < 200
