import shlex
import sys
from pathlib import Path

import pytest
from compose import list_secrets, read_compose
from stack import choose, write_configuration
from supervisor.options import ServerOptions

from schemas.errors import InputError

SECRETS = {name: f"secret-of-{name}" for name in list_secrets()}


@pytest.fixture
def services():
    return read_compose(SECRETS, Path("/stack"))


@pytest.fixture
def options(tmp_path, services):
    (tmp_path / "logs").mkdir()
    write_configuration(services, tmp_path)
    options = ServerOptions()
    options.realize(["--configuration", str(tmp_path / "supervisord.conf")])
    return options


@pytest.fixture
def programs(options):
    groups = sorted(options.process_group_configs)
    return {program.name: program for group in groups for program in group.process_configs}


def test_supervisord_stops_services_in_reverse_order_of_compose(programs, services):
    assert list(programs) == list(services)


def test_no_service_starts_before_those_it_depends_on_are_healthy(programs):
    assert not any(program.autostart for program in programs.values())


def test_services_are_restarted_unless_they_run_once(programs, services):
    assert {name for name, program in programs.items() if not program.autorestart} == {
        name for name, service in services.items() if service.runs_once
    }


def test_signals_and_patience_are_those_of_compose(programs):
    assert (programs["postgres"].stopsignal.name, programs["postgres"].stopwaitsecs) == ("SIGINT", 60)
    assert (programs["mlflow"].stopsignal.name, programs["mlflow"].stopwaitsecs) == ("SIGTERM", 30)
    assert all(program.stopasgroup and program.killasgroup for program in programs.values())


def test_logs_are_below_the_folder_and_rotated(programs, tmp_path):
    for name, program in programs.items():
        assert program.stdout_logfile == str(tmp_path / "logs" / f"{name}.log")
        assert program.redirect_stderr
        assert program.stdout_logfile_maxbytes == 20 * 1024 * 1024


def test_the_socket_is_below_the_folder_and_only_its_owner_may_use_it(options, tmp_path):
    (server,) = options.server_configs
    assert server["file"] == str(tmp_path / "supervisor.sock")
    assert server["chmod"] == 0o700


def test_the_file_is_private_and_holds_no_secret(options, tmp_path):
    file = tmp_path / "supervisord.conf"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "secret-of-" not in file.read_text()


def test_a_percent_sign_in_a_path_is_kept(tmp_path, services, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/a b/100%/python")
    (tmp_path / "logs").mkdir()
    write_configuration(services, tmp_path)
    options = ServerOptions()
    options.realize(["--configuration", str(tmp_path / "supervisord.conf")])
    command = options.process_group_configs[0].process_configs[0].command
    assert shlex.split(command)[0] == "/a b/100%/python"


def test_named_services_are_chosen_with_what_they_need(services):
    assert list(choose(services, ("mlflow-account", "prefect"))) == [
        "postgres",
        "prefect",
        "mlflow-database",
        "mlflow",
        "mlflow-account",
    ]
    assert choose(services, ()) == services
    with pytest.raises(InputError, match=r"\['nothing'\]"):
        choose(services, ("nothing",))
