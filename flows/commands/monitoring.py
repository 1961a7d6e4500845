"""Commands that monitor the champion: monitor."""

from __future__ import annotations

from pathlib import Path

from flows.commands.group import commands, run_flow, takes_configuration, takes_data, write_json
from schemas.configuration import Configuration


@commands.command(epilog="Example: forewarn monitor --data readings.csv --json monitoring.json")
@takes_data
@takes_configuration
def monitor(data: str, configuration: Configuration, json_file: Path | None) -> None:
    """Check the champion for drift, calibration and recall on recent rows.

    Give the rows that it was trained on and all later ones. If its scores of normal rows have been raised for
    long enough, the event `model.drift.confirmed` is sent to Prefect, once per cool-down; if its recall is no
    better than that of random alarms, or below that of its own test, `model.recall.low`. A table that fails
    its schema check is reported as a data incident instead.
    """
    from flows.monitor import monitor as monitor_flow
    from flows.monitor import summarise_monitoring

    result = run_flow(monitor_flow, data, configuration)
    write_json(json_file, result.model_dump(mode="json"))
    print(summarise_monitoring(result))
