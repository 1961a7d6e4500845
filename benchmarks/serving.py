"""Load on the service while the champion moves, against MLflow's server with the same version."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Measurement
from benchmarks.readings import Material

if TYPE_CHECKING:
    from mlflow import MlflowClient

TOOL = "wrk"
NAME = "bench-serving"
SECONDS = 60
QUIET_SECONDS = 20
CONNECTIONS = 8
MOVES = 10
ROWS_IN_REQUEST = 8
RELOADS = 'forewarn_reloads_total{result="ok"}'
_START_SECONDS = 240
_SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = io.open("{body}"):read("*a")
"""


@dataclass(frozen=True)
class Load:
    """Results of the load tool.

    Attributes:
        requests: Requests answered.
        failures: Answers other than 2xx, and connection errors.
        per_second: Requests answered per second.
        median: Median latency in milliseconds.
        percentile_99: 99th percentile of the latency in milliseconds.
    """

    requests: int
    failures: int
    per_second: float
    median: float
    percentile_99: float


def measure_serving(material: Material) -> list[Measurement]:
    """Measure requests per second, and check that every request is answered while the champion moves."""
    if shutil.which(TOOL) is None:
        print(f"skipping serving: it needs {TOOL} (Debian's package {TOOL})", file=sys.stderr)
        return []
    home = Path(os.environ["FOREWARN_HOME"])
    client = register_two(home)
    rows = json.loads(material.table.tail(ROWS_IN_REQUEST).to_json(orient="records"))
    with tempfile.TemporaryDirectory(prefix="forewarn-bench-") as folder:
        quiet, ours, metrics, kilobytes = load_service(client, rows, Path(folder))
        theirs = load_mlflow(rows, Path(folder))
    require_all_answered(ours, metrics)
    note = (
        f"{material.description}; {ROWS_IN_REQUEST} rows per request, {CONNECTIONS} connections, family "
        f"join. Ours, {QUIET_SECONDS} s: {write_load(quiet)}. `mlflow models serve`, same rows and version, "
        f"{QUIET_SECONDS} s: {write_load(theirs)}. Ours for {SECONDS} s while the champion moved {MOVES} "
        f"times between two versions, {metrics[RELOADS]:.0f} reloads seen: {ours.requests:,} requests, "
        f"{ours.failures} failed, {write_load(ours)}; {kilobytes[0] / 1024:.0f} MB before, "
        f"{kilobytes[1] / 1024:.0f} MB after."
    )
    return [Measurement("serving", quiet.per_second / theirs.per_second, 1.0, note)]


def register_two(home: Path) -> MlflowClient:
    """Register two versions of the default family, the first of which is champion."""
    from tests.detectors import make_detector, open_test_store, register_detector

    client, experiment_id = open_test_store(home, "bench-serving")
    training = {"epochs": 3, "compile": "never"}
    for seed in (5, 6):
        detector, model = make_detector("join", seed=seed, training=training)
        register_detector(client, experiment_id, NAME, detector, model, "join")
    client.set_registered_model_alias(NAME, "champion", "1")
    return client


def load_service(
    client: MlflowClient, rows: list[dict[str, Any]], folder: Path
) -> tuple[Load, Load, Mapping[str, float], tuple[float, float]]:
    """Put load on our service, first undisturbed, then while the champion moves.

    Returns:
        The results of both loads, the metrics at the end, and the memory in KiB before and after.
    """
    result = folder / "serve.json"
    command = [sys.executable, "-m", "flows", "serve", "--port", "0", "--json", str(result)]
    settings = [f"tracking.model_name={NAME}", "serving.reload_seconds=0.5"]
    command += [part for setting in settings for part in ("--set", setting)]
    with start(command, folder / "serve.log") as process:
        wait_until_answered(process, lambda: json.loads(result.read_text(encoding="utf-8"))["url"] + "/ready")
        url = json.loads(result.read_text(encoding="utf-8"))["url"]
        with start_load(f"{url}/score", {"rows": rows}, QUIET_SECONDS, folder) as tool:
            quiet = read_load(tool.communicate()[0])
        before = read_kilobytes(process.pid)
        with start_load(f"{url}/score", {"rows": rows}, SECONDS, folder) as tool:
            move_champion(client, url)
            load = read_load(tool.communicate()[0])
        return quiet, load, read_metrics(url), (before, read_kilobytes(process.pid))


def load_mlflow(rows: list[dict[str, Any]], folder: Path) -> Load:
    """Put load on MLflow's server with the first version."""
    from tasks.tracking.store import find_tracking_uri

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    scripts = Path(sys.executable).parent
    command = [str(scripts / "mlflow"), "models", "serve", "--env-manager", "local", "--port", str(port)]
    command += ["--model-uri", f"models:/{NAME}/1", "--workers", "1"]
    extra = {
        "MLFLOW_TRACKING_URI": find_tracking_uri(Path(os.environ["FOREWARN_HOME"])),
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
    }
    address = f"http://127.0.0.1:{port}"
    with start(command, folder / "mlflow.log", extra) as process:
        wait_until_answered(process, lambda: f"{address}/ping")
        body = {"dataframe_records": rows}
        with start_load(f"{address}/invocations", body, QUIET_SECONDS, folder) as tool:
            return read_load(tool.communicate()[0])


