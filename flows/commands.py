"""The commands of `forewarn`, their options and their exit codes."""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from flows.environment import find_home, load_heavy_modules
from schemas.configuration import Configuration
from schemas.errors import ForewarnError, InputError
from schemas.presets import PRESETS
from tasks.configure import configure

EXIT_HELD_BACK = 3
EXIT_INTERRUPTED = 130

Command = Callable[..., Any]


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: What follows `forewarn`.

    Returns:
        0 done, 2 bad input, data or configuration, 3 not promoted although required, 4 a server or
        a store does not answer, 130 interrupted. A defect is raised, with its traceback.
    """
    warnings.simplefilter("ignore")
    try:
        code = commands.main(args=list(arguments), prog_name="forewarn", standalone_mode=False)
    except ForewarnError as error:
        print(f"forewarn: {error}", file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("forewarn: interrupted; nothing was registered", file=sys.stderr)
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="forewarn")
def commands() -> None:
    """Retrain, judge, promote and serve early-warning models for rare events in sensor data."""


def takes_configuration(command: Command) -> Command:
    """Give a command `--config`, `--set` and `--json`, and the configuration they make."""

    @click.option(
        "--config", "file", type=click.Path(path_type=Path), help="YAML file with sections of settings."
    )
    @click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="One setting.")
    @click.option(
        "--json", "json_file", type=click.Path(path_type=Path), help="Write the result as one JSON object."
    )
    @functools.wraps(command)
    def configured(
        *, file: Path | None, settings: tuple[str, ...], preset: str | None = None, **options: Any
    ) -> Any:
        _require_writable(options["json_file"])
        return command(configuration=configure(preset, file, settings), **options)

    return configured


def takes_dask_address(command: Command) -> Command:
    """Give a command `--dask-address`."""
    return click.option(
        "--dask-address", metavar="ADDRESS", help="Dask scheduler to work on, such as tcp://127.0.0.1:8786."
    )(command)


@commands.command(
    epilog="Example: forewarn simulate --out readings.csv --rows 20000 --seed 1",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV file, .gz to compress.")
@click.option("--rows", default=18_398, show_default=True, help="Rows to write.")
@click.option("--seed", default=0, show_default=True, help="The same seed writes the same file.")
@click.option("--interpolate", is_flag=True, help="Lay values on straight lines, as a historian does.")
@takes_configuration
def simulate(
    out: Path, rows: int, seed: int, interpolate: bool, configuration: Configuration, json_file: Path | None
) -> None:
    """Write simulated paper-machine readings with the columns and quirks of the real file."""
    from tasks.simulate import simulate_readings
    from tasks.write import write_table

    table = simulate_readings(rows=rows, seed=seed, interpolate=interpolate)
    write_table(table, out)
    result = {"out": str(out), "rows": len(table), "events": int(table["y"].sum()), "seed": seed}
    _write_json(json_file, result)
    print(f"Wrote {len(table):,} rows with {result['events']} breaks to {out}")


@commands.command(epilog="Example: forewarn check --data readings.csv --json findings.json")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@takes_configuration
def check(data: Path, configuration: Configuration, json_file: Path | None) -> None:
    """Check a table against its schema and say what is noteworthy about its quality."""
    from tasks.check import check_readings
    from tasks.load import load_readings

    raw = load_readings(data, configuration.readings)
    readings = check_readings(raw, configuration.readings)
    result = {
        "data": str(data),
        "sha256": raw.sha256,
        "rows": len(readings.times),
        "event_rows": int(readings.events.sum()),
        "sensors": len(readings.sensors),
        "step_minutes": readings.step_minutes,
        "findings": [finding.model_dump(mode="json") for finding in readings.findings],
    }
    _write_json(json_file, result)
    print(
        f"{data}: {result['rows']:,} rows, {result['event_rows']} event rows, {result['sensors']} sensors, "
        f"a row every {readings.step_minutes:g} minutes. The schema holds."
    )
    for finding in readings.findings:
        print(f"  {finding.check}: {finding.message}")


@commands.command(
    epilog="Example: forewarn retrain --data readings.csv --set windows.lookback=10 --json result.json"
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="CSV or Parquet file; simulated readings without it."
)
@click.option("--preset", help=f"A published procedure: {', '.join(PRESETS)}.")
@click.option("--require-promotion", is_flag=True, help="Exit with 3 unless the version is promoted.")
@takes_configuration
def retrain(
    data: Path | None, configuration: Configuration, json_file: Path | None, require_promotion: bool
) -> int:
    """Train, judge beside controls and champion, register a version, and decide on its promotion."""
    from flows.announce import summarise_retraining
    from flows.retrain import retrain as retrain_flow

    result = _run_flow(retrain_flow, data, configuration)

    _write_json(json_file, result.model_dump(mode="json"))
    print(summarise_retraining(result))
    return EXIT_HELD_BACK if require_promotion and result.decision != "PROMOTE" else 0


@commands.command(
    epilog="Example: forewarn backtest --data readings.csv --set readings.replay=causal --json backtest.json"
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@click.option("--preset", help=f"A published procedure: {', '.join(PRESETS)}.")
@takes_dask_address
@takes_configuration
def backtest(
    data: Path, configuration: Configuration, json_file: Path | None, dask_address: str | None
) -> None:
    """Evaluate forward in time, fold by fold, beside the published model and the controls."""
    from flows.announce import summarise_backtest
    from flows.backtest import backtest as backtest_flow
    from flows.orders import choose_runner

    runner = choose_runner(dask_address)
    result = _run_flow(backtest_flow.with_options(task_runner=runner), data, configuration)
    _write_json(json_file, result.model_dump(mode="json"))
    print(summarise_backtest(result))


@commands.command(
    epilog="Example: forewarn compare --data readings.csv --families join,pca_t2,logistic --trials 5"
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@click.option("--families", help="Families to compare, as a,b,c; all without it.")
@click.option(
    "--trials", default=5, show_default=True, type=click.IntRange(min=1), help="Settings to try for each."
)
@takes_dask_address
@takes_configuration
def compare(
    data: Path,
    configuration: Configuration,
    json_file: Path | None,
    families: str | None,
    trials: int,
    dask_address: str | None,
) -> None:
    """Search the settings of several families on past folds, and judge each on the last one."""
    from flows.announce import summarise_comparison
    from flows.compare import compare as compare_flow
    from flows.compare import require_comparable
    from flows.orders import choose_runner
    from tasks.search import SPACES

    names = [name.strip() for name in families.split(",")] if families else list(SPACES)
    require_comparable(configuration, names)
    runner = choose_runner(dask_address)
    result = _run_flow(compare_flow.with_options(task_runner=runner), data, configuration, names, trials)
    _write_json(json_file, result.model_dump(mode="json"))
    print(summarise_comparison(result))


@commands.command(
    epilog="Example: forewarn encode --data readings.csv --out encoded.csv --model models:/forewarn/1"
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@click.option("--model", "model_uri", help="Version, such as models:/forewarn/1; the champion without it.")
@takes_configuration
def encode(
    data: Path, out: Path, model_uri: str | None, configuration: Configuration, json_file: Path | None
) -> None:
    """Write the encoder's output for each row: features for other models."""
    from tasks.encode import encode_readings
    from tasks.load import load_readings
    from tasks.register import load_version
    from tasks.track import find_tracking_uri, open_store
    from tasks.write import write_table

    home, tracking = find_home(), configuration.tracking
    raw = load_readings(data, configuration.readings)
    open_store(find_tracking_uri(home), tracking.experiment, home)
    uri = model_uri or f"models:/{tracking.model_name}@champion"
    encoded = encode_readings(*load_version(uri), raw.table)
    write_table(encoded, out)
    width, rows = encoded.shape[1] - 1, int(encoded["encoding_1"].notna().sum())
    _write_json(json_file, {"out": str(out), "model": uri, "rows": rows, "width": width})
    print(f"Wrote {rows:,} encodings of width {width} to {out}, by {uri}")


