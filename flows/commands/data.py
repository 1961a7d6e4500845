"""Commands about tables of readings: simulate, check, encode."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from flows.commands.group import commands, takes_configuration, write_json
from flows.environment import find_home
from schemas.configuration import Configuration


@commands.command(
    epilog="Example: forewarn simulate --out readings.csv --rows 20000 --seed 1",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV file, .gz to compress.")
@click.option("--rows", default=18_398, show_default=True, help="Rows to write.")
@click.option("--seed", default=0, show_default=True, help="The same seed writes the same file.")
@click.option("--interpolate", is_flag=True, help="Interpolate values linearly, as a historian does.")
@takes_configuration
def simulate(
    out: Path, rows: int, seed: int, interpolate: bool, configuration: Configuration, json_file: Path | None
) -> None:
    """Write simulated paper-machine readings with the columns and quirks of the real file."""
    from tasks.files.write import write_table
    from tasks.readings.simulate import simulate_readings

    table = simulate_readings(rows=rows, seed=seed, interpolate=interpolate)
    write_table(table, out)
    result = {"out": str(out), "rows": len(table), "events": int(table["y"].sum()), "seed": seed}
    write_json(json_file, result)
    print(f"Wrote {len(table):,} rows with {result['events']} breaks to {out}")


@commands.command(epilog="Example: forewarn check --data readings.csv --json findings.json")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@takes_configuration
def check(data: Path, configuration: Configuration, json_file: Path | None) -> None:
    """Check a table against its schema and list findings about its quality."""
    from tasks.readings.check import check_readings
    from tasks.readings.format import format_times
    from tasks.readings.inspect import describe_format, find_future_rows
    from tasks.readings.late_labels import fill_late_labels, report_late_labels
    from tasks.sources.load import load_readings

    section = configuration.readings
    raw = load_readings(data, section)
    # the newest rows are checked as well: scoring and monitoring read them
    readings = check_readings(fill_late_labels(raw, section), section)
    readings = report_late_labels(readings, raw, section)
    first_time, last_time = format_times(readings.times[[0, -1]])
    future = find_future_rows(readings, datetime.now(UTC))
    findings = [*readings.findings, *([future] if future else [])]
    result = {
        "data": str(data),
        "sha256": raw.sha256,
        "rows": len(readings.times),
        "event_rows": int(readings.events.sum()),
        "sensors": len(readings.sensors),
        "step_minutes": readings.step_minutes,
        "first_time": first_time.replace(" ", "T"),
        "last_time": last_time.replace(" ", "T"),
        "time_format": readings.time_format,
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }
    write_json(json_file, result)
    print(
        f"{data}: {result['rows']:,} rows, {result['event_rows']} event rows, {result['sensors']} sensors, "
        f"a row every {readings.step_minutes:g} minutes. The schema check passed."
    )
    print(f"  Times from {first_time} to {last_time}, {describe_format(readings.time_format)}.")
    for finding in findings:
        print(f"  {finding.check}: {finding.message}")


@commands.command(
    epilog="Example: forewarn encode --data readings.csv --out encoded.csv --model models:/forewarn/1"
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@click.option("--model", "model_uri", help="Version, such as models:/forewarn/1; by default the champion.")
@takes_configuration
def encode(
    data: Path, out: Path, model_uri: str | None, configuration: Configuration, json_file: Path | None
) -> None:
    """Write the encoder's output for each row: features for other models."""
    from tasks.files.write import write_table
    from tasks.sources.load import load_readings
    from tasks.registry.loading import load_version
    from tasks.scoring.encode import encode_readings
    from tasks.tracking.store import find_tracking_uri, open_store

    home, tracking = find_home(), configuration.tracking
    raw = load_readings(data, configuration.readings)
    open_store(find_tracking_uri(home), tracking.experiment, home)
    uri = model_uri or f"models:/{tracking.model_name}@champion"
    encoded = encode_readings(*load_version(uri), raw.table)
    write_table(encoded, out)
    width, rows = encoded.shape[1] - 1, int(encoded["encoding_1"].notna().sum())
    write_json(json_file, {"out": str(out), "model": uri, "rows": rows, "width": width})
    print(f"Wrote {rows:,} encodings of width {width} to {out}, computed by {uri}")
    for finding in raw.findings:
        print(f"  {finding.check}: {finding.message}")
