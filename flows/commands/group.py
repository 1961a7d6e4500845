"""Shared parts of the commands: the group, common options, running a flow, and writing results."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from flows.environment import load_heavy_modules
from schemas.errors import InputError, StoreUnreachableError
from tasks.configuration.configure import configure

Command = Callable[..., Any]
SOURCES = "CSV, Excel, Parquet, folder, pattern, database URL or -"


class ForewarnCommand(click.Command):
    """A command that reports a file which ends too early; click takes every EOFError for an interruption."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            InputError: If a file of the command ends too early.
            StoreUnreachableError: If a connection does.
            RuntimeError: If neither does: a defect.
        """
        try:
            return super().invoke(ctx)
        except EOFError as error:
            paths = [Path(value) for value in ctx.params.values() if isinstance(value, (str, Path))]
            files = [path for path in paths if path.is_file()]
            raise explain_early_end(error, files) from error


class ForewarnGroup(click.Group):
    """The group of all commands."""

    command_class = ForewarnCommand


def explain_early_end(error: EOFError, files: Sequence[Path]) -> Exception:
    """Return the error to report instead of an EOFError.

    Args:
        error: What was raised.
        files: The files that the command was given, as far as they exist.
    """
    what = str(error) or "it ends too early"
    if isinstance(error, asyncio.IncompleteReadError):
        return StoreUnreachableError(f"A server must answer completely. It ended early: {what}. Try again.")
    if not files:
        return RuntimeError(f"Data ended too early: {what}")
    named = " or ".join(str(file) for file in files)
    return InputError(
        f"Every file that is read must be complete. {named} is cut short ({what}). Copy, export or download "
        "it again."
    )


@click.group(
    cls=ForewarnGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="forewarn")
def commands() -> None:
    """Retrain, judge, promote and serve early-warning models for rare events in sensor data."""


def takes_configuration(command: Command) -> Command:
    """Add `--config`, `--set` and `--json` to a command, and pass it the resulting configuration."""

    @click.option(
        "--config", "file", type=click.Path(path_type=Path), help="YAML file of settings, by section."
    )
    @click.option(
        "--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="One setting; repeatable."
    )
    @click.option(
        "--json", "json_file", type=click.Path(path_type=Path), help="Write the result as one JSON object."
    )
    @functools.wraps(command)
    def configured(
        *, file: Path | None, settings: tuple[str, ...], preset: str | None = None, **options: Any
    ) -> Any:
        for setting in settings:
            require_text(setting)
        require_writable(options["json_file"])
        return command(configuration=configure(preset, file, settings), **options)

    return configured


def takes_data(command: Command) -> Command:
    """Add `--data` to a command, and pass it the source without a password: flows record their parameters."""
    return click.option("--data", required=True, metavar="SOURCE", callback=take_source, help=f"{SOURCES}.")(
        command
    )


def take_source(_context: click.Context, _option: click.Parameter, source: str | None) -> str | None:
    """Take the password out of the address of a database, and put it where reading looks for it."""
    from tasks.sources.addresses import take_password

    if source is None:
        return None
    require_text(source)
    return take_password(source)


def takes_dask_address(command: Command) -> Command:
    """Add `--dask-address` to a command."""
    return click.option(
        "--dask-address", metavar="ADDRESS", help="Dask scheduler to run on, such as tcp://127.0.0.1:8786."
    )(command)


def takes_workers(command: Command) -> Command:
    """Add `--workers` to a command."""
    return click.option(
        "--workers",
        metavar="N",
        type=click.IntRange(min=1),
        help="Processes that train side by side; by default one per core.",
    )(command)


def run_flow(chosen: Callable[..., Any], *arguments: Any, with_networks: bool = True) -> Any:
    """Run a flow on the configured Prefect server, or on an embedded one that ends with this process.

    Args:
        chosen: The flow.
        arguments: Its arguments.
        with_networks: Whether the flow trains or scores with networks in this process.
    """
    from flows.prefect.clean_up import end_orphaned_servers
    from flows.prefect.server import (
        report_server_trouble,
        require_server,
        start_embedded_server,
        wait_for_records,
    )

    for argument in arguments:
        if isinstance(argument, (str, Path)):
            require_text(str(argument))
    heavy = load_heavy_modules(with_networks=with_networks)
    address = os.environ.get("PREFECT_API_URL")
    print(f"starting  Prefect {address or '(embedded server)'} ...", file=sys.stderr)
    if address:
        require_server(address)
    else:
        end_orphaned_servers()
    try:
        with report_server_trouble(address or "of this command (embedded)"):
            start_embedded_server()
            state = chosen(*arguments, return_state=True)
    finally:
        # the process must not exit while the thread is importing
        heavy.join()
    if not address:
        wait_for_records(str(state.state_details.flow_run_id))
    return state.result()


def require_text(name: str) -> None:
    """Check that the name of a file, or a setting, is text: the stores and the server keep no other.

    Raises:
        InputError: If a byte of it is no character in the encoding of this process.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(
            "Names of files and settings must be text in the encoding of this process, "
            f"{sys.getfilesystemencoding()}. Received {name!a}. Set the environment variable PYTHONUTF8=1, "
            "choose a UTF-8 locale, or rename the file."
        ) from None


def require_writable(path: Path | None, option: str = "--json") -> None:
    """Check, before any long work is started, that the result can be written."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_possible = os.access(path.parent, os.W_OK) and not path.is_dir()
    except OSError:
        is_possible = False
    if not is_possible:
        raise InputError(f"`{option}` must name a writable file. Received {path}. Choose another.")


def write_json(path: Path | None, result: dict[str, Any]) -> None:
    """Write a result to a file atomically."""
    if path is None:
        return
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        json.dump(result, file, indent=1)
    os.replace(file.name, path)
