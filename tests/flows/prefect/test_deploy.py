"""Deploying: what is asked for, and what goes into the file that Prefect gets."""

import inspect
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.commands import run_command_line
from flows.commands.deploying import find_places_of_data
from flows.commands.group import commands
from flows.prefect.deploy import add_settings, find_file, keep_schedules, read_file
from flows.promote import promote
from flows.retrain import retrain
from schemas.errors import InputError
from tasks.configuration.configure import configure

_NOBODY = "http://127.0.0.1:9/api"


def test_without_a_server_the_message_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert run_command_line(["deploy", "--data", "readings.csv"]) == 2
    assert "forewarn ui" in capsys.readouterr().err


def test_a_server_that_does_not_answer_ends_with_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", _NOBODY)
    # Prefect reads its settings once
    with temporary_settings({PREFECT_API_URL: _NOBODY}):
        assert run_command_line(["deploy", "--data", "readings.csv"]) == 4
    assert "did not answer" in capsys.readouterr().err


def test_without_a_table_the_message_says_what_is_expected() -> None:
    with pytest.raises(InputError, match="FOREWARN_DATA"):
        find_places_of_data(None, None)


def test_the_places_of_the_data_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = find_places_of_data("readings.csv", Path("scores.csv"))
    assert places.data == str(tmp_path / "readings.csv")
    assert places.scores == tmp_path / "scores.csv"


@pytest.mark.parametrize("data", ["-", "postgresql://app:secret@host/plant"])
def test_workers_get_no_password_and_no_standard_input(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREWARN_DATA_PASSWORD", "")
    with pytest.raises(InputError, match="`--data` must") as caught:
        find_places_of_data(data, None)
    assert "secret" not in str(caught.value)


def test_an_address_of_a_database_stays_one_where_it_is_deployed() -> None:
    assert find_places_of_data("postgresql://app@host/plant", None).data == "postgresql://app@host/plant"


def test_the_wait_of_an_automation_is_not_below_what_prefect_takes() -> None:
    result = CliRunner().invoke(commands, ["deploy", "--data", "x", "--pending-seconds", "5"])
    assert result.exit_code == 2
    assert "pending-seconds" in result.output


def test_a_file_without_deployments_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text("name: x\n")
    with pytest.raises(InputError, match="deployments"):
        read_file(tmp_path / "prefect.yaml")


def test_retraining_has_its_schedule_and_its_drift_trigger_on_one_limited_deployment() -> None:
    entries = {entry["name"]: entry for entry in read_file(find_file())["deployments"]}
    entry = entries["retrain"]
    assert entry["schedules"]
    assert entry["triggers"][0]["expect"] == ["model.drift.confirmed"]
    assert entry["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_every_deployment_carries_the_tag_that_the_automations_look_for() -> None:
    assert all(entry["tags"] == ["forewarn"] for entry in read_file(find_file())["deployments"])


def test_every_run_sends_heartbeats_whatever_worker_starts_it() -> None:
    pools = [entry["work_pool"] for entry in read_file(find_file())["deployments"]]
    assert {pool["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] for pool in pools} == {"30"}


def test_settings_that_differ_from_the_defaults_go_to_the_deployment() -> None:
    settings = configure(settings=["model.family=pca_t2"])
    parameters = add_settings({"data": "x"}, inspect.signature(retrain.fn), settings)
    assert parameters == {"data": "x", "configuration": {"model": {"family": "pca_t2"}}}


def test_settings_are_laid_over_those_of_the_file() -> None:
    below = {"configuration": {"model": {"inputs": ["level"]}}}
    settings = configure(settings=["model.family=pca_t2"])
    parameters = add_settings(below, inspect.signature(retrain.fn), settings)
    assert parameters["configuration"]["model"] == {"inputs": ["level"], "family": "pca_t2"}


def test_the_form_of_promote_is_given_the_registered_model() -> None:
    settings = configure(settings=["tracking.model_name=press"])
    assert add_settings({}, inspect.signature(promote.fn), settings) == {"model_name": "press"}


def make_schedule(slug: str | None, is_active: bool) -> DeploymentSchedule:
    return DeploymentSchedule(schedule=CronSchedule(cron="0 4 * * *"), active=is_active, slug=slug)


def test_a_schedule_that_a_person_has_paused_stays_paused() -> None:
    kept = keep_schedules([{"slug": "weekly", "cron": "0 3 * * 1"}], [make_schedule("weekly", False)])
    assert kept == [{"slug": "weekly", "cron": "0 3 * * 1", "active": False}]


def test_a_schedule_that_a_person_has_added_is_kept() -> None:
    kept = keep_schedules([{"slug": "weekly", "cron": "0 3 * * 1"}], [make_schedule(None, True)])
    assert [schedule["cron"] for schedule in kept] == ["0 3 * * 1", "0 4 * * *"]


def test_the_file_holds_no_address_and_no_secret() -> None:
    text = find_file().read_text()
    assert "://" not in text
    assert yaml.safe_load(text)["pull"] == []
