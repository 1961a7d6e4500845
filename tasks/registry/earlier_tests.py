"""Find what the alarms of earlier versions of the same kind caught in their own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.alarm_record import ALARM_RECORD_FILE, KIND_TAG, AlarmRecord
from schemas.registry import QUARANTINE_TAG
from tasks.evaluation.warning_evidence import keep_runs
from tasks.registry.versions import list_model_versions

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_NANOSECONDS_PER_DAY = 24 * 60 * 60 * 10**9


def find_earlier_tests(
    client: MlflowClient, model_name: str, kind: str, own: AlarmRecord, days: float
) -> tuple[AlarmRecord, ...]:
    """Find the tests of earlier versions of a kind, without rows that a newer test holds.

    Every version was tested on rows that it had not seen, so the tests of several versions show how well
    versions of this kind warn, although later versions were fitted on the rows of earlier tests. Versions in
    quarantine, deleted versions and leaky splits count for nothing.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        kind: Key of the kind, from `identify_kind`.
        own: Record of the new version's own test.
        days: How many days before the own test runs of rows may have begun; 0 for none.

    Returns:
        Records with at least one run of rows, the newest first; all runs end before the own test begins.
    """
    if not own.first_times or not days:
        return ()
    begin = before = own.first_times[0]
    found = []
    for version in sorted(_list_kind(client, model_name, kind), key=lambda each: -int(each.version)):
        record = _read_record(client, version)
        if record is None:
            continue
        kept = keep_runs(record, begin - round(days * _NANOSECONDS_PER_DAY), before)
        if kept.first_times:
            found.append(kept)
            before = kept.first_times[0]
    return tuple(found)


def _list_kind(client: MlflowClient, model_name: str, kind: str) -> list[ModelVersion]:
    """List the versions of a kind that count."""
    return [
        version
        for version in list_model_versions(client, model_name)
        if version.tags.get(KIND_TAG) == kind
        and QUARANTINE_TAG not in version.tags
        and version.tags.get("leaky_split") != "true"
    ]


def _read_record(client: MlflowClient, version: ModelVersion) -> AlarmRecord | None:
    """Read the record of a version; None if its run or the record no longer exists, or cannot be read."""
    from mlflow.artifacts import load_text
    from mlflow.exceptions import MlflowException

    try:
        folder = client.get_run(version.run_id or "").info.artifact_uri
        return AlarmRecord.model_validate_json(load_text(f"{folder}/{ALARM_RECORD_FILE}"))
    except (MlflowException, OSError, ValidationError):
        return None