def _run_flow(chosen: Callable[..., Any], *arguments: Any) -> Any:
    """Run a flow on the server that is configured, or on an embedded one that ends with us."""
    from flows.server import require_server, wait_for_records

    heavy = load_heavy_modules()
    address = os.environ.get("PREFECT_API_URL")
    print(f"starting  Prefect {address or '(embedded server)'} ...", file=sys.stderr)
    if address:
        require_server(address)
    try:
        state = chosen(*arguments, return_state=True)
    finally:
        # a thread that is still importing at exit would be torn down half-way
        heavy.join()
    if not address:
        wait_for_records(str(state.state_details.flow_run_id))
    return state.result()


def _require_writable(path: Path | None) -> None:
    """Make sure, before anything long is started, that the result can be written."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_possible = os.access(path.parent, os.W_OK) and not path.is_dir()
    except OSError:
        is_possible = False
    if not is_possible:
        raise InputError(f"`--json` must name a file that can be written. Received {path}. Choose another.")


def _write_json(path: Path | None, result: dict[str, Any]) -> None:
    """Write a result whole or not at all."""
    if path is None:
        return
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        json.dump(result, file, indent=1)
    os.replace(file.name, path)


@commands.command(epilog="Example: forewarn ui")
@click.option("--mlflow-port", default=5000, show_default=True)
@click.option("--prefect-port", default=4200, show_default=True)
@takes_configuration
def ui(configuration: Configuration, json_file: Path | None, mlflow_port: int, prefect_port: int) -> None:
    """Open the MLflow UI and the Prefect UI on this machine, until interrupted."""
    from flows.ui import serve_ui

    _write_json(
        json_file,
        {"mlflow": f"http://127.0.0.1:{mlflow_port}", "prefect": f"http://127.0.0.1:{prefect_port}"},
    )
    serve_ui(find_home(), configuration.tracking.experiment, mlflow_port, prefect_port)


@commands.command(epilog="Example: forewarn doctor --json doctor.json")
@takes_configuration
def doctor(configuration: Configuration, json_file: Path | None) -> None:
    """Say what is installed, reachable and configured, and what to do about what is not."""
    from flows.doctor import examine

    points = examine(find_home(), configuration)
    _write_json(json_file, {"points": points})
    for point in points:
        print(f"{'ok' if point['ok'] else 'NOT OK':<7} {point['name']}: {point['message']}")
