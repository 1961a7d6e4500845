"""`models`, `promote`, `rollback`, `quarantine` and `delete` at the command line."""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from flows.commands import run_command_line
from schemas.registry import RegistryListing, VersionSummary
from tasks.registry.history import read_registry
from tasks.registry.list_versions import align, make_empty_listing, write_listing
from tests.detectors import open_test_store

_numbers = count()


@pytest.fixture(scope="module")
def client(home: Path) -> MlflowClient:
    return open_test_store(home, "registry-commands")[0]


@pytest.fixture
def name(client: MlflowClient) -> str:
    """A registered model with versions 1 to 3 and no alias."""
    model_name = f"commands-{next(_numbers)}"
    experiment = client.get_experiment_by_name("registry-commands").experiment_id
    client.create_registered_model(model_name)
    for number in range(3):
        run_id = client.create_run(experiment).info.run_id
        client.log_metric(run_id, "test_roc_auc", 0.7 + number / 100)
        tags = {"decision": "REJECT", "decision_reasons": "chance", "data_sha256": "abcdef0123456789"}
        client.create_model_version(model_name, "file:///nowhere", run_id=run_id, tags=tags)
    return model_name


def run(name: str, *arguments: str) -> int:
    return run_command_line([*arguments, "--set", f"tracking.model_name={name}"])


def run_with_json(name: str, path: Path, *arguments: str) -> Any:
    assert run(name, *arguments, "--json", str(path)) == 0
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", ["models", "promote", "rollback", "quarantine", "delete"])
def test_each_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Example: forewarn {command}" in shown
    assert "--json" in shown


