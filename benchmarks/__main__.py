"""Run all benchmarks or the named ones: `python -m benchmarks [prepare epoch scoring ...] [--data FILE]`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flows.environment import prepare_environment

RESULTS = Path(__file__).with_name("results.json")
ROWS = {
    "prepare": "benchmarks.prepare:measure_preparation",
    "epoch": "benchmarks.epoch:measure_epoch",
    "scoring": "benchmarks.scoring:measure_scoring",
    "folds": "benchmarks.folds:measure_folds",
    "flow": "benchmarks.flow:measure_flow",
    "serving": "benchmarks.serving:measure_serving",
}
# variables that point to the user's stores, which a benchmark must not write to
OWN_STORES = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "PREFECT_API_DATABASE_CONNECTION_URL")


def main() -> None:
    """Measure in a temporary home, write `results.json` and print the table."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="forewarn-bench-", ignore_cleanup_errors=True) as home:
        for name in OWN_STORES:
            os.environ.pop(name, None)
        os.environ["FOREWARN_HOME"] = home
        prepare_environment(Path(home))
        rows = measure_rows(arguments.rows or list(ROWS), arguments.data)
    write_results(rows)
    print_table(rows)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"Benchmarks out of {', '.join(ROWS)}; by default all.")
    parser.add_argument("--data", type=Path, help="CSV file of readings; by default simulated.")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.rows if name not in ROWS]
    if unknown:
        parser.error(f"benchmarks must be among {', '.join(ROWS)}. Received {', '.join(unknown)}.")
    if arguments.data is not None and not arguments.data.is_file():
        parser.error(f"`--data` must name a file. There is no file {arguments.data}.")
    return arguments


def measure_rows(names: list[str], data: Path | None) -> list[dict[str, Any]]:
    """Run benchmarks one after the other; each note ends with the number of cores and the load."""
    from benchmarks.measure import count_cores
    from benchmarks.readings import find_material

    material, rows = find_material(data), []
    print(f"Measuring on {material.description}, {describe_machine(count_cores())}", file=sys.stderr)
    for name in names:
        module, function = ROWS[name].split(":")
        print(f"measuring {name} ...", file=sys.stderr)
        load = os.getloadavg()[0]
        for measurement in getattr(importlib.import_module(module), function)(material):
            row = measurement.to_json()
            row["note"] += f" On {count_cores()} cores, load average {load:.1f} before."
            rows.append(row)
    return rows


def describe_machine(cores: int) -> str:
    """Describe the machine and the packages that the times depend on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("keras", "pandas", "numpy", "prefect"))
    return f"{cores} cores ({platform.machine()}), Python {platform.python_version()}, {packages}"


def write_results(rows: list[dict[str, Any]]) -> None:
    """Replace the measured rows in `results.json` and keep the others."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    merged = {row["name"]: row for row in [*known, *rows]}
    RESULTS.write_text(json.dumps(list(merged.values()), indent=2) + "\n", encoding="utf-8")


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print one line per row, with its note below."""
    print(f"{'measured':<28}{'ratio':>8}{'goal':>8}  met")
    for row in rows:
        goal = "-" if row["goal"] is None else f"{row['goal']:g}"
        met = {None: "-", True: "yes", False: "NO"}[row["met"]]
        print(f"{row['name']:<28}{row['ratio']:>8.3g}{goal:>8}  {met}")
        print(textwrap.fill(row["note"], 100, initial_indent="    ", subsequent_indent="    "))


if __name__ == "__main__":
    main()
