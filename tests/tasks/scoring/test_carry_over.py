"""Scoring in any batches, through files, is scoring at once; another version goes on from the same rows."""

from __future__ import annotations

import contextlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.score import Batch, Scorer, add_batch, describe_batch, summarise_scoring
from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.evaluation import RecentScores, Threshold, TrailingBudget
from schemas.scores import FORMAT_VERSION, Bookmark, CarriedRows, FileMark, KnownRows, PinnedVersion
from tasks.scoring.append import find_places
from tasks.scoring.carry_over import forget_later_scores, format_bookmark, read_bookmark, restore_rows
from tasks.scoring.output_rows import number_episodes
from tasks.scoring.score import score_readings
from tasks.times.parse import parse_times
from tests.detectors import make_detector, simulated_table

ROWS = 400
NOW = datetime(2024, 1, 1, tzinfo=UTC)
# eight sensors and a category: batches are scored sooner
SHORT_PAST = {
    "readings": {
        "drop_columns": [f"x{number}" for number in range(9, 62) if number != 28],
        "dead_sensors_at_most": 0,
    },
    "features": {"context_rows_at_most": 60, "context_hours": [1.0, 3.0]},
    "threshold": {"trailing_days": 0.3, "false_alarms_per_day": 60},
}


def version(number: int) -> PinnedVersion:
    return PinnedVersion(name="plant", number=str(number), asked=f"models:/plant/{number}")


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    model = {"family": "join", "members": ["pca_t2", "logistic"]}
    return Scorer(version(1), *make_detector("join", model=model, **SHORT_PAST))


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    """Readings later than those of training, with known events, a gap, and rows that cannot be scored."""
    table = simulated_table(1_000, seed=8).iloc[:ROWS]
    times = (parse_times(table["time"], None, day_first=False) + pd.Timedelta(days=400)).dt.strftime(
        "%Y-%m-%d %H:%M:%S"
    )
    table = table.assign(time=times).astype({"x5": object, "time": object})
    table.iloc[[50, 51, 130, 311], table.columns.get_loc("x5")] = [None, "off", np.inf, None]
    table.iloc[[90, 200], 0] = ["?", table["time"].iloc[20]]
    return table.drop(index=table.index[250:260])


def add_pieces(
    scorer: Scorer, table: pd.DataFrame, cuts: list[int], out: Path, settings: Configuration | None = None
) -> list[Batch]:
    """Score a table in pieces, each read from a file, as one command after the other does."""
    batches = []
    for start, stop in zip([0, *cuts], [*cuts, len(table)], strict=True):
        data = out.with_name("piece.csv")
        table.iloc[start:stop].to_csv(data, index=False)
        # a piece without a row that can be scored is refused, and changes nothing
        with contextlib.suppress(InputError):
            places = find_places(out)
            batches.append(add_batch(scorer, data, places, settings or Configuration(), NOW))
    return batches


@pytest.fixture(scope="module", params=["csv", "parquet"])
def at_once(
    request: pytest.FixtureRequest,
    scorer: Scorer,
    readings: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, bytes]:
    out = tmp_path_factory.mktemp("at-once") / f"scores.{request.param}"
    (batch,) = add_pieces(scorer, readings, [], out)
    # there are alarms in episodes, moving thresholds, known events, and rows set aside
    assert batch.scored["episode"].max() > 5
    assert batch.scored["alarm"].sum() > batch.scored["episode"].max()
    assert batch.scored["threshold"].nunique() > 5
    assert len(batch.rows.set_aside) == 6
    return request.param, out.read_bytes()


def score_in_pieces(scorer: Scorer, table: pd.DataFrame, cuts: list[int], ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"scores.{ending}"
        add_pieces(scorer, table, cuts, out)
        return out.read_bytes()


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 389), min_size=1, max_size=5, unique=True).map(sorted))
def test_scoring_in_any_batches_writes_the_bytes_of_scoring_at_once(
    scorer: Scorer, readings: pd.DataFrame, at_once: tuple[str, bytes], cuts: list[int]
) -> None:
    ending, expected = at_once
    assert score_in_pieces(scorer, readings, cuts, ending) == expected


