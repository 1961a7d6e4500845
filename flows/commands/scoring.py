"""Commands that score readings: score."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.group import commands, run_flow, takes_configuration, takes_data, write_json
from schemas.configuration import Configuration


@commands.command(
    epilog="Example: forewarn score --data new.csv --out scores.csv --model models:/forewarn@champion"
)
@takes_data
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="CSV or Parquet file to create or continue.",
)
@click.option("--model", "model_uri", help="Version, such as models:/forewarn/1; by default the champion.")
@takes_configuration
def score(
    data: str, out: Path, model_uri: str | None, configuration: Configuration, json_file: Path | None
) -> None:
    """Score new readings and append scores and alarms to a file, each row once.

    Run it again with a longer table or the next one: it continues where it ended, even after it was killed.
    Rows that cannot be scored are set aside in a file next to the output, with the reasons.
    """
    from flows.score import score as score_flow
    from flows.score import summarise_scoring
    from tasks.scoring.append import find_places

    find_places(out)
    result = run_flow(score_flow, data, out, model_uri, configuration)
    write_json(json_file, result.model_dump(mode="json"))
    print(summarise_scoring(result))
