"""The command of the HTTP service: serve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.group import commands, takes_configuration, write_json
from flows.environment import find_home
from schemas.configuration import Configuration

if TYPE_CHECKING:
    from flows.serving.model import ServedVersion


@commands.command(epilog="Example: forewarn serve --port 8000 --set serving.reload_seconds=10")
@click.option(
    "--model",
    "uri",
    help="models:/NAME@ALIAS, which is followed, or models:/NAME/VERSION; by default the champion.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free port."
)
@takes_configuration
def serve(
    uri: str | None, host: str, port: int, configuration: Configuration, json_file: Path | None
) -> None:
    """Score readings over HTTP, until stopped; FOREWARN_SERVE_TOKEN sets the required token."""
    from flows.serving.server import TOKEN_VARIABLE, read_token
    from flows.serving.server import serve as serve_model

    def announce(address: str, served: ServedVersion) -> None:
        header = "" if read_token() is None else f' -H "Authorization: Bearer ${TOKEN_VARIABLE}"'
        write_json(json_file, {"url": address, "model": served.name, "version": served.version, "uri": uri})
        print(
            f"Serving   {served.name} version {served.version} at {address} (documented at {address}/docs)\n"
            f"Try it    curl -s{header} {address}/example | curl -s{header} {address}/score "
            "-H 'Content-Type: application/json' --data-binary @-\n"
            "Stop it   with Ctrl-C or SIGTERM",
            flush=True,
        )

    serve_model(find_home(), configuration, uri, host, port, announce)