def move_champion(client: MlflowClient, url: str) -> None:
    """Move the alias back and forth, each time waiting until the service has followed."""
    pause = (SECONDS - 10) / MOVES
    for move in range(MOVES):
        time.sleep(pause)
        version = str(2 - move % 2)
        client.set_registered_model_alias(NAME, "champion", version)
        end = time.monotonic() + 30
        while read_json(f"{url}/model")["version"] != version:
            if time.monotonic() > end:
                raise RuntimeError(
                    f"The service must follow the champion within 30 s. Failed: move {move + 1}."
                )
            time.sleep(0.2)


def require_all_answered(load: Load, metrics: Mapping[str, float]) -> None:
    """Check that all requests were answered, and that the service followed every move.

    Raises:
        RuntimeError: If a request failed, or a reload was not counted.
    """
    reloads = metrics[RELOADS]
    if load.failures or not load.requests or reloads != MOVES:
        raise RuntimeError(
            f"All requests must be answered, and {MOVES} reloads counted. {load.failures} of {load.requests} "
            f"requests failed, {reloads:.0f} reloads were counted. Look at flows/serving/model.py."
        )


@contextlib.contextmanager
def start(
    command: list[str], log_file: Path, extra: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server with its output in a file, whose end is shown if the server fails."""
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=log_file.parent, env={**os.environ, **(extra or {})}
        )
        try:
            yield process
        except RuntimeError as error:
            raise RuntimeError(f"{error} Its log: {log_file.read_text(errors='replace')[-600:]}") from error
        finally:
            process.terminate()
            process.wait()


def wait_until_answered(process: subprocess.Popen[bytes], find_address: Any) -> None:
    """Wait until a server answers.

    Raises:
        RuntimeError: If the server exits, or takes too long.
    """
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError):
            urllib.request.urlopen(find_address(), timeout=5).close()  # noqa: S310 - http alone
            return
        time.sleep(0.2)
    raise RuntimeError(f"A server must answer within {_START_SECONDS} s. {process.args!r} did not.")


@contextlib.contextmanager
def start_load(
    address: str, body: Mapping[str, Any], seconds: int, folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """Run the load tool in parallel; on an error in the body it is terminated."""
    (folder / "body.json").write_text(json.dumps(body), encoding="utf-8")
    (folder / "post.lua").write_text(_SCRIPT.format(body=folder / "body.json"), encoding="utf-8")
    command = [TOOL, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
    command += ["--timeout", "30s", "--latency", "--script", str(folder / "post.lua"), address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tool:
        try:
            yield tool
        finally:
            if tool.poll() is None:
                tool.terminate()


def read_load(shown: str) -> Load:
    """Parse the output of the tool."""
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", shown)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", shown)
    return Load(
        requests=int(_find(r"(\d+) requests in", shown)),
        failures=int(failed[1] if failed else 0) + sum(map(int, errors.groups() if errors else ())),
        per_second=float(_find(r"Requests/sec:\s+([\d.]+)", shown)),
        median=_read_milliseconds(_find(r"50%\s+([\d.]+[a-z]+)", shown)),
        percentile_99=_read_milliseconds(_find(r"99%\s+([\d.]+[a-z]+)", shown)),
    )


def _find(pattern: str, shown: str) -> str:
    match = re.search(pattern, shown)
    if match is None:
        raise RuntimeError(f"{TOOL} must print {pattern!r}. It printed: {shown}")
    return match[1]


def _read_milliseconds(text: str) -> float:
    units = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]  # wrk's only form
    return float(number) * units[unit]


def write_load(load: Load) -> str:
    """Write the throughput and the latencies."""
    return (
        f"{load.per_second:.1f} requests/s, median {load.median:.0f} ms, 99th percentile "
        f"{load.percentile_99:.0f} ms"
    )


def read_json(address: str) -> dict[str, Any]:
    """Fetch JSON."""
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - http alone
        content: dict[str, Any] = json.load(answer)
    return content


def read_metrics(url: str) -> dict[str, float]:
    """Fetch the metrics, by name with labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:  # noqa: S310 - http alone
        lines = answer.read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[:1] != "#"}


def read_kilobytes(process: int) -> float:
    """Return the resident memory of a process in KiB, or 0 if the system does not report it."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return 0.0
    return float(_find(r"VmRSS:\s+(\d+)", status.read_text(encoding="utf-8")))
