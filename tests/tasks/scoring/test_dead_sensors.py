"""Rows without the value of a sensor: scored by the others, or without a score, alike in any batches."""

from __future__ import annotations

import contextlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.score import Batch, Scorer, add_batch, describe_batch, summarise_scoring
from schemas.configuration import Configuration
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.scores import PinnedVersion
from tasks.scoring.append import find_places
from tasks.scoring.reading_settings import take_missing_settings
from tasks.scoring.resume import begin_scoring, score_next_rows
from tasks.scoring.score import score_readings
from tasks.times.parse import parse_times
from tests.detectors import make_detector, simulated_table

NOW = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 160
SENSORS = [f"x{number}" for number in range(1, 9)]
POLICIES: list[dict[str, Any]] = [
    {"missing_values": "refuse"},
    {"missing_values": "forward_fill", "fill_rows_at_most": 2},
    {"missing_values": "no_score"},
    {"missing_values": "no_score", "dead_sensors_at_most": 0},
]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    detector, model = make_detector(
        "join",
        model={"members": ["pca_t2", "logistic"]},
        readings={"drop_columns": [f"x{number}" for number in range(9, 62) if number != 28]},
        features={"trailing_rows": 8, "context_rows_at_most": 20, "context_hours": [0.5, 1.0]},
        threshold={"trailing_days": 0.1, "false_alarms_per_day": 60},
    )
    return Scorer(PinnedVersion(name="plant", number="1", asked="models:/plant/1"), detector, model)


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    table = simulated_table(1_000, seed=8).iloc[:ROWS]
    times = parse_times(table["time"], None, day_first=False) + pd.Timedelta(days=400)
    table = table.assign(time=times.dt.strftime("%Y-%m-%d %H:%M:%S"))
    return table.drop(index=table.index[70:75])


def with_policy(detector: Detector, **policy: Any) -> Detector:
    return take_missing_settings(detector, detector.readings.model_copy(update=policy))


def without(table: pd.DataFrame, cells: dict[str, range]) -> pd.DataFrame:
    changed = table.astype(dict.fromkeys(cells, float))
    for name, rows in cells.items():
        changed.iloc[list(rows), changed.columns.get_loc(name)] = np.nan
    return changed


def add_pieces(
    scorer: Scorer, table: pd.DataFrame, cuts: list[int], out: Path, policy: dict[str, Any]
) -> list[Batch]:
    batches = []
    for start, stop in zip([0, *cuts], [*cuts, len(table)], strict=True):
        data = out.with_name("piece.csv")
        table.iloc[start:stop].to_csv(data, index=False)
        # a piece without a row that can be scored is refused, and changes nothing
        with contextlib.suppress(InputError):
            given_settings = Configuration.model_validate({"readings": policy})
            batches.append(add_batch(scorer, data, find_places(out), given_settings, NOW))
    return batches


