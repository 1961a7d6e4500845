"""`forewarn score` from a registered version to an output, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from flows.commands import run_command_line
from flows.score import score
from schemas.errors import InputError
from tasks.readings.check import check_output_table
from tasks.registry.loading import load_version
from tasks.registry.rescore import score_champion
from tasks.registry.resolve import resolve_version
from tasks.scoring.score import score_readings
from tasks.times.parse import parse_times
from tests.detectors import open_test_store, register_quickly, simulated_table

NAME = "score-tests"
ROWS = 300
Run = Callable[..., int]


@pytest.fixture(scope="module")
def client(home: Path) -> MlflowClient:
    """A registry with two versions, the first of them champion."""
    client, experiment_id = open_test_store(home, NAME)
    for family in ("pca_t2", "zscore"):
        register_quickly(client, experiment_id, NAME, family=family)
    client.set_registered_model_alias(NAME, "champion", "1")
    return client


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    new_readings().to_csv(path, index=False)
    return path


@pytest.fixture
def run(tmp_path: Path, client: MlflowClient, server: None) -> Run:
    """Run the command on a table in the test's folder."""

    def run_command(data: Path, out: str = "scores.csv", *more: str) -> int:
        flags = ["--out", str(tmp_path / out), "--json", str(tmp_path / "result.json")]
        named = ["--set", f"tracking.model_name={NAME}", "--set", f"tracking.experiment={NAME}"]
        return run_command_line(["score", "--data", str(data), *flags, *named, *more])

    return run_command


def new_readings() -> pd.DataFrame:
    """Readings of the same plant with two rows that cannot be scored."""
    table = simulated_table(1_000, seed=8).iloc[:ROWS].astype({"x5": object})
    table.iloc[[100, 150], table.columns.get_loc("x5")] = ["inf", "off"]
    return table


def files_beside(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.parent.iterdir() if path.name != "result.json"}


def test_a_table_becomes_scores_of_the_pinned_champion(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data) == 0
    result = json.loads((data.parent / "result.json").read_text())
    assert (result["model_uri"], result["rows_read"]) == (f"models:/{NAME}/1", ROWS)
    assert result["reasons"] == {"x5: infinite value": 1, "x5: text where a number is expected": 1}
    written = pd.read_csv(data.with_name("scores.csv"), parse_dates=["time"])
    sound = new_readings().drop(index=[100, 150]).astype({"x5": float})
    expected = score_readings(*load_version(f"models:/{NAME}/1"), sound)
    assert written["score"].tolist() == pytest.approx(expected["score"].tolist(), abs=0, nan_ok=True)
    assert written["alarm"].tolist() == expected["alarm"].tolist()
    assert written["time"].tolist() == expected["time"].tolist()
    assert written["model_version"].unique().tolist() == [1]
    aside = pd.read_csv(data.with_name("scores.set-aside.csv"))
    # the header is row 1
    assert aside["row"].tolist() == [102, 152]
    summary = capsys.readouterr().out
    assert f"version 1 of {NAME}" in summary
    assert "Set aside   2 rows" in summary


