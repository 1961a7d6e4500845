import re
from pathlib import Path

import compose
import pytest
import yaml
from compose import Service, fill_in, list_secrets, read_compose, write_local

from schemas.errors import InputError

FOLDER = Path(__file__).resolve().parents[2] / "docker"
SECRETS = {name: f"secret-of-{name}" for name in list_secrets()}


@pytest.fixture(scope="module")
def described():
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


def read_stack(**variables: str) -> dict[str, Service]:
    return read_compose(SECRETS | variables, Path("/stack"))


def test_a_variable_its_default_and_its_absence():
    variables = {"A": "1", "EMPTY": ""}
    assert fill_in("${A} ${B:-2} ${EMPTY:-3} ${A:-4} $A", variables) == "1 2 3 1 $A"
    with pytest.raises(InputError, match="`B` must be set"):
        fill_in("${B:?is missing}", variables)


def test_a_variable_without_a_value_is_passed_on_if_it_is_set():
    assert "AWS_DEFAULT_REGION" not in read_stack()["mlflow"].environment
    assert read_stack(AWS_DEFAULT_REGION="here")["mlflow"].environment["AWS_DEFAULT_REGION"] == "here"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://mlflow:5000/x", "http://127.0.0.1:5000/x"),
        ("postgresql://mlflow@mlflow:${PORT}/mlflow", "postgresql://mlflow@127.0.0.1:${PORT}/mlflow"),
        ("mlflow", "mlflow"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - replaced, never listened on
        ("${PLACE:-/srv/a}", "${PLACE:-/stack/srv/a}"),
        ("/srv/a/b.csv", "/stack/srv/a/b.csv"),
        ("/srv/abc /other/srv/a", "/srv/abc /other/srv/a"),
    ],
)
def test_services_become_loopback_and_mounted_paths_folders(text, expected):
    volumes = {"/srv/a": Path("/stack/srv/a"), "/stack": Path("/elsewhere")}
    assert write_local(text, {"mlflow", "mlflow-account"}, volumes) == expected


def test_what_a_variable_holds_is_left_as_it_is():
    read = read_stack(FOREWARN_CONFIGURATION="/srv/readings/of-mine.yaml")["deploy"]
    assert read.command[-1] == "/srv/readings/of-mine.yaml"


def test_no_secret_stands_on_a_command_line():
    words = [word for service in read_stack().values() for word in service.command]
    assert not [word for word in words if "secret-of-" in word]


def test_every_secret_is_required(described):
    assert len(SECRETS) == 8
    for missing in SECRETS:
        with pytest.raises(InputError, match=f"`{missing}` must be set"):
            read_compose({name: "x" for name in SECRETS if name != missing}, Path("/stack"))


def test_each_process_gets_only_the_secrets_it_needs():
    given = {
        service.name: {name for name, secret in SECRETS.items() if secret in service.environment.values()}
        for service in read_stack().values()
    }
    account = {"MLFLOW_TRACKING_PASSWORD", "PREFECT_API_AUTH_STRING"}
    assert given == {
        "postgres": {"POSTGRES_PASSWORD", "PREFECT_DATABASE_PASSWORD", "MLFLOW_DATABASE_PASSWORD"},
        "prefect": {"PREFECT_DATABASE_PASSWORD", "PREFECT_API_AUTH_STRING"},
        "mlflow-database": {"MLFLOW_DATABASE_PASSWORD"},
        "mlflow": {"MLFLOW_DATABASE_PASSWORD", "MLFLOW_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"},
        "mlflow-account": {"MLFLOW_ADMIN_PASSWORD", "MLFLOW_TRACKING_PASSWORD"},
        "deploy": account,
        "worker": account,
        "serve": {"MLFLOW_TRACKING_PASSWORD", "FOREWARN_SERVE_TOKEN"},
    }


def test_only_three_ports_are_published_on_loopback(described):
    published = {name: raw["ports"] for name, raw in described.items() if "ports" in raw}
    assert set(published) == {"prefect", "mlflow", "serve"}
    assert all(fill_in(ports[0], {}).startswith("127.0.0.1:") for ports in published.values())


def test_the_database_is_on_a_network_without_a_way_out(described):
    networks = yaml.safe_load((FOLDER / "compose.yaml").read_text())["networks"]
    assert described["postgres"]["networks"] == ["database"]
    assert networks["database"]["internal"] is True


def test_the_storage_of_artifacts_can_be_a_bucket():
    command = read_stack(FOREWARN_ARTIFACTS="s3://bucket/path")["mlflow"].command
    assert command[command.index("--artifacts-destination") + 1] == "s3://bucket/path"


def test_the_image_holds_every_file_that_a_command_names(described):
    dockerfile, allowed = (FOLDER / "Dockerfile").read_text(), (FOLDER.parent / ".dockerignore").read_text()
    text = "\n".join(fill_in(str(raw), SECRETS) for raw in described.values())
    named = {path.name for path in FOLDER.iterdir() if f"docker/{path.name}" in text} - {"Dockerfile"}
    # uvicorn imports it by its name
    named |= {"guard_prefect.py"}
    assert len(named) == 6
    assert all(f"docker/{name}" in dockerfile and f"!docker/{name}\n" in allowed for name in named)


def test_the_example_documents_every_variable(described):
    documented = (FOLDER / ".env.example").read_text()
    text = (FOLDER / "compose.yaml").read_text()
    names = {part.partition("}")[0].partition(":")[0] for part in text.split("${")[1:]}
    missing = {name for name in names if f"{name}=" not in documented}
    assert missing == {"FOREWARN_VERSION"}


def test_an_unknown_key_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "compose.yaml"
    file.write_text("services: {a: {command: [a], restart: 'no', privileged: true}}")
    monkeypatch.setattr(compose, "FILE", file)
    with pytest.raises(InputError, match=r"services.a.*privileged"):
        read_compose({}, tmp_path)


def test_services_come_after_those_they_depend_on(described):
    names = list(described)
    assert list(read_stack()) == names
    assert all(
        names.index(other) < names.index(name) for name in names for other in read_stack()[name].depends_on
    )


def test_a_dependency_must_be_healthy_or_have_ended(described):
    services = read_stack()
    for raw in described.values():
        for other, item in raw.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if services[other].runs_once else "service_healthy"
            assert item["condition"] == wanted
            assert services[other].runs_once or services[other].health


def test_what_is_simplified_for_a_machine_without_docker_holds_for_the_file(described):
    for raw in described.values():
        check = raw.get("healthcheck", {"test": ["CMD"]})
        assert check["test"][0] == "CMD"
        durations = [raw.get("stop_grace_period", "10s"), check.get("start_period", "0s")]
        assert all(re.fullmatch(r"\d+s", duration) for duration in durations)
        _, outside, inside = fill_in(raw.get("ports", ["a:1:1"])[0], {}).split(":")
        assert outside == inside


def test_ports_are_those_that_are_published_and_that_of_postgres():
    ports = {name: service.port for name, service in read_stack().items() if service.port}
    assert ports == {"postgres": 5432, "prefect": 4200, "mlflow": 5000, "serve": 8000}
