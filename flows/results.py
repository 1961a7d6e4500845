"""The outcome of a retraining: the tags of its version, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flows import line
from flows.line import Adapted, Divided, Judged, Prepared, Trained
from flows.recorded_run import Run
from schemas.configuration import Configuration
from schemas.decision import Decision
from schemas.evaluation import Evaluation
from schemas.results import ModelSummary, PartSummary, RetrainResult
from schemas.windows import Split
from tasks.models.families.join import list_weights


def describe_tags(
    prepared: Prepared,
    divided: Divided,
    medians: Mapping[str, float],
    decision: Decision,
    settings: Configuration,
    code_version: str,
) -> dict[str, str]:
    """Make the tags of a registered version, with the median scores that `monitor` compares with.

    Args:
        prepared: The prepared table.
        divided: The same table, divided.
        medians: Median of the model's scores of normal windows, by part.
        decision: The gate's decision.
        settings: Settings of every step.
        code_version: Version of the code.
    """
    times, events_sha256 = prepared.labelled.times, prepared.raw.events_sha256
    events_file = {} if events_sha256 is None else {"events_sha256": events_sha256}
    return events_file | {
        "decision": decision.decision,
        "decision_reasons": "; ".join(decision.reasons),
        "decided_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_sha256": prepared.raw.sha256,
        "code_version": code_version,
        "train_end": str(times[divided.split.train.end_rows[-1]].astype("datetime64[s]")),
        "threshold_end": str(times[divided.split.validation.end_rows[-1]].astype("datetime64[s]")),
        "test_end": str(times[divided.split.test.end_rows[-1]].astype("datetime64[s]")),
        "rows_ahead": str(settings.labels.rows_ahead),
        "leaky_split": str(divided.split.is_leaky).lower(),
        "train_median_score": str(medians["train"]),
        "normal_median_score": str(medians["validation"]),
    }


def describe_result(
    run: Run,
    prepared: Prepared,
    divided: Divided,
    trained: Trained,
    judged: Judged,
    adapted: Adapted,
) -> RetrainResult:
    """Collect the result of a retraining; the version is not registered yet, so its number stays empty."""
    settings = adapted.settings
    test, threshold = trained.evaluations["test"], trained.thresholds["model"]
    return RetrainResult(
        run_id=run.id,
        run_name=run.name,
        experiment=settings.tracking.experiment,
        tracking_uri=run.tracking_uri,
        model_name=settings.tracking.model_name,
        model_version="",
        decision=judged.decision.decision,
        reasons=judged.decision.reasons,
        checks=judged.decision.checks,
        report=str(run.report),
        family=settings.model.family,
        parameters=trained.model.parameters,
        epochs=0 if trained.model.history is None else len(trained.model.history.loss),
        threshold=threshold.value,
        threshold_rule=threshold.rule,
        promised_false_alarms_per_day=settings.threshold.promised_false_alarms_per_day,
        is_leaky_split=divided.split.is_leaky,
        code_version=run.code_version,
        preset=settings.preset,
        data=line.summarise_data(prepared, divided.split.window_counts, divided.findings),
        parts=summarise_parts(divided.split, trained),
        metrics=test.metrics,
        intervals=test.intervals,
        controls=select_controls(trained.evaluations, "metrics"),
        control_intervals=select_controls(trained.evaluations, "intervals"),
        champion=judged.evidence.champion,
        warnings=judged.evidence.warnings,
        seconds={},
        findings=(*prepared.readings.findings, *adapted.findings),
        model=ModelSummary(
            family=settings.model.family,
            members=settings.model.families,
            left_out=adapted.left_out,
        ),
        weights=list_weights(trained.model),
        is_resumed=run.is_resumed,
    )


def summarise_parts(split: Split, trained: Trained) -> dict[str, PartSummary]:
    """Summarise the model's scores of each part."""
    scores, held = trained.scores["model"], trained.held["model"]
    return {
        part.name: PartSummary(
            windows=len(part.places),
            mean_score=float(scores[part.places].mean()),
            flagged=int((scores[part.places] >= held[part.name]).sum()),
        )
        for part in split.parts
    }


def select_controls(evaluations: Mapping[str, Evaluation], field: str) -> dict[str, Any]:
    """Select one field from the evaluations of the controls, by the control's name."""
    return {
        prefix.removeprefix("control_"): getattr(evaluation, field)
        for prefix, evaluation in evaluations.items()
        if prefix.startswith("control_")
    }
