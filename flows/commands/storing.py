"""Commands that back up and restore the stores: backup, restore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from flows.commands.group import commands, takes_configuration, write_json
from flows.environment import find_home
from schemas.backup import BackupOutcome, ChampionCheck, Contents, RestoreOutcome
from schemas.configuration import Configuration
from schemas.errors import InputError

# a restored champion could not be run, or its scores have changed
EXIT_CHANGED = 1


def takes_places(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--store`, `--artifacts`, `--database-only` and `--prefect` to a command."""
    for option in (
        click.option(
            "--prefect", "prefect_uri", metavar="URI", help="Include Prefect's PostgreSQL database."
        ),
        click.option(
            "--database-only",
            "has_no_artifacts",
            is_flag=True,
            help="Leave out the artifacts, for example in S3.",
        ),
        click.option(
            "--artifacts",
            type=click.Path(path_type=Path),
            help="Folder of the artifacts; by default mlruns/artifacts.",
        ),
        click.option(
            "--store",
            metavar="URI",
            help="Database of the tracking store; by default MLFLOW_TRACKING_URI or the local one.",
        ),
    ):
        command = option(command)
    return command


@commands.command(epilog="Example: forewarn backup --out backups/2026-11-22.tar.gz")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Archive to write, .tar.gz.")
@takes_places
@takes_configuration
def backup(
    out: Path,
    store: str | None,
    artifacts: Path | None,
    has_no_artifacts: bool,
    prefect_uri: str | None,
    configuration: Configuration,
    json_file: Path | None,
) -> None:
    """Back up runs, versions, aliases, their history and all artifacts to one archive."""
    from tasks.backup.back_up import back_up

    uri, folder = find_places(store, artifacts, has_no_artifacts)
    outcome = back_up(out, uri, folder, prefect_uri)
    write_json(json_file, outcome.model_dump(mode="json"))
    report_backup(outcome)


@commands.command(epilog="Example: forewarn restore --from backups/2026-11-22.tar.gz")
@click.option("--from", "source", required=True, type=click.Path(path_type=Path), help="Archive of a backup.")
@takes_places
@click.option(
    "--served", "is_served", is_flag=True, help="The server will serve the artifacts (--serve-artifacts)."
)
@takes_configuration
def restore(
    source: Path,
    store: str | None,
    artifacts: Path | None,
    has_no_artifacts: bool,
    prefect_uri: str | None,
    is_served: bool,
    configuration: Configuration,
    json_file: Path | None,
) -> int:
    """Verify an archive, restore it into an empty store, and test that the champion scores as before."""
    from tasks.backup.restore import restore as restore_archive

    uri, folder = find_places(store, artifacts, has_no_artifacts)
    outcome = restore_archive(source, uri, folder, is_served, prefect_uri)
    write_json(json_file, outcome.model_dump(mode="json"))
    report_restore(outcome)
    return 0 if all(check.is_same or not check.is_tried for check in outcome.champions) else EXIT_CHANGED


def find_places(store: str | None, artifacts: Path | None, has_no_artifacts: bool) -> tuple[str, Path | None]:
    """Find the database and the artifact folder that a command works on.

    Args:
        store: `--store`.
        artifacts: `--artifacts`.
        has_no_artifacts: `--database-only`.

    Returns:
        The URI of the database, and the folder or none.

    Raises:
        InputError: If the options contradict each other, or `--artifacts` is missing.
    """
    from tasks.backup.connect import find_kind
    from tasks.tracking.store import find_tracking_uri

    home = find_home()
    uri = store or find_tracking_uri(home)
    kind = find_kind(uri)
    if has_no_artifacts and artifacts is not None:
        raise InputError("Give `--artifacts FOLDER` or `--database-only`, not both.")
    if has_no_artifacts:
        return uri, None
    if artifacts is None and (store is not None or kind != "sqlite"):
        raise InputError(
            "`--artifacts` must name the artifact folder of this store. It is missing. Name the folder, or "
            "give `--database-only` if the artifacts are kept elsewhere."
        )
    return uri, artifacts or home / "mlruns" / "artifacts"


def report_backup(outcome: BackupOutcome) -> None:
    """Print what was saved, and what could not be saved."""
    manifest = outcome.manifest
    print(f"Database   {outcome.store}: {describe_contents(manifest.contents)}")
    if manifest.artifacts_root is not None:
        size = outcome.artifact_bytes / 1e6
        print(f"Artifacts  {manifest.artifacts_root}: {outcome.artifact_files:,} files, {size:,.1f} MB")
    for finding in manifest.findings:
        print(f"NOT SAVED  {finding}")
    print(f"Written    {outcome.archive}, {outcome.bytes / 1e6:,.1f} MB, in {outcome.seconds:.1f} s")


def report_restore(outcome: RestoreOutcome) -> None:
    """Print what was restored, and the tests of the champions."""
    print(f"Database   {outcome.store}: {describe_contents(outcome.contents)}")
    if outcome.artifacts is not None:
        relocated = "; the paths in the database were updated" if outcome.relocated else ""
        print(f"Artifacts  {outcome.artifacts}{relocated}")
    for note in outcome.notes:
        print(f"Note       {note}")
    for check in outcome.champions:
        print(f"Champion   {describe_champion(check)}")
    if not outcome.champions:
        print("Champion   not tested: run `forewarn score` through the server, or where the artifacts are")
    print(f"Restored   {outcome.archive} in {outcome.seconds:.1f} s. See: forewarn models")


def describe_contents(contents: Contents) -> str:
    """Summarise the counts of runs, versions and aliases."""
    names = {"runs": "runs", "model_versions": "versions", "registered_model_aliases": "aliases"}
    counted = [f"{contents.counts.get(name, 0):,} {label}" for name, label in names.items()]
    return f"{', '.join(counted)}, schema {contents.revision}"


def describe_champion(check: ChampionCheck) -> str:
    """Describe the test of a champion on its golden rows."""
    name = f"version {check.version} of {check.model_name}"
    if not check.is_tried:
        return f"{name} was not tested from here: {check.problem}"
    if check.problem is not None:
        return f"{name} could NOT be loaded or run: {check.problem}"
    if check.is_same:
        return f"{name} loads from here and reproduces all {check.scores} golden scores"
    return f"{name} has DIFFERENT scores: largest relative difference {check.largest_difference:.3g}"