def score_in_pieces(scorer: Scorer, table: pd.DataFrame, cuts: list[int], policy: dict[str, Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scores.csv"
        add_pieces(scorer, table, cuts, out, policy)
        return out.read_bytes()


stretches = st.tuples(st.sampled_from(SENSORS[:3]), st.integers(0, ROWS - 6), st.integers(1, 12))


@settings(max_examples=15, deadline=None)
@given(
    policy=st.sampled_from(POLICIES),
    holes=st.lists(stretches, min_size=1, max_size=5),
    cuts=st.lists(st.integers(1, ROWS - 6), min_size=1, max_size=5, unique=True).map(sorted),
)
def test_missing_values_are_scored_alike_in_any_batches(
    scorer: Scorer,
    readings: pd.DataFrame,
    policy: dict[str, Any],
    holes: list[tuple[str, int, int]],
    cuts: list[int],
) -> None:
    table = readings
    for name, start, rows in holes:
        table = without(table, {name: range(start, min(start + rows, len(table)))})
    assert score_in_pieces(scorer, table, cuts, policy) == score_in_pieces(scorer, table, [], policy)


@pytest.mark.parametrize("policy", POLICIES)
def test_missing_values_are_scored_alike_row_by_row(
    scorer: Scorer, readings: pd.DataFrame, policy: dict[str, Any]
) -> None:
    table = without(readings, {"x1": range(20, 60), "x2": range(30, 33), "x3": range(58, 61)})
    table = table.drop(columns="y")
    detector = with_policy(scorer.detector, **{"dead_sensors_at_most": 2, **policy})
    whole = score_readings(detector, scorer.model, table)
    state, pieces = begin_scoring(detector), []
    for row in range(len(table)):
        scored, state = score_next_rows(detector, scorer.model, state, table.iloc[row : row + 1])
        pieces.append(scored)
    pd.testing.assert_frame_equal(pd.concat(pieces), whole)


@settings(max_examples=15, deadline=None)
@given(value=st.one_of(st.sampled_from(["Bad", " ", None, "9999", "-1e30"])), row=st.integers(0, ROWS - 6))
def test_what_stands_in_a_dead_cell_does_not_matter(
    scorer: Scorer, readings: pd.DataFrame, value: str | None, row: int
) -> None:
    detector = scorer.detector.model_copy(
        update={"readings": scorer.detector.readings.model_copy(update={"limits": {"x5": (-1e3, 1e3)}})}
    )
    expected = score_readings(detector, scorer.model, without(readings, {"x5": range(row, row + 1)}))
    table = readings.astype({"x5": object})
    table.iloc[row, table.columns.get_loc("x5")] = value
    scored = score_readings(detector, scorer.model, table)
    pd.testing.assert_frame_equal(scored, expected)


def test_features_of_other_sensors_do_not_change_and_those_of_the_dead_one_are_neutral(
    scorer: Scorer, readings: pd.DataFrame
) -> None:
    from tasks.scoring.score import compute_rows

    _, sound = compute_rows(scorer.detector, readings)
    _, dead = compute_rows(scorer.detector, without(readings, {"x5": range(40, 42)}))
    is_own = np.array([column.sensor == "x5" for column in sound.features.columns])
    np.testing.assert_array_equal(dead.scaled[:, ~is_own], sound.scaled[:, ~is_own])
    # differences and volatility look back on 3 and 10 rows, the trailing mean on 8
    is_touched = np.zeros(len(readings), dtype=bool)
    is_touched[40 : 42 + 9] = True
    is_touched &= sound.labelled.runs[: len(is_touched)] == sound.labelled.runs[40]
    assert (dead.scaled[np.ix_(is_touched, is_own)] == 0).all()
    np.testing.assert_array_equal(dead.scaled[~is_touched][:, is_own], sound.scaled[~is_touched][:, is_own])


def test_a_dead_sensor_is_named_in_the_output_and_drives_no_alarm(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    places = find_places(tmp_path / "scores.csv")
    table = without(readings, {"x5": range(30, ROWS - 5)})
    (batch,) = add_pieces(scorer, table, [], places.out, {})
    result = describe_batch(batch, scorer.version, places, {})
    assert result.rows_set_aside == 0
    assert result.dead_sensors == {"x5": ROWS - 5 - 30 - int(readings["y"].iloc[30:].sum())}
    assert "x5 (" in summarise_scoring(result)
    output = pd.read_csv(places.out, keep_default_na=False)
    assert output.columns[-1] == "missing_sensors"
    is_event = readings["y"].to_numpy() == 1
    assert set(output["missing_sensors"][~is_event][30:]) == {"x5"}
    assert set(output["missing_sensors"][:30]) == {""}
    alarms = output[output["alarm"] & (output["missing_sensors"] == "x5")]
    assert len(alarms) > 0
    named = {driver["sensor"] for drivers in alarms["drivers"] for driver in json.loads(drivers)}
    assert "x5" not in named
    assert len(named) > 1


def test_rows_without_a_value_have_no_score_and_are_counted(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    places = find_places(tmp_path / "scores.csv")
    table = without(readings.assign(y=0), {"x5": range(30, 40)})
    policy = {"missing_values": "no_score", "dead_sensors_at_most": 0}
    (batch,) = add_pieces(scorer, table, [], places.out, policy)
    result = describe_batch(batch, scorer.version, places, {})
    assert (result.rows_set_aside, result.rows_incomplete, result.dead_sensors) == (0, 10, {})
    output = pd.read_csv(places.out)
    # the rows, and those after them until there are enough for a window
    rows = scorer.detector.window_rows
    assert np.flatnonzero(output["score"].isna())[rows - 1 :][: 10 + rows - 1].tolist() == [
        *range(30, 40 + rows - 1)
    ]
    assert not output["alarm"][30:40].any()


def test_an_output_that_was_begun_without_the_column_goes_on_without_it(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    places = find_places(tmp_path / "scores.csv")
    (first,) = add_pieces(scorer, readings.iloc[:100], [], places.out, {})
    assert first.bookmark is not None
    columns = tuple(name for name in first.bookmark.columns if name != "missing_sensors")
    output = pd.read_csv(places.out, dtype=str, keep_default_na=False)[list(columns)]
    places.out.write_bytes(output.to_csv(index=False).encode())
    from dataclasses import replace

    from tasks.scoring.append import measure_file
    from tasks.scoring.carry_over import format_bookmark

    before = replace(first.bookmark, columns=columns, output=measure_file(places.out))
    places.state.write_bytes(format_bookmark(before))
    (second,) = add_pieces(scorer, without(readings.iloc[100:], {"x5": range(5)}), [], places.out, {})
    assert second.bookmark is not None
    assert second.bookmark.columns == columns
    assert pd.read_csv(places.out).columns.tolist() == list(columns)
