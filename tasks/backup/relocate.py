"""Rewrite the locations of artifacts for a new folder: MLflow stores absolute ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, String, Update, column, func, literal, table, update

# scheme of artifact locations that an MLflow server resolves for its clients
SERVED = "mlflow-artifacts:"


def find_place(location: str, root: str) -> str | None:
    """Return the path of a location relative to the folder of artifacts; None if it is elsewhere.

    Args:
        location: Such as `file:///home/mlruns/artifacts/models/m-1` or `mlflow-artifacts:/models/m-1`.
        root: Absolute folder of the artifacts.

    Returns:
        A path such as `models/m-1`, or None.
    """
    parts = urlsplit(location)
    if f"{parts.scheme}:" == SERVED:
        return unquote(parts.path).strip("/")
    if parts.scheme not in {"", "file"}:
        return None
    path = Path(unquote(parts.path) if parts.scheme else location)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def make_relocations(locations: Sequence[str], old: str, new: str | None) -> list[Update]:
    """Make the statements that replace one folder by another in all locations.

    Args:
        locations: Columns of locations, such as `runs.artifact_uri`.
        old: Absolute old folder of the artifacts.
        new: Absolute new folder; None if a server serves the artifacts.

    Returns:
        Statements that leave locations outside the old folder alone; empty if the folder is the same.
    """
    if old == new:
        return []
    return [
        statement
        for place in locations
        for prefix, replacement in _pair_prefixes(old, new)
        for statement in _replace_prefix(place, prefix, replacement)
    ]


def relocate(connection: Connection, locations: Sequence[str], old: str, new: str | None) -> None:
    """Replace one folder by another in all locations, in the open transaction."""
    for statement in make_relocations(locations, old, new):
        connection.execute(statement)


def _pair_prefixes(old: str, new: str | None) -> Iterator[tuple[str, str]]:
    """Yield each form in which MLflow writes a local folder, with its replacement."""
    for prefix in (Path(old).as_uri(), f"file:{old}", old):
        if new is None:
            yield prefix, SERVED
        else:
            yield prefix, new if prefix == old else Path(new).as_uri()


def _replace_prefix(place: str, prefix: str, replacement: str) -> Iterator[Update]:
    name, _, key = place.partition(".")
    target = table(name, column(key, String))
    whole = f"{SERVED}/" if replacement == SERVED else replacement
    yield update(target).where(target.c[key] == prefix).values({key: whole})
    start = f"{prefix}/"
    rest = func.substr(target.c[key], len(start))
    is_below = func.substr(target.c[key], 1, len(start)) == start
    yield update(target).where(is_below).values({key: literal(replacement).op("||")(rest)})