@pytest.mark.parametrize("rows", [1, 7])
def test_scoring_in_small_batches_writes_the_bytes_of_scoring_at_once(
    scorer: Scorer, readings: pd.DataFrame, rows: int
) -> None:
    first = readings.iloc[:150]
    cuts = [110, *range(110 + rows, 150, rows)]
    assert score_in_pieces(scorer, first, cuts, "csv") == score_in_pieces(scorer, first, [], "csv")


def test_rows_older_than_the_scores_of_training_are_scored_alike_in_batches(scorer: Scorer) -> None:
    table = simulated_table(6_000, seed=5).iloc[4_000:4_300]
    assert score_in_pieces(scorer, table, [100, 200], "csv") == score_in_pieces(scorer, table, [], "csv")


def test_what_is_written_is_what_the_version_says(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    (batch,) = add_pieces(scorer, readings, [], tmp_path / "scores.csv")
    sound = readings.drop(index=readings.index[[50, 51, 90, 130, 200, 301]])
    expected = score_readings(scorer.detector, scorer.model, sound.astype({"x5": float}))
    for column in ("score", "threshold", "alarm", "top_sensors"):
        assert batch.scored[column].tolist() == pytest.approx(expected[column].tolist(), abs=0, nan_ok=True)


def test_the_same_table_twice_changes_not_one_byte(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    add_pieces(scorer, readings, [], tmp_path / "scores.csv")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    (batch,) = add_pieces(scorer, readings, [], tmp_path / "scores.csv")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert batch.rows.skipped + batch.rows.skipped_set_aside == len(readings)


def test_a_table_with_the_newest_row_first_gives_the_bytes_of_the_table_in_order(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    table = readings.drop(index=readings.index[[90, 200]])
    (batch,) = add_pieces(scorer, table[::-1], [], tmp_path / "scores.csv")
    (again,) = add_pieces(scorer, table, [], tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_bytes() == score_in_pieces(scorer, table, [], "csv")
    assert (len(again.scored), again.rows.skipped_set_aside) == (0, 4)
    result = describe_batch(batch, scorer.version, find_places(tmp_path / "scores.csv"), {})
    assert "sorted by time: 387 of them" in summarise_scoring(result)
    assert result.rows_sorted == 387


def test_a_line_that_is_still_being_written_is_scored_once_when_it_is_complete(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    table, data, out = readings.iloc[:40], tmp_path / "growing.csv", tmp_path / "scores.csv"
    text = table.to_csv(index=False)
    first_row = text.index("\n") + 1
    waiting = []
    for stop in (first_row + 9, len(text) // 2, len(text) - 200, len(text) - 1, len(text)):
        data.write_text(text[:stop])
        batch = add_batch(scorer, data, find_places(out), Configuration(), NOW)
        result = describe_batch(batch, scorer.version, find_places(out), {})
        assert len(result.notes) == result.rows_waiting
        waiting.append(result.rows_waiting)
    assert waiting == [1, 1, 1, 1, 0]
    assert "has no line end" not in summarise_scoring(result)
    assert out.read_bytes() == score_in_pieces(scorer, table, [], "csv")


def test_corrected_values_at_times_already_scored_are_named(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    table = readings.iloc[:40]
    add_pieces(scorer, table, [20], tmp_path / "scores.csv")
    before = (tmp_path / "scores.csv").read_bytes()
    corrected = table.assign(x3=[*table["x3"][:30], *(table["x3"][30:] + 1)])
    (batch,) = add_pieces(scorer, corrected, [], tmp_path / "scores.csv")
    result = describe_batch(batch, scorer.version, find_places(tmp_path / "scores.csv"), {})
    assert (result.rows_skipped, result.rows_changed) == (40, 10)
    shown = summarise_scoring(result)
    assert "10 of the rows of " in shown
    assert "were scored before with other values; the first is row 32 at" in shown
    assert (tmp_path / "scores.csv").read_bytes() == before


def test_a_state_of_an_earlier_release_goes_on(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    table, places = readings.iloc[:40], find_places(tmp_path / "scores.csv")
    add_pieces(scorer, table.iloc[:20], [], places.out)
    state = json.loads(places.state.read_text())
    del state["known"]
    places.state.write_text(json.dumps({**state, "format_version": 1}))
    (batch,) = add_pieces(scorer, table, [], places.out)
    assert (batch.rows.skipped, batch.rows.changed, len(batch.scored)) == (20, 0, 20)
    assert places.out.read_bytes() == score_in_pieces(scorer, table, [], "csv")
    assert json.loads(places.state.read_text())["format_version"] == FORMAT_VERSION


def test_a_table_of_two_machines_is_refused_and_nothing_is_written(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    other = readings.assign(x5=readings["x1"])
    pd.concat([readings, other]).sort_values("time", kind="stable").to_csv(tmp_path / "two.csv", index=False)
    places = find_places(tmp_path / "scores.csv")
    with pytest.raises(InputError, match="set `readings.machine_column`"):
        add_batch(scorer, tmp_path / "two.csv", places, Configuration(), NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["two.csv"]


def test_a_new_version_takes_the_rows_as_history_and_starts_from_its_own_threshold(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    table = readings.iloc[:50]
    second = Scorer(version(2), *make_detector("zscore", **SHORT_PAST))
    add_pieces(scorer, table.iloc[:30], [], tmp_path / "scores.csv")
    (batch,) = add_pieces(second, table, [], tmp_path / "scores.csv")
    whole = score_readings(second.detector, second.model, table.astype({"x5": float}))
    assert batch.scored["score"].tolist() == whole["score"].iloc[30:].tolist()
    # row 4 has the first window, and a threshold that follows the version's own scores alone
    assert batch.scored["threshold"].iloc[0] == whole["threshold"].iloc[4] != scorer.detector.threshold.value
    assert batch.scored["model_version"].unique().tolist() == ["2"]
    result = describe_batch(batch, second.version, find_places(tmp_path / "scores.csv"), {})
    assert (result.is_version_changed, result.previous_version) == (True, "1")
    assert "changed since the last batch" in summarise_scoring(result)


def test_versions_of_another_model_are_refused(
    scorer: Scorer, readings: pd.DataFrame, tmp_path: Path
) -> None:
    add_pieces(scorer, readings.iloc[:30], [], tmp_path / "scores.csv")
    other = Scorer(PinnedVersion(name="other", number="1", asked="x"), scorer.detector, scorer.model)
    data, places = tmp_path / "piece.csv", find_places(tmp_path / "scores.csv")
    with pytest.raises(InputError, match="registered model plant"):
        add_batch(other, data, places, Configuration(), NOW)


def test_the_result_accounts_for_every_row(scorer: Scorer, readings: pd.DataFrame, tmp_path: Path) -> None:
    first, second = add_pieces(scorer, readings, [200], tmp_path / "scores.csv")
    places = find_places(tmp_path / "scores.csv")
    results = [describe_batch(batch, scorer.version, places, {}) for batch in (first, second)]
    for result in results:
        assert result.rows_read == (
            result.rows_scored
            + result.rows_without_history
            + result.rows_skipped
            + result.rows_set_aside
            + result.rows_skipped_set_aside
        )
    table = pd.read_csv(places.out)
    assert results[1].rows_of_output == len(table)
    assert results[1].episodes_of_output == table["episode"].max() == sum(one.episodes for one in results)
    assert sum(one.alarms for one in results) == table["alarm"].sum()
    last = table[table["alarm"]].iloc[-1]
    assert results[1].last_alarm is not None
    assert results[1].last_alarm.score == last["score"]
    assert last["top_sensors"] in summarise_scoring(results[1])


def bookmark_with(values: list[float], *, is_alarm: bool = False, episodes: int = 0) -> Bookmark:
    times = pd.date_range("2024-05-01", periods=len(values), freq="2min").to_numpy("datetime64[ns]")
    recent = RecentScores(times=(1,), runs=(0,), scores=(values[0],))
    budget = TrailingBudget(
        false_alarms_per_day=5,
        rows=10,
        recalibrate_minutes=60,
        repeat_alarm_minutes=30,
        step_minutes=2,
        recent=recent,
    )
    return Bookmark(
        model_name="plant",
        model_version="1",
        threshold=Threshold(value=values[-1], rule="trailing_budget", trailing=budget),
        carried=CarriedRows(
            times=times,
            events=np.zeros(len(values), dtype=bool),
            values=pd.DataFrame({"x1": values}),
            categories=pd.DataFrame({"x28": [None, *["9"] * (len(values) - 1)]}, dtype=object),
        ),
        held_rows={"x1": 2},
        rows=7,
        episodes=episodes,
        is_alarm=is_alarm,
        columns=("time",),
        output=FileMark(3, "a"),
        set_aside=FileMark(),
        known=KnownRows(("x1", "x28"), np.array([0, 7, 2**64 - 1], dtype=np.uint64), True),
    )


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=5))
def test_every_number_of_a_state_comes_back_as_the_very_same(values: list[float]) -> None:
    bookmark = bookmark_with(values)
    found = read_bookmark(format_bookmark(bookmark), "state")
    assert found.carried.values["x1"].to_numpy().tobytes() == np.array(values).tobytes()
    assert found.carried.times.tolist() == bookmark.carried.times.tolist()
    assert found.carried.categories["x28"].tolist() == bookmark.carried.categories["x28"].tolist()
    assert found.threshold == bookmark.threshold
    assert found.known.hashes.tolist() == bookmark.known.hashes.tolist()
    assert (found.known.columns, found.known.are_zoned) == (("x1", "x28"), True)
    rest = ("held_rows", "rows", "episodes", "is_alarm", "columns", "output", "set_aside")
    assert all(getattr(found, name) == getattr(bookmark, name) for name in rest)


def test_rows_that_lack_what_a_version_needs_are_no_history() -> None:
    detector, _ = make_detector("zscore", **SHORT_PAST)
    assert restore_rows(bookmark_with([1.0, 2.0]).carried, detector) is None


def test_scores_of_training_that_are_not_older_are_left_out() -> None:
    threshold = bookmark_with([1.0, 2.0]).threshold
    assert threshold.trailing is not None
    recent = RecentScores(times=(10, 20, 30), runs=(0, 0, 0), scores=(1.0, 2.0, 3.0))
    threshold = threshold.model_copy(
        update={"trailing": threshold.trailing.model_copy(update={"recent": recent})}
    )
    kept = forget_later_scores(threshold, np.datetime64(20, "ns"))
    assert kept.trailing is not None
    assert kept.trailing.recent.times == (10,)


@pytest.mark.parametrize(
    ("alarms", "is_open", "first_minute", "expected"),
    [
        ("--xx-x", False, 4, [None, None, 4, 4, None, 5]),
        ("x-x", True, 4, [3, None, 4]),
        ("x-x", True, 10, [4, None, 5]),
        ("-x", True, 4, [None, 4]),
    ],
)
def test_an_episode_goes_on_over_the_border_of_a_batch_but_not_over_a_gap(
    alarms: str, is_open: bool, first_minute: int, expected: list[int | None]
) -> None:
    # the last row before has minute 2
    bookmark = bookmark_with([1.0, 2.0], is_alarm=is_open, episodes=3)
    minutes = first_minute + 2 * np.arange(len(alarms))
    times = np.datetime64("2024-05-01", "ns") + minutes.astype("timedelta64[m]")
    is_alarm = np.array([mark == "x" for mark in alarms])
    assert number_episodes(times, is_alarm, 2.0, bookmark) == expected
