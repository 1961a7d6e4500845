from pathlib import Path

import pytest
import yaml
from compose import Service, fill_in, read_compose, sort_by_dependency, write_local
from credentials import NAMES

from schemas.errors import InputError

FOLDER = Path(__file__).resolve().parents[2] / "docker"
SECRETS = {name: f"secret-of-{name}" for name in NAMES}


@pytest.fixture(scope="module")
def described():
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


def read_stack(**variables: str) -> dict[str, Service]:
    return read_compose(FOLDER / "compose.yaml", SECRETS | variables, Path("/stack"))


def test_a_variable_its_default_and_its_absence():
    variables = {"A": "1", "EMPTY": ""}
    assert fill_in(["${A}", "${B:-2}", "${EMPTY:-3}", "${A:-4}", "$A"], variables) == [
        "1",
        "2",
        "3",
        "1",
        "$A",
    ]
    assert fill_in({"A": None, "B": None, "C": 5}, variables) == {"A": "1", "C": 5}
    with pytest.raises(InputError, match="`B` must be set"):
        fill_in("${B:?is missing}", variables)


def test_services_become_loopback_and_mounted_paths_folders():
    hosts, volumes = {"mlflow", "mlflow-account"}, {"/srv/a": Path("/stack/a")}

    def local(text):
        return write_local(text, hosts, volumes)

    assert local("http://mlflow:5000/x") == "http://127.0.0.1:5000/x"
    assert (
        local("postgresql://mlflow@mlflow:${PORT}/mlflow") == "postgresql://mlflow@127.0.0.1:${PORT}/mlflow"
    )
    assert local(["mlflow", "0.0.0.0"]) == ["mlflow", "127.0.0.1"]  # noqa: S104 - replaced, never listened on
    assert local("${PLACE:-/srv/a}") == "${PLACE:-/stack/a}"
    assert local("/srv/a/b.csv") == "/stack/a/b.csv"
    assert local("/srv/abc /other/srv/a") == "/srv/abc /other/srv/a"


def test_what_a_variable_holds_is_left_as_it_is():
    read = read_stack(FOREWARN_CONFIGURATION="/srv/readings/of-mine.yaml")["deploy"]
    assert read.command[-1] == "/srv/readings/of-mine.yaml"


def test_no_secret_stands_on_a_command_line():
    words = [word for service in read_stack().values() for word in service.command]
    assert not [word for word in words if "secret-of-" in word]


def test_every_secret_is_used_and_asked_for(described):
    for missing in NAMES:
        with pytest.raises(InputError, match=f"`{missing}` must be set"):
            read_compose(
                FOLDER / "compose.yaml", {name: "x" for name in NAMES if name != missing}, Path("/stack")
            )


def test_each_process_is_told_only_the_secrets_it_needs():
    told = {
        service.name: {name for name, secret in SECRETS.items() if secret in service.environment.values()}
        for service in read_stack().values()
    }
    account = {"MLFLOW_TRACKING_PASSWORD", "PREFECT_API_AUTH_STRING"}
    assert told == {
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
    assert all(fill_in(ports, {})[0].startswith("127.0.0.1:") for ports in published.values())


def test_the_database_is_on_a_network_without_a_way_out(described):
    networks = yaml.safe_load((FOLDER / "compose.yaml").read_text())["networks"]
    assert described["postgres"]["networks"] == ["database"]
    assert networks["database"]["internal"] is True


def test_the_storage_of_artifacts_can_be_a_bucket():
    command = read_stack(FOREWARN_ARTIFACTS="s3://bucket/path")["mlflow"].command
    assert command[command.index("--artifacts-destination") + 1] == "s3://bucket/path"


def test_the_image_holds_every_file_that_a_command_names(described):
    dockerfile, allowed = (FOLDER / "Dockerfile").read_text(), (FOLDER.parent / ".dockerignore").read_text()
    text = "\n".join(str(fill_in(raw, SECRETS)) for raw in described.values())
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


def test_what_is_not_understood_is_refused(tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text("services: {a: {command: [a], restart: 'no', privileged: true}}")
    with pytest.raises(InputError, match="privileged"):
        read_compose(file, {}, tmp_path)


def test_services_come_after_those_they_depend_on():
    order = list(read_stack())
    assert (
        order.index("postgres")
        < order.index("mlflow-database")
        < order.index("mlflow")
        < order.index("worker")
    )


def test_services_that_wait_for_each_other_are_refused():
    services = read_stack()
    with pytest.raises(InputError, match=r"\['worker'\]"):
        sort_by_dependency({"worker": services["worker"]})
