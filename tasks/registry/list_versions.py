"""List the versions of a registered model, and format them as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.registry import QUARANTINE_TAG, Move, RegistryListing, RegistryState, Standing, VersionSummary
from tasks.registry.champions import describe_target, find_rollback_target
from tasks.registry.history import read_registry
from tasks.registry.repair import describe_change, open_registry
from tasks.registry.versions import find_model, find_run_metrics, list_model_versions

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_PREFIX = "test_"
_HASH_CHARACTERS = 10
_MOVES_SHOWN = 5
_NO_VERSIONS = (
    "The registered model {name} has no versions. `forewarn retrain --data FILE` registers one; "
    "`--set tracking.model_name=NAME` lists another model."
)
# heading by test metric
_METRICS = {
    "roc_auc": "ROC area",
    "average_precision": "avg prec",
    "event_recall": "caught",
    "false_alarms_per_day": "false/day",
}


def list_versions(client: MlflowClient, model_name: str) -> RegistryListing:
    """List versions and history, after repairing the leftovers of interrupted commands.

    Args:
        client: Client of the registry.
        model_name: Registered model; the listing is empty if it does not exist.
    """
    if find_model(client, model_name) is None:
        return make_empty_listing(model_name)
    with open_registry(client, model_name) as opened:
        repairs = opened.repairs
    state = read_registry(client, model_name)
    versions = [
        summarise_version(client, version, state) for version in list_model_versions(client, model_name)
    ]
    return RegistryListing(
        model_name=model_name,
        standing=state.standing,
        versions=tuple(sorted(versions, key=lambda version: int(version.version), reverse=True)),
        history=state.history,
        repairs=repairs,
        rollback=find_rollback_target(client, model_name, state.history),
    )


def make_empty_listing(model_name: str) -> RegistryListing:
    """Make the listing of a model without versions."""
    return RegistryListing(model_name=model_name, standing=Standing(), versions=(), history=())


def summarise_version(client: MlflowClient, version: ModelVersion, state: RegistryState) -> VersionSummary:
    """Summarise a version from the registry and its run."""
    number, tags = str(version.version), version.tags
    made = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    return VersionSummary(
        version=number,
        aliases=tuple(sorted(alias for alias, held in state.aliases.items() if held == number)),
        status=str(version.status),
        decision=tags.get("decision"),
        decided_at=tags.get("decided_at"),
        made_at=made.isoformat(timespec="seconds"),
        run_id=version.run_id or None,
        data_sha256=tags.get("data_sha256"),
        metrics=find_run_metrics(client, version.run_id, _PREFIX) if version.run_id else {},
        quarantine=tags.get(QUARANTINE_TAG),
    )


def write_listing(listing: RegistryListing, has_whole_history: bool = False) -> str:
    """Format versions and moves as tables of text.

    Args:
        listing: The versions.
        has_whole_history: Whether to show all moves rather than the last few.
    """
    if not listing.versions:
        return "\n".join([_NO_VERSIONS.format(name=listing.model_name), *_write_moves(listing.history)])
    headings = ["version", "aliases", "decision", "decided at", *_METRICS.values(), "data", "quarantine"]
    rows = [_write_version(version) for version in listing.versions]
    moves = listing.history if has_whole_history else listing.history[-_MOVES_SHOWN:]
    lines = [
        f"Registered model {listing.model_name}: {len(rows)} versions, newest first. Metrics of the test "
        "part; times in UTC.",
        "",
        *align([headings, *rows]),
        "",
        *_write_moves(moves),
    ]
    hidden = len(listing.history) - len(moves)
    if hidden:
        lines.append(f"{hidden} earlier moves: forewarn models --history")
    if listing.rollback is not None:
        lines += ["", describe_target(listing.rollback)]
    if listing.standing.champion is None:
        lines.append("There is no champion. Promote a version: forewarn promote --version N --why TEXT")
    return "\n".join(lines)


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Format rows of cells as lines with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _write_version(version: VersionSummary) -> list[str]:
    figures = [version.metrics.get(name) for name in _METRICS]
    state = "-" if version.quarantine is None else f"yes: {version.quarantine[:40]}"
    return [
        version.version if version.status == "READY" else f"{version.version} ({version.status})",
        ", ".join(version.aliases) or "-",
        version.decision or "-",
        _write_time(version.decided_at or version.made_at),
        *("-" if figure is None else f"{figure:.3f}" for figure in figures),
        (version.data_sha256 or "-")[:_HASH_CHARACTERS],
        state,
    ]


def _write_moves(moves: Sequence[Move]) -> list[str]:
    if not moves:
        return ["No alias has been moved yet."]
    headings = ["move", "when", "kind", "change", "who", "why"]
    rows = [
        [
            str(move.number),
            _write_time(move.when),
            move.kind,
            describe_change(move),
            move.who,
            f"{move.why[:60]}...".replace("\n", " ") if len(move.why) > 60 else move.why,
        ]
        for move in moves
    ]
    return align([headings, *rows])


def _write_time(text: str) -> str:
    return text[:16].replace("T", " ")
