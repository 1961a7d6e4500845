"""A table of events is merged with the readings by time."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schemas.configuration import LabelsSection, ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.labels.event_log import choose_free_name, merge_events_file


def readings_at(minutes: list[int], **columns: Any) -> RawTable:
    """Make readings at minutes after 2024-03-05 00:00, in any order."""
    times = pd.Timestamp("2024-03-05") + pd.to_timedelta(minutes, unit="min")
    table = pd.DataFrame({"time": times, "a": range(len(minutes)), **columns})
    return RawTable(table, "readings.csv", "0")


def merge(
    folder: Path, raw: RawTable, log: str, section: ReadingsSection | None = None, **labels: Any
) -> tuple[RawTable, list[int], ReadingsSection]:
    """Return the merged table, the positions of its event rows, and the settings."""
    path = folder / "events.csv"
    path.write_text(log, encoding="utf-8")
    chosen = LabelsSection(events_file=str(path), **labels)
    merged, named = merge_events_file(raw, section or ReadingsSection(), chosen)
    events = merged.table[named.label_column]
    return merged, [place for place, value in enumerate(events) if value], named


def test_rows_from_start_to_end_are_event_rows(tmp_path: Path) -> None:
    raw = readings_at(list(range(0, 20, 2)))
    _, events, _ = merge(tmp_path, raw, "start,end\n2024-03-05 00:04,2024-03-05 00:08\n")
    assert events == [2, 3, 4]


def test_an_instant_marks_the_first_row_at_or_after_it(tmp_path: Path) -> None:
    raw = readings_at(list(range(0, 20, 2)))
    assert merge(tmp_path, raw, "start\n2024-03-05 00:05\n2024-03-05 00:12\n")[1] == [3, 6]


def test_a_stop_without_rows_marks_the_last_row_before_it(tmp_path: Path) -> None:
    raw = readings_at([0, 2, 4, 6, 60, 62])
    assert merge(tmp_path, raw, "start,end\n2024-03-05 00:07,2024-03-05 00:50\n")[1] == [3]


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    raw = readings_at([8, 6, 4, 2, 0])
    assert merge(tmp_path, raw, "start,end\n2024-03-05 00:02,2024-03-05 00:04\n")[1] == [2, 3]


def test_events_outside_the_table_and_in_a_gap_are_reported(tmp_path: Path) -> None:
    raw = readings_at([0, 2, 4, 60, 62, 64])
    log = "start,end\n2024-03-05 00:02,2024-03-05 00:02\n2024-03-05 00:30,2024-03-05 00:40\n2024-03-06,\n"
    merged, events, _ = merge(tmp_path, raw, log)
    assert events == [1]
    lost = next(finding for finding in merged.findings if finding.check == "unmatched_events")
    assert lost.details == {
        "events": 2,
        "first": ["row 3: 2024-03-05 00:30:00", "row 4: 2024-03-06 00:00:00"],
    }


def test_an_event_that_ends_before_it_starts_is_reported(tmp_path: Path) -> None:
    merged, events, _ = merge(
        tmp_path, readings_at([0, 2, 4, 6]), "start,end\n2024-03-05 00:04,2024-03-05 00:02\n"
    )
    assert events == []
    assert merged.findings[-1].check == "unmatched_events"


@pytest.mark.parametrize("header", ["Begin;Stop;Cause", "FROM;TO;Type", "timestamp;until;Kind"])
def test_columns_are_found_by_their_usual_names(tmp_path: Path, header: str) -> None:
    log = f"{header}\n2024-03-05 00:02;2024-03-05 00:04;break\n"
    merged, events, _ = merge(tmp_path, readings_at([0, 2, 4, 6]), log)
    assert events == [1, 2]
    assert merged.findings[0].details["kinds"] == {"break": 1}


def test_kinds_choose_events(tmp_path: Path) -> None:
    log = "start,kind\n2024-03-05 00:02,break\n2024-03-05 00:06,washing\n"
    assert merge(tmp_path, readings_at([0, 2, 4, 6]), log, kinds="Break")[1] == [1]
    with pytest.raises(InputError, match=r"`labels.kinds` must name .*break \(1\), washing \(1\)"):
        merge(tmp_path, readings_at([0, 2, 4, 6]), log, kinds="trip")


def test_events_of_several_machines_are_refused(tmp_path: Path) -> None:
    log = "start,machine\n2024-03-05 00:02,A\n2024-03-05 00:06,B\n"
    with pytest.raises(InputError, match=r"events of A \(1\), B \(1\) in `machine`"):
        merge(tmp_path, readings_at([0, 2, 4, 6]), log)


def test_a_log_without_starts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Expected a column `start`.* has the columns when, what"):
        merge(tmp_path, readings_at([0, 2, 4]), "when,what\n1,2\n")


def test_what_is_no_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Expected times in `start`.*'soon' in row 3"):
        merge(tmp_path, readings_at([0, 2, 4]), "start,kind\n2024-03-05 00:02,a\nsoon,b\n")


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"`labels.events_file`: .*nowhere.csv does not exist"):
        merge_events_file(readings_at([0, 2, 4]), ReadingsSection(), LabelsSection(events_file="nowhere.csv"))


def test_day_and_month_are_told_apart_by_the_readings(tmp_path: Path) -> None:
    raw = readings_at(list(range(0, 20, 2)))
    log = "start,end\n05/03/2024 00:04,05/03/2024 00:08\n"
    assert merge(tmp_path, raw, log)[1] == [2, 3, 4]


def test_labels_of_the_table_are_kept(tmp_path: Path) -> None:
    raw = readings_at([0, 2, 4, 6], y=[1, 0, 0, 0])
    merged, events, named = merge(tmp_path, raw, "start\n2024-03-05 00:04\n")
    assert (events, named.label_column) == ([0, 2], "y")
    assert "besides the labels in `y`" in merged.findings[0].message


def test_a_table_without_labels_gets_a_column_of_a_free_name(tmp_path: Path) -> None:
    section = ReadingsSection(label_column=None)
    raw = readings_at([0, 2, 4, 6], event=[5, 6, 7, 8])
    merged, events, named = merge(tmp_path, raw, "start\n2024-03-05 00:04\n", section)
    assert (events, named.label_column) == ([2], "event_2")
    assert merged.found == {"readings.label_column": "event_2"}
    assert choose_free_name("event", ["event", "event_2"]) == "event_3"


def test_the_identity_of_a_table_holds_that_of_its_events(tmp_path: Path) -> None:
    raw = readings_at([0, 2, 4, 6])
    first, *_ = merge(tmp_path, raw, "start\n2024-03-05 00:04\n")
    second, *_ = merge(tmp_path, raw, "start\n2024-03-05 00:02\n")
    assert len({raw.identity, first.identity, second.identity}) == 3
