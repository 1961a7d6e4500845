"""benchmark.yaml: read, proposed and written, and what is wrong in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from schemas.benchmark import BenchmarkPlan
from schemas.configuration import Configuration
from schemas.errors import InputError
from tasks.configuration.benchmark_plan import apply_settings, propose_plan, read_plan, write_plan

WHOLE = """
critical_minutes: 60
tables:
  - name: mill
    file: mill.csv
    protocol: rolling_origin
    settings: {readings.replay: causal, labels: {rows_ahead: 4}}
  - {name: pump, file: plants/pump, train_end: 2024-03-05 12:00, care_group: pumps, asset: faulty}
  - {name: fan, file: fan.parquet, train_end: 2024-03-05, care_group: pumps, asset: normal}
  - {name: rows, file: fan.parquet, train_end: 1200}
  - {name: share, file: fan.parquet, train_end: 0.4}
  - {name: zone, file: fan.parquet, train_end: "2024-03-05T12:00:00+02:00"}
"""


def read(folder: Path, text: str) -> BenchmarkPlan:
    path = folder / "benchmark.yaml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path)


def test_times_rows_and_shares_are_told_apart(tmp_path: Path) -> None:
    plan = read(tmp_path, WHOLE)
    assert [table.train_end for table in plan.tables] == [
        None,
        datetime(2024, 3, 5, 12),
        datetime(2024, 3, 5),
        1200,
        0.4,
        datetime(2024, 3, 5, 10),
    ]
    assert plan.critical_minutes == 60


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = read(tmp_path, WHOLE)
    assert read(tmp_path, write_plan(plan)) == plan


def test_a_folder_without_a_plan_has_a_table_for_each_file(tmp_path: Path) -> None:
    plan = propose_plan(["pump.csv", "fan.csv.gz", "fan.parquet"])
    assert [table.name for table in plan.tables] == ["pump", "fan.csv.gz", "fan.parquet"]
    assert {table.train_end for table in plan.tables} == {0.5}
    assert read(tmp_path, write_plan(plan)) == plan


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tables: []", "`tables`"),
        ("- mill.csv", "must describe tables. Received list"),
        ("tables: [{name: a, file: a.csv, train_end: 1.5}]", "`tables.0.train_end`: expected a time"),
        ("tables: [{name: a, file: a.csv, train_end: true}]", "Received True"),
        ("tables: [{name: a, file: a.csv, train_end: soon}]", "Received 'soon'"),
        ("tables: [{name: a, file: a.csv, train_end: 5.0}]", "Received 5.0"),
        ("tables: [{name: a, file: a.csv}]", "must have either `train_end` or `protocol: rolling_origin`"),
        (
            "tables: [{name: a, file: a.csv, train_end: 9, protocol: rolling_origin}]",
            "must have either `train_end`",
        ),
        ("tables: [{name: a, train_end: 9}]", "`tables.0.file`"),
        ("tables: [{name: a, file: a.csv, train_end: 9, colour: red}]", "`tables.0.colour`"),
        ("tables: [{name: a, file: a, train_end: 9}, {name: a, file: b, train_end: 9}]", "different names"),
        ("tables: [{name: a, file: a, train_end: 9, asset: normal}]", "both `care_group` and `asset`"),
        ("tables: {", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_plan_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_settings_are_named_in_full_or_by_section() -> None:
    settings = apply_settings(
        Configuration(), {"labels.rows_ahead": 0, "readings": {"label_column": "fault"}}
    )
    assert (settings.labels.rows_ahead, settings.readings.label_column) == (0, "fault")


@pytest.mark.parametrize("settings", [{"labels": 3}, {"labels.rows": 3}, {"label.rows_ahead": 3}])
def test_unknown_settings_of_a_table_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InputError):
        apply_settings(Configuration(), settings)