@pytest.mark.parametrize("name", ["empty.csv", "empty.parquet"])
def test_a_batch_without_rows_is_no_failure_and_changes_nothing(
    name: str, run: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = data.with_name(name)
    rows = new_readings().head(0)
    rows.to_csv(empty, index=False) if name.endswith("csv") else rows.to_parquet(empty)
    assert run(empty) == 0
    assert not data.with_name("scores.csv").exists()
    assert run(data) == 0
    before = files_beside(data)
    assert run(empty) == 0
    assert files_beside(data) == before
    result = json.loads((data.parent / "result.json").read_text())
    assert (result["rows_read"], result["rows_scored"], result["rows_of_output"]) == (0, 0, ROWS - 2)
    assert "the table has no rows" in capsys.readouterr().out


def test_a_batch_without_rows_must_have_the_columns(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.write_text("time,y,x1\n", encoding="utf-8")
    assert run(data) == 2
    assert "Expected every column that the model was trained on" in capsys.readouterr().err


def test_the_same_table_twice_changes_not_one_byte(run: Run, data: Path) -> None:
    assert run(data) == 0
    before = files_beside(data)
    assert run(data) == 0
    assert files_beside(data) == before


def test_a_longer_table_goes_on_where_the_last_one_ended_with_the_version_of_now(
    run: Run, data: Path, client: MlflowClient
) -> None:
    new_readings().iloc[:200].to_csv(data, index=False)
    assert run(data, "scores.parquet") == 0
    new_readings().to_csv(data, index=False)
    assert run(data, "scores.parquet", "--model", f"models:/{NAME}/2") == 0
    result = json.loads((data.parent / "result.json").read_text())
    assert (result["previous_version"], result["is_version_changed"]) == ("1", True)
    assert (result["rows_skipped"], result["rows_skipped_set_aside"]) == (198, 2)
    table = pd.read_parquet(data.with_name("scores.parquet"))
    check_output_table(table)
    assert table["model_version"].value_counts().to_dict() == {"1": 198, "2": 100}


def test_local_times_after_times_with_a_zone_are_refused_and_no_row_is_lost(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = simulated_table(1_000, seed=8).iloc[:60]
    times = parse_times(table["time"], None, day_first=False)
    aware = table.assign(time=times.dt.strftime("%Y-%m-%d %H:%M:%SZ"))
    local = table.assign(time=(times + pd.Timedelta(hours=2)).dt.strftime("%Y-%m-%d %H:%M:%S"))
    codes = []
    for batch in (aware[:20], local[20:40], aware):
        batch.to_csv(data, index=False)
        codes.append(run(data))
    assert codes == [0, 2, 0]
    assert "Expected times with a time zone" in capsys.readouterr().err
    assert len(pd.read_csv(data.with_name("scores.csv"))) == 60


def at_interval(minutes: float, rows: int, begin: str = "2024-05-01") -> pd.DataFrame:
    times = pd.date_range(begin, periods=rows, freq=pd.Timedelta(minutes=minutes))
    return simulated_table(1_000, seed=8).head(rows).assign(time=times.strftime("%Y-%m-%d %H:%M:%S"))


@pytest.mark.parametrize(
    ("minutes", "words"), [(10, "come every 10 minutes"), (0.5, "come every 0.5 minutes")]
)
def test_rows_at_another_interval_are_refused_with_both_intervals(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str], minutes: float, words: str
) -> None:
    at_interval(minutes, 60).to_csv(data, index=False)
    before = files_beside(data)
    assert run(data) == 2
    shown = capsys.readouterr().err
    assert "about every 2 minutes" in shown
    assert words in shown
    assert files_beside(data) == before


def test_a_growing_table_is_refused_once_its_new_rows_come_at_another_interval(run: Run, data: Path) -> None:
    usual = at_interval(2, 100)
    usual.to_csv(data, index=False)
    assert run(data) == 0
    pd.concat([usual, at_interval(10, 3, "2024-05-01 03:28")]).to_csv(data, index=False)
    assert run(data) == 2
    pd.concat([usual, at_interval(2, 3, "2024-05-01 03:28")]).to_csv(data, index=False)
    assert run(data) == 0


def test_a_champion_is_not_compared_on_rows_at_another_interval(client: MlflowClient) -> None:
    champion = score_champion(client, NAME, at_interval(10, 60))
    assert champion is not None
    assert "cannot score these readings: Expected rows about every 2 minutes" in str(champion.problem)


def test_the_summary_says_that_no_row_has_a_score(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at_interval(2, 3).to_csv(data, index=False)
    assert run(data) == 0
    assert json.loads((data.parent / "result.json").read_text())["rows_without_history"] == 3
    assert "all of them without a score: too few rows since the last gap" in capsys.readouterr().out


def test_what_cannot_be_scored_is_refused_whole(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_readings().drop(columns=["x7", "x8"]).to_csv(data, index=False)
    before = files_beside(data)
    assert run(data) == 2
    assert "lacks x7, x8" in capsys.readouterr().err
    assert files_beside(data) == before


@pytest.mark.parametrize(
    ("out", "more", "message"),
    [
        ("scores.csv.gz", (), "`--out` must be named"),
        ("scores.csv", ("--set", "readings.replay=causal"), "`readings.replay` must be none"),
        ("scores.csv", ("--model", "models:/nowhere@champion"), "which does not exist"),
    ],
)
def test_what_cannot_be_is_refused_in_one_message(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str], out: str, more: tuple[str, ...], message: str
) -> None:
    before = files_beside(data)
    assert run(data, out, *more) == 2
    assert message in capsys.readouterr().err
    assert files_beside(data) == before


@pytest.mark.usefixtures("server", "client")
def test_a_deployment_can_give_the_parameters_as_json(data: Path) -> None:
    out = data.with_name("scores.csv")
    configuration = {"tracking": {"model_name": NAME, "experiment": NAME}}
    parameters = json.loads(json.dumps({"data": str(data), "out": str(out), "configuration": configuration}))
    assert score(**parameters).rows_of_output == ROWS - 2


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"models:/{NAME}/9", "does not exist"),
        (f"models:/{NAME}@nobody", "does not exist"),
        ("models:/m-0123456789", "must name a registered version"),
        ("somewhere", "must name a registered version"),
    ],
)
def test_an_address_that_names_no_version_is_refused(
    client: MlflowClient, address: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        resolve_version(client, address)


def test_an_alias_is_pinned_to_the_version_that_it_means_now(client: MlflowClient) -> None:
    assert resolve_version(client, f"models:/{NAME}@champion").uri == f"models:/{NAME}/1"
    assert resolve_version(client, f"models:/{NAME}/2").uri == f"models:/{NAME}/2"


KILLED_COMMAND = """
import os, signal, sys, tasks.scoring.append

left = int(sys.argv.pop(1))

def watch(call):
    def watched(*arguments, **options):
        global left
        # other modules write too
        if sys._getframe(1).f_globals["__name__"] in ("tasks.scoring.append", "tasks.files.flush"):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
        return call(*arguments, **options)
    return watched

for name in ("open", "write", "fsync", "ftruncate", "replace"):
    setattr(os, name, watch(getattr(os, name)))
from flows.__main__ import main
main()
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("moment", [1, 5, 9, 13, 17])
def test_the_command_killed_amid_writing_loses_and_doubles_no_row(
    run: Run, data: Path, home: Path, moment: int
) -> None:
    out = data.with_name("killed.csv")
    named = ["--set", f"tracking.model_name={NAME}", "--set", f"tracking.experiment={NAME}"]
    command = ["score", "--data", str(data), "--out", str(out), *named]
    environment = {**os.environ, "FOREWARN_HOME": str(home), "PREFECT_API_URL": ""}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_COMMAND, str(moment), *command],
        env={name: value for name, value in environment.items() if value},
        check=False,
    )
    assert killed.returncode == -9
    assert run(data, "killed.csv") == 0
    assert run(data, "whole.csv") == 0
    scores = [
        pd.read_csv(out.with_name(name)).drop(columns="scored_at") for name in ("killed.csv", "whole.csv")
    ]
    pd.testing.assert_frame_equal(*scores, check_exact=True)
    for name in ("killed", "whole"):
        assert pd.read_csv(out.with_name(f"{name}.set-aside.csv"))["row"].tolist() == [102, 152]
