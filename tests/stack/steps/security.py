"""Steps about security: refusing unauthorized requests, and keeping secrets out of files and databases."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import psutil
from services import SECRETS

from tests.stack.clients import ask_mlflow
from tests.stack.http import ask, require, write_basic
from tests.stack.instance import StackUnderTest
from tests.stack.postgres import run_client

_DATABASES = ("prefect", "mlflow", "mlflow_accounts")


class Refusal(NamedTuple):
    """A request that must be refused.

    Attributes:
        name: Server and status, for the report.
        address: URL.
        status: Expected status of the refusal.
        headers: Headers of the request.
    """

    name: str
    address: str
    status: int
    headers: dict[str, str]


def refuse_strangers(stack: StackUnderTest) -> str:
    """Query every server without a login, with a wrong one, under a wrong host name, and once correctly."""
    login = stack.secrets["PREFECT_API_AUTH_STRING"]
    refusals = list(_list_refusals(stack, login))
    for refusal in refusals:
        answer = ask(refusal.address, headers=refusal.headers)
        expected = f"{refusal.address} to be refused with {refusal.status}"
        require(answer.status == refusal.status, expected, stack.hide(str(answer)[:300]))
    answers = {
        "Prefect": ask(f"{stack.prefect}/api/admin/version", headers={"Authorization": write_basic(login)}),
        "MLflow": ask_mlflow(stack, "experiments/get", experiment_id="0"),
    }
    for name, answer in answers.items():
        require(answer.status == 200, f"{name} to answer a correct login", answer)
    accepted = [user for user in ("prefect", "mlflow", "postgres") if _may_enter(stack, user, "wrong", user)]
    require(not accepted, "PostgreSQL to refuse a wrong password", accepted)
    foreign = _may_enter(stack, "prefect", stack.secrets["PREFECT_DATABASE_PASSWORD"], "mlflow")
    require(not foreign, "PostgreSQL to keep Prefect out of MLflow's database", foreign)
    names = sorted({refusal.name for refusal in refusals})
    return f"{len(refusals) + 4} refused ({', '.join(names)}, PostgreSQL)"


def _list_refusals(stack: StackUnderTest, login: str) -> Iterator[Refusal]:
    api, registry = f"{stack.prefect}/api", f"{stack.mlflow}/api/2.0/mlflow"
    admin = {"Authorization": write_basic(f"admin:{stack.secrets['MLFLOW_ADMIN_PASSWORD']}")}
    wrong, elsewhere = {"Authorization": write_basic("admin:password1234")}, {"Host": "evil.example"}
    for path in (
        "admin/version",
        "admin/settings",
        "csrf-token?client=me",
        "deployments/name/retrain/retrain",
    ):
        yield Refusal("Prefect 401", f"{api}/{path}", 401, {})
    yield Refusal("Prefect 401", f"{api}/admin/version", 401, wrong)
    yield Refusal("Prefect 400 by host", f"{api}/health", 400, elsewhere)
    known = {"Authorization": write_basic(login)}
    yield Refusal("Prefect 400 by host", f"{api}/admin/version", 400, elsewhere | known)
    experiment = f"{registry}/experiments/get?experiment_id=0"
    artifacts = f"{stack.mlflow}/api/2.0/mlflow-artifacts/artifacts"
    for address in (
        experiment,
        f"{registry}/registered-models/search",
        f"{registry}/users/current",
        f"{stack.mlflow}/",
        artifacts,
    ):
        yield Refusal("MLflow 401", address, 401, {})
    yield Refusal("MLflow 401", experiment, 401, wrong)
    yield Refusal("MLflow 403 by host", experiment, 403, elsewhere | admin)


def _may_enter(stack: StackUnderTest, user: str, password: str, database: str) -> bool:
    """Return whether PostgreSQL accepts a login."""
    question = ("--no-psqlrc", "--command=select 1")
    done = run_client(stack, "psql", *question, user=user, database=database, password=password)
    return done.returncode == 0


def find_no_secrets(stack: StackUnderTest) -> str:
    """Search for the secrets in all files, in the databases, and on all command lines."""
    places = dict(_read_places(stack))
    secrets = {name: secret.encode() for name, secret in stack.secrets.items()}
    login = secrets["PREFECT_API_AUTH_STRING"]
    # of user:password, search for the password alone, and for the login as encoded in requests
    secrets |= {"PREFECT_API_AUTH_STRING": login.partition(b":")[2], "encoded login": base64.b64encode(login)}
    own = _search({"the file of secrets": (stack.folder / SECRETS).read_bytes()}, secrets)
    require(len(own) == len(stack.secrets), "the search to find all secrets in their own file", own)
    found = _search(places, secrets)
    require(not found, "no secret in logs, files, databases and command lines", found)
    return f"{len(stack.secrets)} secrets in none of {len(places)} files, dumps and command lines"


def _search(places: Mapping[str, bytes], secrets: Mapping[str, bytes]) -> list[str]:
    """List the places that contain secrets."""
    return [
        f"{name} in {place}"
        for place, content in places.items()
        for name, secret in secrets.items()
        if secret in content
    ]


def _read_places(stack: StackUnderTest) -> Iterator[tuple[str, bytes]]:
    """Read every file except that of the secrets, dumps of the databases, and the command lines."""
    for path in sorted(stack.folder.rglob("*")):
        is_raw = path.is_relative_to(stack.folder / "volumes" / "database")
        if path.is_file() and not is_raw and path.name != SECRETS:
            yield str(path.relative_to(stack.folder)), path.read_bytes()
    superuser = stack.secrets["POSTGRES_PASSWORD"]
    for name in _DATABASES:
        done = run_client(stack, "pg_dump", "--data-only", user="postgres", database=name, password=superuser)
        require(len(done.stdout) > 1_000, f"the rows of the database {name}", done)
        yield f"database {name}", done.stdout
    for process in psutil.process_iter(["cmdline"]):
        yield f"command line of process {process.pid}", " ".join(process.info["cmdline"] or []).encode()
