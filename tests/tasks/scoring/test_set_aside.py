"""Which new rows can be scored, and what is said of the others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import Configuration, ReadingsSection
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.evaluation import Threshold
from schemas.readings import RawTable
from schemas.scores import Bookmark, FileMark, KnownRows, OpenedOutput, SortedRows
from tasks.scoring.carry_over import keep_rows
from tasks.scoring.reading_settings import choose_reading_settings
from tasks.scoring.set_aside import set_rows_aside
from tasks.values.fill import hold_last_values

NOW = datetime(2024, 6, 1, tzinfo=UTC)
NOTHING = OpenedOutput(None, np.zeros(0, dtype="datetime64[ns]"), frozenset())
STRICT = ReadingsSection(step_minutes=2, dead_sensors_at_most=0)
FILL = STRICT.model_copy(update={"missing_values": "forward_fill", "fill_rows_at_most": 2})


def detector_of(section: ReadingsSection | None = None, **changes: Any) -> Detector:
    """The part of a detector that sorting looks at; sensors a and b, category g."""
    fields = {
        "readings": section or STRICT,
        "sensors": ("a", "b"),
        "categories": ("g",),
        "are_event_rows_kept": False,
        **changes,
    }
    return Detector.model_construct(**fields)


def table_with(rows: int = 6, **columns: Any) -> pd.DataFrame:
    """Sound rows two minutes apart, numbered from 2, with some columns replaced or added."""
    minutes = pd.to_timedelta(2 * np.arange(rows), "min")
    table = {
        "time": (pd.Timestamp("2024-05-01") + minutes).strftime("%Y-%m-%d %H:%M:%S").tolist(),
        "a": np.arange(rows) + 0.5,
        "b": np.arange(rows) * 2.0,
        "g": ["96"] * rows,
    }
    return pd.DataFrame({**table, **columns}, index=range(2, rows + 2))


def sort_rows(
    table: pd.DataFrame, detector: Detector | None = None, opened: OpenedOutput = NOTHING
) -> SortedRows:
    detector = detector or detector_of()
    return set_rows_aside(RawTable(table, "new.csv", "0" * 64), detector, detector.readings, opened, NOW)


def opened_after(rows: SortedRows, detector: Detector, before: OpenedOutput = NOTHING) -> OpenedOutput:
    """What is known of an output when these rows have been added."""
    if not len(rows.usable):
        return OpenedOutput(
            before.bookmark, before.times, before.rows_set_aside | {*rows.set_aside["values"]}
        )
    bookmark = Bookmark(
        model_name="m",
        model_version="1",
        threshold=Threshold(value=1.0, rule="fixed"),
        carried=keep_rows(rows.usable, detector),
        held_rows=rows.held_rows,
        rows=0,
        episodes=0,
        is_alarm=False,
        columns=(),
        output=FileMark(),
        set_aside=FileMark(),
        known=rows.known,
    )
    times = np.concatenate([before.times, rows.usable["time"].to_numpy()])
    return OpenedOutput(bookmark, times, before.rows_set_aside | {*rows.set_aside["values"]})


def faults(rows: SortedRows) -> dict[str, list[str]]:
    return dict(zip(rows.set_aside["row"], rows.set_aside["reasons"], strict=True))


def test_sound_rows_are_all_usable() -> None:
    rows = sort_rows(table_with())
    assert rows.usable.index.tolist() == [2, 3, 4, 5, 6, 7]
    assert len(rows.set_aside) == rows.skipped == 0


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("time", None, "time: not a time"),
        ("time", "yesterday", "time: not a time"),
        ("time", "2024-05-01 00:02:00", "time: same time as an earlier row"),
        ("time", "2034-05-01 00:00:00", "time: more than a day in the future"),
        ("a", None, "a: missing value"),
        ("a", np.inf, "a: infinite value"),
        ("b", "off", "b: text where a number is expected"),
    ],
)
def test_a_faulty_row_is_set_aside_with_its_reason(column: str, value: Any, reason: str) -> None:
    table = table_with().astype({column: object})
    table.loc[5, column] = value
    rows = sort_rows(table)
    assert rows.usable.index.tolist() == [2, 3, 4, 6, 7]
    assert faults(rows) == {"5": [reason]}
    assert rows.reasons == {reason: 1}


def test_every_failing_column_has_its_reason() -> None:
    rows = sort_rows(table_with(a=[0.5, np.nan, 1, 1, 1, 1], b=[1, "off", 1, 1, 1, 1]))
    assert faults(rows) == {"3": ["a: missing value", "b: text where a number is expected"]}


def test_a_row_set_aside_is_kept_with_all_its_values() -> None:
    rows = sort_rows(table_with(a=[0.1 + 0.2, 1, None, 1, 1, 1], spare=['x, "y"', 5, 5.0, "5", None, 1]))
    assert rows.set_aside["time"].tolist() == ["2024-05-01 00:04:00"]
    values = json.loads(rows.set_aside["values"].iloc[0])
    assert values == {"time": "2024-05-01 00:04:00", "a": None, "b": "4", "g": "96", "spare": "5"}


def test_faults_in_columns_that_are_not_needed_do_no_harm() -> None:
    rows = sort_rows(table_with(spare=[None, np.inf, "off", 1, 2, 3]))
    assert len(rows.usable) == 6


def test_a_missing_label_means_that_no_event_is_known() -> None:
    rows = sort_rows(table_with(y=[0, 1, None, 0, 0, 0]))
    assert rows.usable["y"].tolist() == [0, 1, 0, 0, 0, 0]


def test_a_label_that_is_none_is_set_aside() -> None:
    assert faults(sort_rows(table_with(y=[0, 1, 7, 0, 0, 0]))) == {"4": ["y: neither 0 nor 1"]}


def test_rows_are_sorted_by_time_and_rows_of_the_same_time_keep_their_order() -> None:
    table = table_with().iloc[::-1]
    rows = sort_rows(table)
    assert rows.usable.index.tolist() == [2, 3, 4, 5, 6, 7]
    assert (len(rows.set_aside), rows.sorted_rows) == (0, 5)
    repeated = table.assign(time=[*table["time"].iloc[:5], table["time"].iloc[4]])
    rows = sort_rows(repeated)
    assert rows.usable.index.tolist() == [3, 4, 5, 6, 7]
    assert faults(rows) == {"2": ["time: same time as an earlier row"]}


def test_a_table_in_order_needs_no_sorting() -> None:
    assert sort_rows(table_with()).sorted_rows == 0


def test_one_time_far_back_hides_no_later_row() -> None:
    times = table_with()["time"].tolist()
    times[2] = "1999-01-01 00:00:00"
    assert sort_rows(table_with(time=times)).usable.index.tolist() == [4, 2, 3, 5, 6, 7]


def test_a_time_far_ahead_or_unreadable_puts_no_row_out_of_order() -> None:
    times = ["2034-05-01 00:00:00", *table_with()["time"].tolist()[1:5], "?"]
    rows = sort_rows(table_with(time=times))
    assert rows.usable.index.tolist() == [3, 4, 5, 6]
    assert rows.sorted_rows == 0


def test_rows_set_aside_are_listed_in_the_order_of_the_table() -> None:
    rows = sort_rows(table_with(a=[1, None, 2, 3, None, 4])[::-1].set_axis(range(2, 8)))
    assert rows.set_aside["row"].tolist() == ["3", "6"]


@pytest.mark.parametrize("written", ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M"])
def test_a_reason_names_the_column_however_times_are_written(written: str) -> None:
    times = pd.to_datetime(table_with()["time"]).dt.strftime(written).tolist()
    rows = sort_rows(table_with(time=[*times[:5], times[3]]))
    assert faults(rows) == {"7": ["time: same time as an earlier row"]}


def test_a_row_between_others_after_the_clock_was_set_back_is_set_aside() -> None:
    minutes = [*range(0, 60, 2), 57, 60, 62]
    times = (pd.Timestamp("2024-05-01") + pd.to_timedelta(minutes, "min")).astype(str).tolist()
    rows = sort_rows(table_with(33, time=times))
    assert faults(rows) == {"32": ["time: below a later row, and between rows at the usual step"]}


def test_a_mended_row_may_come_before_any_later_row() -> None:
    table = table_with(a=[0.5, 1, 1, 1, 1, np.nan])
    detector = detector_of()
    opened = opened_after(sort_rows(table), detector)
    again = sort_rows(table.fillna({"a": 9.0}), opened=opened)
    assert again.usable.index.tolist() == [7]
    assert again.skipped == 5


def test_rows_that_were_scored_are_skipped_and_counted() -> None:
    opened = opened_after(sort_rows(table_with(4)), detector_of())
    rows = sort_rows(table_with(6), opened=opened)
    assert rows.skipped == 4
    assert rows.usable.index.tolist() == [6, 7]


def test_rows_that_come_again_with_other_values_are_counted_and_the_first_is_named() -> None:
    opened = opened_after(sort_rows(table_with()), detector_of())
    table = table_with(a=[0.5, 1.5, 9, np.nan, 4.5, 5.5], g=["96"] * 5 + ["97"])
    rows = sort_rows(table, opened=opened)
    assert (rows.skipped, rows.changed) == (6, 3)
    assert rows.first_changed == "row 4 at 2024-05-01 00:04:00"


def test_rows_that_come_again_written_otherwise_or_with_a_label_are_the_same() -> None:
    detector = detector_of()
    opened = opened_after(sort_rows(table_with(y=[None] * 6)), detector)
    written = table_with(g=[96.0] * 6, y=[0, 1, 0, 0, 0, 0], spare=range(6))
    written = written.assign(a=written["a"].astype(str))[["y", "g", "spare", "b", "a", "time"]]
    assert sort_rows(written, detector, opened).changed == 0


def test_a_value_that_was_filled_and_is_known_now_is_another_value() -> None:
    detector = detector_of(FILL)
    table = table_with(a=[5, np.nan, 7, 8, 9, 10])
    opened = opened_after(sort_rows(table, detector), detector)
    assert sort_rows(table, detector, opened).changed == 0
    assert sort_rows(table.fillna({"a": 6.0}), detector, opened).changed == 1


def test_a_repeated_row_of_a_table_that_comes_again_has_not_changed() -> None:
    times = [*table_with()["time"][:5], table_with()["time"].iloc[4]]
    opened = opened_after(sort_rows(table_with(time=times)), detector_of())
    assert sort_rows(table_with(time=times), opened=opened).changed == 0


def test_what_is_known_of_rows_grows_from_batch_to_batch() -> None:
    detector, opened = detector_of(), NOTHING
    for start in range(0, 6, 2):
        opened = opened_after(
            sort_rows(table_with().iloc[start : start + 2], opened=opened), detector, opened
        )
    assert sort_rows(table_with(b=9.0), opened=opened).changed == 6


def test_rows_of_which_nothing_is_known_count_as_scored() -> None:
    opened = opened_after(sort_rows(table_with(4)), detector_of())
    assert opened.bookmark is not None
    old = OpenedOutput(replace(opened.bookmark, known=KnownRows()), opened.times, opened.rows_set_aside)
    rows = sort_rows(table_with(b=9.0), opened=old)
    assert (rows.skipped, rows.changed) == (4, 0)
    # from here on new rows are known
    again = sort_rows(table_with(b=8.0), opened=opened_after(rows, detector_of(), old))
    assert (again.skipped, again.changed) == (6, 2)


@pytest.mark.parametrize("zones", [("", "+00:00"), ("Z", ""), ("+02:00", "")])
def test_times_with_and_without_a_zone_are_refused_after_each_other(zones: tuple[str, str]) -> None:
    before, after = [table_with().assign(time=table_with()["time"] + zone) for zone in zones]
    opened = opened_after(sort_rows(before.iloc[:3]), detector_of())
    with pytest.raises(InputError, match=r"time zone, as in the rows that were scored before. 6 rows of"):
        sort_rows(after, opened=opened)
    # and within one table
    with pytest.raises(InputError, match=r"as in the rows above. 3 rows of new.csv .* the first is row 5, "):
        sort_rows(pd.concat([before.iloc[:3], after.iloc[3:]]))
    assert len(sort_rows(before, opened=opened).usable) == 3


def test_another_offset_is_no_other_kind_of_time() -> None:
    opened = opened_after(sort_rows(table_with(3).assign(time=table_with(3)["time"] + "Z")), detector_of())
    later = (pd.to_datetime(table_with()["time"]) + pd.Timedelta(hours=2)).astype(str) + "+02:00"
    rows = sort_rows(table_with(time=later.tolist()), opened=opened)
    assert (rows.skipped, len(rows.usable), rows.changed) == (3, 3, 0)


def test_a_row_that_comes_too_late_is_set_aside() -> None:
    opened = opened_after(sort_rows(table_with().drop(index=4)), detector_of())
    rows = sort_rows(table_with(), opened=opened)
    assert rows.skipped == 5
    assert faults(rows) == {"4": ["time: earlier than the last scored row: it arrived too late"]}


def test_a_row_is_set_aside_once() -> None:
    table = table_with(a=[0.5, 1, np.nan, 1, 1, 1])
    opened = opened_after(sort_rows(table), detector_of())
    # the same row in another table, where the column is text
    again = sort_rows(table.astype({"a": object}).assign(b=table["b"].astype(str)), opened=opened)
    assert len(again.set_aside) == 0
    assert again.skipped_set_aside == 1


def test_a_row_whose_value_will_be_filled_is_usable() -> None:
    rows = sort_rows(table_with(a=[5, np.nan, np.nan, 7, np.nan, 9]), detector_of(FILL))
    assert rows.usable["a"].fillna(0).tolist() == [5, 0, 0, 7, 0, 9]
    assert len(rows.set_aside) == 0
    assert rows.dead == {}


def test_words_and_numbers_for_no_value_are_holes() -> None:
    section = FILL.model_copy(update={"missing_words": ("Bad Input", "-9999")})
    rows = sort_rows(table_with(a=["5", "bad input", "6", "-9999", "7", "9"]), detector_of(section))
    assert rows.usable["a"].fillna(0).tolist() == [5, 0, 6, 0, 7, 9]
    assert len(rows.set_aside) == 0


def test_a_value_beyond_the_limits_of_training_is_a_hole() -> None:
    section = FILL.model_copy(update={"limits": {"a": (0.0, 10.0)}})
    rows = sort_rows(table_with(a=[5.0, -1.0, 6.0, 11.0, 7.0, 9.0]), detector_of(section))
    assert rows.usable["a"].fillna(0).tolist() == [5, 0, 6, 0, 7, 9]


def test_a_row_with_a_word_for_no_value_is_set_aside_as_it_came() -> None:
    rows = sort_rows(table_with(a=["5", "Bad Input", "6", "7", "8", "9"]))
    assert faults(rows) == {"3": ["a: missing value"]}
    assert json.loads(rows.set_aside["values"].iloc[0])["a"] == "Bad Input"


def test_what_is_beyond_the_longest_hole_is_set_aside() -> None:
    rows = sort_rows(table_with(a=[5, np.nan, np.nan, np.nan, 7, 8]), detector_of(FILL))
    assert rows.usable["a"].fillna(0).tolist() == [5, 0, 0, 7, 8]
    assert faults(rows) == {"5": ["a: missing value"]}


def test_no_hole_is_filled_across_a_gap() -> None:
    table = table_with(a=[5, 6, 6, np.nan, 7, 8]).drop(index=4)
    assert faults(sort_rows(table, detector_of(FILL))) == {"5": ["a: missing value"]}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([np.nan, 1.0, 2.0]), min_size=12, max_size=12),
    st.lists(st.integers(1, 11), max_size=4, unique=True).map(sorted),
)
def test_rows_whose_holes_will_be_filled_are_usable_in_any_batches(
    values: list[float], cuts: list[int]
) -> None:
    values = [5.0, *values[1:]]
    table, detector = table_with(12, a=values), detector_of(FILL)
    pieces, opened = [], NOTHING
    for start, stop in zip([0, *cuts], [*cuts, 12], strict=True):
        try:
            rows = sort_rows(table.iloc[start:stop], detector, opened)
        except InputError:
            continue  # no row of the piece can be scored
        pieces.append(rows.usable)
        opened = opened_after(rows, detector, opened)
    at_once = sort_rows(table, detector).usable
    pd.testing.assert_frame_equal(pd.concat(pieces), at_once)
    held = hold_last_values(np.array(values)[:, None], np.zeros(12, dtype=int), 2)[:, 0]
    filled = pd.Series(held, index=table.index).dropna()
    assert set(filled.index) == set(at_once.index)


@pytest.mark.parametrize("spare", [[1, 2, 3, 4, 5, 6], ["on", 2, 3, 4, 5, 6]])
def test_categories_are_read_alike_whatever_is_in_their_column(spare: list[Any]) -> None:
    rows = sort_rows(table_with(g=[96, 96, 97.0, "97", " 98", None], spare=spare))
    assert rows.usable["g"].tolist() == ["96", "96", "97", "97", "98", None]


def test_columns_of_other_names_get_those_of_the_version() -> None:
    table = table_with(y=[0, 1, 0, 0, 0, 0]).rename(columns={"time": "stamp", "y": "break"})
    configured = Configuration.model_validate({"readings": {"time_column": "stamp", "label_column": "break"}})
    detector = detector_of()
    section = choose_reading_settings(detector, configured)
    rows = set_rows_aside(RawTable(table, "new.csv", ""), detector, section, NOTHING, NOW)
    assert rows.usable.columns.tolist() == ["time", "y", "a", "b", "g"]
    assert rows.usable["y"].tolist() == [0, 1, 0, 0, 0, 0]


def test_what_is_not_configured_is_as_in_training() -> None:
    section = choose_reading_settings(
        detector_of(FILL), Configuration.model_validate({"readings": {"decimal": ","}})
    )
    assert section == FILL.model_copy(update={"decimal": ","})


def test_a_causal_replay_is_refused() -> None:
    with pytest.raises(InputError, match=r"`readings.replay` must be none"):
        choose_reading_settings(
            detector_of(), Configuration.model_validate({"readings": {"replay": "causal"}})
        )


def test_a_table_without_a_needed_column_is_refused() -> None:
    with pytest.raises(InputError, match="lacks b"):
        sort_rows(table_with().drop(columns="b"))


def test_a_table_without_a_usable_row_is_refused() -> None:
    with pytest.raises(InputError, match=r"at least one row.*\n.*a: missing value, 6 rows"):
        sort_rows(table_with(a=np.nan))


def test_a_table_of_late_rows_alone_is_not_refused() -> None:
    opened = opened_after(sort_rows(table_with().drop(index=4)), detector_of())
    assert len(sort_rows(table_with().loc[[4]], opened=opened).set_aside) == 1


def test_a_step_that_was_set_is_not_taken_for_the_interval_of_training() -> None:
    detector = detector_of(ReadingsSection(step_minutes=10), trained_step_minutes=2.0)
    assert len(sort_rows(table_with(), detector).usable) == 6
    with pytest.raises(InputError, match="every 2 minutes, as in"):
        sort_rows(table_with(time=pd.date_range("2024-05-01", periods=6, freq="10min")), detector)


def test_a_row_without_a_value_of_one_sensor_is_usable_where_one_may_be_dead() -> None:
    table = table_with(a=[5, np.nan, np.nan, np.nan, 7, 8], b=[1, 2, 3, np.nan, 5, 6])
    detector = detector_of(FILL.model_copy(update={"dead_sensors_at_most": 1}))
    rows = sort_rows(table, detector)
    # in the fourth row a value of b would be filled, so that only a is dead
    assert rows.usable.index.tolist() == [2, 3, 4, 5, 6, 7]
    assert rows.dead == {"a": 1}


def test_a_row_without_any_value_is_never_usable() -> None:
    detector = detector_of(STRICT.model_copy(update={"dead_sensors_at_most": 2}))
    rows = sort_rows(table_with(a=[5, np.nan, 1, 1, 1, 1], b=[1, np.nan, np.nan, 1, 1, 1]), detector)
    assert faults(rows) == {"3": ["a: missing value", "b: missing value"]}
    assert rows.dead == {"b": 1}


def test_rows_without_values_are_usable_where_they_simply_have_no_score() -> None:
    detector = detector_of(STRICT.model_copy(update={"missing_values": "no_score"}))
    rows = sort_rows(table_with(a=[5, np.nan, 1, 1, 1, 1], b=[1, np.nan, np.nan, 1, 1, 1]), detector)
    assert len(rows.usable) == 6
    assert (rows.incomplete, rows.dead) == (2, {})


def test_an_event_row_needs_no_values_unless_it_is_scored() -> None:
    table = table_with(y=[0, 1, 0, 0, 0, 0], a=[5, np.nan, 1, 1, 1, 1])
    assert len(sort_rows(table).usable) == 6
    assert faults(sort_rows(table, detector_of(are_event_rows_kept=True))) == {"3": ["a: missing value"]}


def test_a_column_that_is_missing_altogether_is_a_dead_sensor() -> None:
    detector = detector_of(STRICT.model_copy(update={"dead_sensors_at_most": 1}))
    rows = sort_rows(table_with().drop(columns="b"), detector)
    assert (rows.absent, rows.dead) == (("b",), {"b": 6})
    assert rows.usable["b"].isna().all()
