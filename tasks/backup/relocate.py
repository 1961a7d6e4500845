"""Write the places of artifacts anew where their folder is another one: MLflow stores them absolute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, String, Update, column, func, literal, table, update

# where a server that serves the artifacts keeps them, for its clients
SERVED = "mlflow-artifacts:"


def find_place(location: str, root: str) -> str | None:
    """Tell the path of a location below the folder of artifacts, or none where it is elsewhere.

    Args:
        location: Such as `file:///home/mlruns/artifacts/models/m-1` or `mlflow-artifacts:/models/m-1`.
        root: Absolute folder.

    Returns:
        Such as `models/m-1`.
    """
    parts = urlsplit(location)
    if f"{parts.scheme}:" == SERVED:
        return unquote(parts.path).strip("/")
    if parts.scheme not in {"", "file"}:
        return None
    path = Path(unquote(parts.path) if parts.scheme else location)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def make_relocations(locations: Sequence[str], old: str, new: str | None) -> list[Update]:
    """Make the statements that put one folder in the place of another.

    Args:
        locations: Columns, such as `runs.artifact_uri`.
        old: Absolute folder that the artifacts were in.
        new: Absolute folder that they are in now; none where a server serves them.

    Returns:
        Statements that change nothing elsewhere; none where the folder is the same.
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
    """Put one folder in the place of another, in the transaction that is open."""
    for statement in make_relocations(locations, old, new):
        connection.execute(statement)


def _pair_prefixes(old: str, new: str | None) -> Iterator[tuple[str, str]]:
    """Give the ways in which MLflow writes a local folder, each with what takes its place."""
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
