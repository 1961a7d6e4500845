"""`forewarn check` says what a table holds, what was found, and what a retraining would do with it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.commands import run_command_line
from schemas.configuration import ModelSection
from tasks.configuration.configure import configure
from tests.plant_tables import make_plant_table


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.csv"
    make_plant_table().to_csv(path, index=False)
    return path


def run_check(path: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    report = path.with_suffix(".json")
    code = run_command_line(["check", "--data", str(path), "--json", str(report), *arguments])
    return code, json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}


def test_the_parts_of_a_retraining_are_shown(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run_check(plain)
    assert code == 0
    plan = found["retraining"]
    assert isinstance(plan, dict)
    assert plan["refused"] is None
    assert list(plan["parts"]) == ["train", "validation", "test"]
    assert sum(part["events"] for part in plan["parts"].values()) == found["events"] == 24
    assert plan["members"] == list(ModelSection().members)
    assert "A retraining would use" in capsys.readouterr().out


def test_what_would_be_refused_is_said(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = plain.with_name("short.csv")
    pd.read_csv(plain).head(75).to_csv(short, index=False)
    code, found = run_check(short)
    assert code == 0
    plan = found["retraining"]
    assert isinstance(plan, dict)
    assert "at least 50 normal windows" in str(plan["refused"])
    assert "A retraining would refuse this table." in capsys.readouterr().out


def test_found_settings_are_written_and_read_again(plain: Path) -> None:
    dated = plain.with_name("dated.csv")
    table = pd.read_csv(plain, parse_dates=["time"])
    table["time"] = table["time"].dt.strftime("%d/%m/%Y %H:%M")
    table.to_csv(dated, index=False)
    settings = plain.with_name("settings.yaml")
    code, found = run_check(dated, "--write-config", str(settings))
    assert code == 0
    assert found["found"] == {"readings.day_first": True}
    assert configure(None, settings, []).readings.day_first is True
    _, again = run_check(dated, "--config", str(settings))
    assert again["found"] == {}
    assert again["settings"] == found["settings"]


def test_proposed_settings_are_comments(plain: Path) -> None:
    table = pd.read_csv(plain)
    table.loc[np.arange(10, 60, 10), "s7"] = -9999
    spoilt = plain.with_name("spoilt.csv")
    table.to_csv(spoilt, index=False)
    settings = plain.with_name("settings.yaml")
    assert run_check(spoilt, "--write-config", str(settings))[0] == 0
    assert "# proposed by the finding likely_sentinels: readings.missing_words" in settings.read_text("utf-8")
    assert configure(None, settings, []) == configure(None, None, [])


def test_a_refused_table_writes_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("time,y,s1\n2024-01-01 00:00,0,1\n2024-01-01 00:02,2,oops\n", encoding="utf-8")
    settings = tmp_path / "settings.yaml"
    assert run_check(path, "--write-config", str(settings))[0] == 2
    assert not settings.exists()


def test_settings_cannot_be_written_into_a_folder(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(plain, "--write-config", str(plain.parent))[0] == 2
    assert "`--write-config` must name a writable file" in capsys.readouterr().err


@pytest.fixture
def machines(plain: Path) -> Path:
    path = plain.with_name("machines.csv")
    table = pd.read_csv(plain)
    others = table.assign(machine="P2", time=table["time"])
    pd.concat([table.assign(machine="P1"), others]).to_csv(path, index=False)
    return path


def test_each_machine_of_a_table_is_checked(machines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = machines.with_name("settings.yaml")
    code, found = run_check(
        machines, "--set", "readings.machine_column=machine", "--write-config", str(settings)
    )
    assert code == 0
    listed = found["machines"]
    assert isinstance(listed, list)
    assert [(each["machine"], each["check"]["rows"]) for each in listed] == [("P1", 1500), ("P2", 1500)]
    assert "Machine P2" in capsys.readouterr().out
    assert configure(None, settings, []).readings.machine is None


def test_a_machine_with_faulty_rows_ends_with_exit_code_2(
    machines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(machines)
    table.loc[table["machine"].eq("P2") & table.index.isin(range(1600, 1603)), "s1"] = np.nan
    table.to_csv(machines, index=False)
    code, found = run_check(machines, "--set", "readings.machine_column=machine")
    assert code == 2
    listed = found["machines"]
    assert isinstance(listed, list)
    assert [each["error"] is None for each in listed] == [True, False]
    shown = capsys.readouterr()
    assert "s1: missing value, 3 rows" in shown.out
    assert "Those of P2 fail" in shown.err


def test_a_step_is_proposed_for_irregular_rows(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    irregular = plain.with_name("irregular.csv")
    table = pd.read_csv(plain)
    seconds = np.cumsum(np.random.default_rng(0).integers(1, 60, len(table)))
    table["time"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(seconds, unit="s")
    table.to_csv(irregular, index=False)
    code, _ = run_check(irregular)
    assert code == 0
    assert "# proposed by the finding time_gaps: readings.resample_minutes: 1" in capsys.readouterr().out
    code, found = run_check(irregular, "--set", "readings.resample_minutes=1")
    assert (code, found["step_minutes"]) == (0, 1.0)
    findings = found["findings"]
    assert isinstance(findings, list)
    assert not {finding["check"] for finding in findings} & {"time_gaps", "irregular_steps"}