def test_promote_says_what_moved_and_what_the_gate_had_said(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_with_json(name, tmp_path / "p.json", "promote", "--version", "2", "--why", "it works")
    shown = capsys.readouterr().out
    assert f"Version 2 of {name} is now champion." in shown
    assert "The gate's decision on version 2 was REJECT: chance" in shown
    assert result["standing"] == {"champion": "2", "previous": None, "challenger": None}
    assert (result["move"]["kind"], result["move"]["why"]) == ("promote", "it works")


def test_rollback_with_quarantine_leaves_the_champion_aside(client: MlflowClient, name: str) -> None:
    client.set_model_version_tag(name, "1", "decision", "PROMOTE")
    for number in ("1", "2"):
        assert run(name, "promote", "--version", number, "--why", "x") == 0
    assert run(name, "rollback", "--why", "it never stops", "--quarantine") == 0
    standing = read_registry(client, name).standing
    assert (standing.champion, standing.previous) == ("1", None)
    assert client.get_model_version(name, "2").tags["quarantine"] == "it never stops"


def test_rollback_walks_back_says_what_comes_next_and_ends_with_2(
    client: MlflowClient, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in ("1", "2", "3"):
        client.set_model_version_tag(name, number, "decision", "PROMOTE")
        assert run(name, "promote", "--version", number, "--why", "x") == 0
    capsys.readouterr()
    result = run_with_json(name, tmp_path / "models.json", "models")
    assert result["rollback"] == {"version": "2", "skipped": []}
    assert "The next rollback restores version 2." in capsys.readouterr().out
    assert run(name, "rollback", "--why", "worse") == 0
    assert "Version 2 of" in capsys.readouterr().out
    assert run(name, "rollback", "--why", "worse") == 0
    assert "The next rollback finds no earlier champion." in capsys.readouterr().out
    assert run(name, "rollback", "--why", "worse") == 2
    assert "Name a version with `--to N`" in capsys.readouterr().err
    assert run(name, "rollback", "--why", "it was the sensor", "--to", "3") == 0
    assert read_registry(client, name).standing.champion == "3"


def test_a_quarantine_is_set_and_lifted(client: MlflowClient, name: str) -> None:
    assert run(name, "quarantine", "--version", "2", "--why", "broken sensor") == 0
    assert run(name, "promote", "--version", "2", "--why", "x") == 2
    assert run(name, "quarantine", "--version", "2", "--why", "sensor was right", "--lift") == 0
    assert run(name, "promote", "--version", "2", "--why", "x") == 0


def test_delete_takes_a_version_without_alias(client: MlflowClient, name: str) -> None:
    assert run(name, "delete", "--version", "3", "--why", "wrong table") == 0
    assert [move.kind for move in read_registry(client, name).history] == ["delete"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("promote", "--version", "9", "--why", "x"), "Version 9 does not exist"),
        (("promote", "--version", "2", "--why", ""), "`--why` must state a reason"),
        (("promote", "--version", "none", "--why", "x"), "'none' is not a valid integer"),
        (("promote", "--version", "2"), "Missing option '--why'"),
        (("rollback", "--why", "x"), "A rollback needs an earlier champion"),
        (("rollback", "--why", "x", "--to", "9"), "Version 9 does not exist"),
        (("quarantine", "--version", "1", "--why", "x"), "forewarn rollback --quarantine"),
        (("delete", "--version", "1", "--why", "x"), "Version 1 is champion and was not deleted"),
    ],
)
def test_a_refused_command_changes_nothing(
    client: MlflowClient,
    name: str,
    arguments: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(name, "promote", "--version", "1", "--why", "first") == 0
    before = read_registry(client, name)
    assert run(name, *arguments) == 2
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown
    assert read_registry(client, name) == before


def test_models_lists_versions_and_moves(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(name, "promote", "--version", "2", "--why", "it works")
    capsys.readouterr()
    result = run_with_json(name, tmp_path / "models.json", "models")
    lines = capsys.readouterr().out.splitlines()
    assert [version["version"] for version in result["versions"]] == ["3", "2", "1"]
    assert result["versions"][1]["metrics"]["roc_auc"] == pytest.approx(0.71)
    assert result["versions"][1]["aliases"] == ["champion"]
    assert [move["why"] for move in result["history"]] == ["it works"]
    (champion,) = [line for line in lines if line.startswith("2 ")]
    assert champion.split()[:3] == ["2", "champion", "REJECT"]
    assert "0.710" in champion
    assert "abcdef0123 " in champion
    assert any("champion none -> 2" in line and "it works" in line for line in lines)


def test_models_shows_the_last_moves_and_all_with_history(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in range(7):
        run(name, "promote", "--version", str(1 + place % 3), "--why", f"reason {place}")
    capsys.readouterr()
    run(name, "models")
    shown = capsys.readouterr().out
    assert "reason 6" in shown
    assert "reason 1" not in shown
    assert "2 earlier moves: forewarn models --history" in shown
    run(name, "models", "--history")
    assert "reason 0" in capsys.readouterr().out


def test_models_of_nothing_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nothing-here", "models") == 0
    assert "`forewarn retrain --data FILE` registers one" in capsys.readouterr().out


def test_without_a_store_models_makes_none_and_promote_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOREWARN_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert run("forewarn", "models") == 0
    assert run("forewarn", "promote", "--version", "1", "--why", "x") == 2
    assert "There is no registry" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert align([["a", "bb", "c"], ["aaa", "b", "c"]]) == ["a    bb  c", "aaa  b   c"]


def test_a_version_without_run_or_champion_is_listed_with_dashes() -> None:
    version = VersionSummary(
        version="1",
        aliases=(),
        status="READY",
        decision=None,
        decided_at=None,
        made_at="2024-01-01T00:00:00+00:00",
        run_id=None,
        data_sha256=None,
        metrics={},
        quarantine=None,
    )
    listing: RegistryListing = make_empty_listing("m").model_copy(update={"versions": (version,)})
    shown = write_listing(listing)
    assert "1        -        -         2024-01-01 00:00  -" in shown
    assert "There is no champion. Promote a version: forewarn promote" in shown


def test_the_commands_load_no_tensorflow_and_report_a_server_that_is_gone(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from flows.commands import run_command_line\n"
        "code = run_command_line(['promote', '--version', '1', '--why', 'x'])\n"
        "others = {'keras', 'prefect', 'tensorflow', 'tasks.registry.list_versions'}\n"
        "loaded = sorted(others & set(sys.modules))\n"
        "print(code, loaded)\n"
    )
    environment = os.environ | {
        "FOREWARN_HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    }
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "4 []"
    assert "http://127.0.0.1:9 must answer" in ended.stderr
