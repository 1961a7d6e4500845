"""Commands about safe-keeping: backup, restore."""

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

# a champion that was restored does not score as it did
EXIT_OTHERWISE = 1


def takes_places(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--store`, `--artifacts`, `--database-only` and `--prefect`."""
    for option in (
        click.option("--prefect", "prefect_uri", metavar="URI", help="Prefect's PostgreSQL database, too."),
        click.option(
            "--database-only",
            "has_no_artifacts",
            is_flag=True,
            help="Leave the artifacts alone (S3 and such).",
        ),
        click.option(
            "--artifacts", type=click.Path(path_type=Path), help="Folder of the artifacts; mlruns/artifacts."
        ),
        click.option(
            "--store",
            metavar="URI",
            help="Database of the tracking store; MLFLOW_TRACKING_URI or the local one.",
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
    """Save runs, versions, aliases, their history and all artifacts in one archive."""
    from tasks.backup.back_up import back_up

    uri, folder = find_places(store, artifacts, has_no_artifacts)
    outcome = back_up(out, uri, folder, prefect_uri)
    write_json(json_file, outcome.model_dump(mode="json"))
    tell_backup(outcome)


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
    """Fill an empty store from an archive, after checking all of it; the champion is tried at the end."""
    from tasks.backup.restore import restore as restore_archive

    uri, folder = find_places(store, artifacts, has_no_artifacts)
    outcome = restore_archive(source, uri, folder, is_served, prefect_uri)
    write_json(json_file, outcome.model_dump(mode="json"))
    tell_restore(outcome)
    return 0 if all(check.is_same or not check.is_tried for check in outcome.champions) else EXIT_OTHERWISE


def find_places(store: str | None, artifacts: Path | None, has_no_artifacts: bool) -> tuple[str, Path | None]:
    """Tell the database and the folder that a command is about.

    Args:
        store: `--store`.
        artifacts: `--artifacts`.
        has_no_artifacts: `--database-only`.

    Returns:
        The database, and the folder or none.

    Raises:
        InputError: If they contradict each other, or a folder must be named.
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
            "`--artifacts` must name the folder of the artifacts of that store. It is missing. Name it, or "
            "give `--database-only` where they are elsewhere."
        )
    return uri, artifacts or home / "mlruns" / "artifacts"


def tell_backup(outcome: BackupOutcome) -> None:
    """Say what was saved, and what could not be."""
    manifest = outcome.manifest
    print(f"Database   {outcome.store}: {describe_contents(manifest.contents)}")
    if manifest.artifacts_root is not None:
        size = outcome.artifact_bytes / 1e6
        print(f"Artifacts  {manifest.artifacts_root}: {outcome.artifact_files:,} files, {size:,.1f} MB")
    for finding in manifest.findings:
        print(f"NOT SAVED  {finding}")
    print(f"Written    {outcome.archive}, {outcome.bytes / 1e6:,.1f} MB, in {outcome.seconds:.1f} s")


def tell_restore(outcome: RestoreOutcome) -> None:
    """Say what was restored, and how the champions do."""
    print(f"Database   {outcome.store}: {describe_contents(outcome.contents)}")
    if outcome.artifacts is not None:
        told = "; their places were written anew" if outcome.relocated else ""
        print(f"Artifacts  {outcome.artifacts}{told}")
    for note in outcome.notes:
        print(f"Note       {note}")
    for check in outcome.champions:
        print(f"Champion   {describe_champion(check)}")
    if not outcome.champions:
        print(
            "Champion   not tried: `forewarn score` through the server, or where the artifacts are, tries it"
        )
    print(f"Restored   {outcome.archive} in {outcome.seconds:.1f} s. See: forewarn models")


def describe_contents(contents: Contents) -> str:
    """Count runs, versions and aliases in words."""
    names = {"runs": "runs", "model_versions": "versions", "registered_model_aliases": "aliases"}
    counted = [f"{contents.counts.get(name, 0):,} {word}" for name, word in names.items()]
    return f"{', '.join(counted)}, schema {contents.revision}"


def describe_champion(check: ChampionCheck) -> str:
    """Say how a champion did with its golden rows."""
    name = f"version {check.version} of {check.model_name}"
    if not check.is_tried:
        return f"{name} was not tried from here: {check.problem}"
    if check.problem is not None:
        return f"{name} could NOT be loaded or run: {check.problem}"
    if check.is_same:
        return f"{name} loads from here and scores the same: {check.scores} golden scores"
    return f"{name} scores OTHERWISE: largest relative difference {check.largest_difference:.3g}"
