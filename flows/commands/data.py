"""Commands about tables of readings: simulate, check, encode."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.group import commands, require_writable, takes_configuration, takes_data, write_json
from flows.environment import find_home
from schemas.configuration import Configuration
from schemas.simulation import PLANT_KINDS, PlantKind


@commands.command(
    epilog="Example: forewarn simulate --kind steady --out readings.csv --faults faults.csv --seed 1",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV file, .gz to compress.")
@click.option(
    "--kind",
    type=click.Choice(PLANT_KINDS),
    default="mill",
    show_default=True,
    help="A paper machine that drifts, a plant at constant levels, or one that repeats recipes.",
)
@click.option("--rows", type=int, help="Rows to write; by default about 20,000.")
@click.option("--seed", default=0, show_default=True, help="The same seed writes the same file.")
@click.option("--interpolate", is_flag=True, help="Interpolate values of the mill, as a historian does.")
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(path_type=Path),
    help="CSV file for the list of events: start, end, kind, sensors, size.",
)
@takes_configuration
def simulate(
    out: Path,
    kind: PlantKind,
    rows: int | None,
    seed: int,
    interpolate: bool,
    faults_file: Path | None,
    configuration: Configuration,
    json_file: Path | None,
) -> None:
    """Write simulated readings of a paper machine, a plant at constant levels or a batch plant."""
    from tasks.files.write import write_table
    from tasks.simulators.plants import simulate_plant

    table, faults = simulate_plant(kind, rows, seed, interpolate=interpolate)
    write_table(table, out)
    if faults_file is not None:
        write_table(faults, faults_file)
    result = {"out": str(out), "kind": kind, "rows": len(table), "events": len(faults), "seed": seed}
    write_json(json_file, result | {"faults": None if faults_file is None else str(faults_file)})
    events = "breaks" if kind == "mill" else "faults"
    print(f"Wrote {len(table):,} rows with {len(faults)} {events} to {out}")


@commands.command(epilog="Example: forewarn check --data readings.csv --write-config settings.yaml")
@takes_data
@click.option(
    "--write-config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Write the settings that were given or found, as YAML for `--config`.",
)
@takes_configuration
def check(data: str, configuration: Configuration, json_file: Path | None, config_file: Path | None) -> None:
    """Check a table: its schema, its quality, the settings found, and what a retraining would do with it."""
    from flows.check import check as check_table
    from flows.check import (
        require_sound_machines,
        summarise_check,
        summarise_fleet,
        write_found_settings,
    )
    from schemas.check import CheckResult
    from tasks.files.write import replace_at_end

    require_writable(config_file, "--write-config")
    result = check_table(data, configuration)
    write_json(json_file, result.model_dump(mode="json"))
    if config_file is not None:
        with replace_at_end(config_file) as file:
            file.write(write_found_settings(result).encode())
    print(summarise_check(result) if isinstance(result, CheckResult) else summarise_fleet(result))
    require_sound_machines(result)


@commands.command(
    epilog="Example: forewarn encode --data readings.csv --out encoded.csv --model models:/forewarn/1"
)
@takes_data
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV or Parquet file.")
@click.option("--model", "model_uri", help="Version, such as models:/forewarn/1; by default the champion.")
@takes_configuration
def encode(
    data: str, out: Path, model_uri: str | None, configuration: Configuration, json_file: Path | None
) -> None:
    """Write the encoder's output for each row: features for other models."""
    from tasks.arrangement.arrange import arrange_rows, resample_table, take_found
    from tasks.files.write import write_table
    from tasks.registry.loading import load_version
    from tasks.scoring.encode import encode_readings
    from tasks.scoring.reading_settings import choose_reading_settings
    from tasks.sources.load import load_readings
    from tasks.tracking.store import find_tracking_uri, open_store

    home, tracking = find_home(), configuration.tracking
    open_store(find_tracking_uri(home), tracking.experiment, home)
    uri = model_uri or f"models:/{tracking.model_name}@champion"
    detector, model = load_version(uri)
    section = choose_reading_settings(detector, configuration)
    raw = arrange_rows(load_readings(data, section), section, detector.sensors)
    section = take_found(section, raw)
    raw = resample_table(raw, section)
    names = {section.time_column: detector.readings.time_column}
    encoded = encode_readings(detector, model, raw.table.rename(columns=names))
    write_table(encoded, out)
    width, rows = encoded.shape[1] - 1, int(encoded["encoding_1"].notna().sum())
    write_json(json_file, {"out": str(out), "model": uri, "rows": rows, "width": width})
    print(f"Wrote {rows:,} encodings of width {width} to {out}, computed by {uri}")
    for finding in raw.findings:
        print(f"  {finding.check}: {finding.message}")
