"""Requests of the steps to the registry and the scoring service, and checks of the scored table."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.stack.http import Answer, ask, require, wait_for, write_basic
from tests.stack.instance import StackUnderTest
from tests.stack.prefect_runs import start_run, wait_for_end

MODEL = "forewarn"
RUN_SECONDS = 240.0


def ask_mlflow(stack: StackUnderTest, path: str, **query: str) -> Answer:
    """Call MLflow's API under the account of the worker and the service."""
    login = f"forewarn:{stack.secrets['MLFLOW_TRACKING_PASSWORD']}"
    address = f"{stack.mlflow}/api/2.0/mlflow/{path}?{urlencode(query)}"
    return ask(address, headers={"Authorization": write_basic(login)})


def find_alias(stack: StackUnderTest, alias: str) -> str | None:
    """Return the version that has an alias."""
    answer = ask_mlflow(stack, "registered-models/alias", name=MODEL, alias=alias)
    return str(answer.read()["model_version"]["version"]) if answer.status == 200 else None


def require_alias(stack: StackUnderTest, alias: str, version: str) -> None:
    """Check that a version has an alias."""
    require(find_alias(stack, alias) == version, f"version {version} to be {alias}", describe_model(stack))


def describe_model(stack: StackUnderTest) -> str:
    """Describe which version has which alias."""
    aliases = {alias: find_alias(stack, alias) for alias in ("champion", "challenger", "previous")}
    return ", ".join(f"{alias} {version}" for alias, version in aliases.items() if version)


def describe_version(stack: StackUnderTest, version: str) -> str:
    """Describe the gate's decision on a version."""
    answer = ask_mlflow(stack, "model-versions/get", name=MODEL, version=version).read()["model_version"]
    tags = {tag["key"]: tag["value"] for tag in answer["tags"]}
    return f"version {version}: {tags['decision']}, {tags['decision_reasons'][:110]}"


def wait_for_served(stack: StackUnderTest, version: str) -> None:
    """Wait until the service scores with a version."""
    token = f"Bearer {stack.secrets['FOREWARN_SERVE_TOKEN']}"

    def look() -> bool | None:
        try:
            answer = ask(f"{stack.serve}/model", headers={"Authorization": token})
        except OSError:
            return None
        return True if answer.status == 200 and str(answer.read()["version"]) == version else None

    wait_for(look, RUN_SECONDS, f"the service to score with version {version}")


def score_rows(stack: StackUnderTest) -> str:
    """Have the service score its own example request."""
    token = f"Bearer {stack.secrets['FOREWARN_SERVE_TOKEN']}"
    example = ask(f"{stack.serve}/example", headers={"Authorization": token})
    require(example.status == 200, "an example request", example)
    headers = {"Authorization": token, "Content-Type": "application/json"}
    answer = ask(f"{stack.serve}/score", example.body, headers)
    require(answer.status == 200, "scores", answer)
    rows = answer.read()["rows"]
    require(len(rows) == len(example.read()["rows"]), "a score for each row", len(rows))
    return f"{len(rows)} rows scored with version {answer.read()['version']}"


def score_table(stack: StackUnderTest) -> str:
    """Score the table by a run of the deployment, and count the new rows."""
    scores = stack.folder / "volumes" / "home" / "scores.csv"

    def count_lines() -> int:
        return len(scores.read_bytes().splitlines()) if scores.exists() else 0

    before = count_lines()
    run = wait_for_end(start_run("score/score"), RUN_SECONDS)
    after = count_lines()
    require(after > before, "more scores than before", f"{before} lines before, {after} after")
    return f"run {run.name} {run.state_name}, {after - max(before, 1)} rows scored"
