"""Retrain: from a table of readings to a registered version and a decision about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import flow

from flows import steps
from flows.announce import Stopwatch, publish_artifacts
from flows.environment import find_home
from flows.record import recorded_run, registered_version
from schemas.configuration import DEFAULTS, Configuration
from schemas.decision import Decision, Evidence
from schemas.detector import Detector
from schemas.evaluation import Evaluation, History, Threshold
from schemas.readings import LabelledReadings, RawTable, SensorReadings
from schemas.results import DataSummary, RetrainResult
from schemas.scaling import Scaler
from schemas.windows import Split

if TYPE_CHECKING:
    import keras
    import numpy as np
    from mlflow import MlflowClient

# raw rows in the input example of a version: enough for a score
_EXAMPLE_ROWS = 20
_SIMULATED = Path("mlruns") / "readings" / "simulated.csv"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table on its way to the network: each step's result."""

    raw: RawTable
    readings: SensorReadings
    labelled: LabelledReadings
    split: Split
    scaler: Scaler
    scaled: np.ndarray


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network with its scores, by scorer and part, and what they are worth."""

    network: keras.Model
    history: History
    scores: dict[str, dict[str, np.ndarray]]
    thresholds: dict[str, Threshold]
    evaluations: dict[str, Evaluation]


@dataclass(frozen=True, eq=False)
class Judged:
    """A logged model with the evidence about it and the decision."""

    model_id: str
    evidence: Evidence
    decision: Decision


@dataclass(frozen=True)
class Run:
    """The MLflow run that a retraining is recorded in."""

    client: MlflowClient
    id: str
    name: str
    tracking_uri: str
    code_version: str
    home: Path

    @property
    def report(self) -> Path:
        """Where the report is written, besides the copy among the run's artifacts."""
        return self.home / "mlruns" / "reports" / f"{self.name}-{self.id[:8]}.html"


@flow(name="retrain", persist_result=False)
def retrain(data: Path | None = None, configuration: Configuration = DEFAULTS) -> RetrainResult:
    """Train an early warner on readings, judge it beside the controls and the champion, register it.

    Args:
        data: Table of readings, CSV or Parquet; simulated mill readings where it is none.
        configuration: Settings of every step.

    Returns:
        What was trained, how it was judged, and the decision.

    Raises:
        InputError: If the table or the configuration cannot be used; nothing is logged then.
        StoreUnreachableError: If the tracking store does not answer.
    """
    home, clock, tracking = find_home(), Stopwatch(), configuration.tracking
    path = data if data is not None else steps.simulate_file(home / _SIMULATED)
    prepared = prepare(path, configuration, clock)
    tracking_uri = steps.find_tracking_uri(home)
    client, experiment_id = steps.open_store(tracking_uri, tracking.experiment, home)
    code_version = steps.find_code_version()
    tags = describe_run(prepared, configuration, code_version)
    with recorded_run(client, experiment_id, tags) as (run_id, run_name):
        run = Run(client, run_id, run_name, tracking_uri, code_version, home)
        steps.log_configuration(client, run_id, configuration)
        steps.log_datasets(client, run_id, prepared.labelled, prepared.split.parts, str(path))
        trained = fit(prepared, configuration, home / "mlruns" / "tensorboard" / run_id, clock)
        judged = judge(run, prepared, trained, configuration)
        log_outcome(run, prepared, trained, judged.evidence)
        clock.lap("log", f"run {run_name}")
        version_tags = describe_version(prepared, judged.decision, configuration, code_version)
        with registered_version(
            client, tracking.model_name, judged.model_id, run_id, version_tags
        ) as version:
            result = describe_result(run, prepared, trained, judged, configuration).model_copy(
                update={"model_version": version, "seconds": dict(clock.seconds)}
            )
            write_report(run, result, configuration, trained, prepared)
            steps.tag_run(client, run_id, {"decision": result.decision, "model_version": version})
            # the last step: nothing after it can take the version out again
            steps.apply_decision(client, tracking.model_name, version, result.decision)
    clock.lap("register", f"version {version} of {tracking.model_name}")
    result = result.model_copy(update={"seconds": dict(clock.seconds)})
    publish_artifacts(result)
    return result


def prepare(path: Path, settings: Configuration, clock: Stopwatch) -> Prepared:
    """Read, check, label, cut, divide and scale a table."""
    raw = steps.load_readings(path, settings.readings)
    readings = steps.check_readings(raw, settings.readings)
    clock.lap("load", f"{len(readings.times):,} rows, {int(readings.events.sum())} event rows, {path}")
    labelled = steps.label_ahead(
        readings,
        settings.labels.rows_ahead,
        are_event_rows_kept=settings.labels.are_event_rows_kept,
        across_gaps=settings.labels.across_gaps,
    )
    windows = steps.make_windows(labelled, settings.windows.lookback, settings.windows.convention)
    split = steps.split_windows(windows, settings.split, settings.purge_rows)
    scaler = steps.fit_scaler(labelled, split.train.normal_end_rows, settings.features)
    scaled = steps.scale_rows(scaler, labelled.values, labelled.runs)
    counts = ", ".join(f"{name} {count:,}" for name, count in split.window_counts.items())
    clock.lap("prepare", f"windows: {counts}")
    return Prepared(raw, readings, labelled, split, scaler, scaled)


def fit(prepared: Prepared, settings: Configuration, log_dir: Path, clock: Stopwatch) -> Trained:
    """Train the network, score every part beside the controls, choose thresholds, evaluate."""
    split, labelled = prepared.split, prepared.labelled
    network = steps.build_network(
        settings.model, settings.windows.lookback, len(labelled.sensors), settings.training.seed
    )
    history = steps.train_network(
        network,
        prepared.scaled,
        split.train.normal_end_rows,
        split.validation.normal_end_rows,
        settings.training,
        log_dir if settings.training.tensorboard else None,
    )
    losses = f"validation loss {history.validation_loss[history.best_epoch]:.4f}"
    clock.lap("train", f"{network.count_params():,} parameters, {len(history.loss)} epochs, {losses}")
    scores = {"model": steps.score_parts(network, prepared.scaled, split)}
    scores |= steps.score_controls(prepared.scaled, split, settings.training.seed)
    thresholds = steps.choose_thresholds(
        scores, split, labelled, settings.threshold, settings.evaluation.repeat_alarm_minutes
    )
    evaluations = steps.evaluate_scorers(scores, thresholds, split, labelled, settings.evaluation)
    clock.lap("evaluate", f"{evaluations['test'].events} events in the test part")
    return Trained(network, history, scores, thresholds, evaluations)


def judge(run: Run, prepared: Prepared, trained: Trained, settings: Configuration) -> Judged:
    """Log the version, score the test with it and with the champion as the registry has them, decide."""
    test, labelled = prepared.split.test, prepared.labelled
    scores, threshold = trained.scores["model"]["test"], trained.thresholds["model"]
    detector = Detector(
        readings=settings.readings.model_copy(update={"step_minutes": prepared.readings.step_minutes}),
        are_event_rows_kept=settings.labels.are_event_rows_kept,
        lookback=settings.windows.lookback,
        convention=settings.windows.convention,
        scaler=prepared.scaler,
        threshold=threshold,
    )
    example = prepared.raw.table.head(_EXAMPLE_ROWS)
    model_id = steps.log_detector(run.client, run.id, detector, trained.network, example)
    steps.verify_logged_scores(model_id, prepared.raw.table, labelled, test, scores)
    champion = steps.score_champion(run.client, settings.tracking.model_name, prepared.raw.table)
    evaluation = trained.evaluations["test"]
    evidence = Evidence(
        is_leaky_split=prepared.split.is_leaky,
        test_events=evaluation.events,
        roc_auc=evaluation.metrics.roc_auc,
        roc_auc_interval=evaluation.intervals.get("roc_auc"),
        best_control=steps.compare_best_control(trained.scores, test, labelled, settings.evaluation),
        champion=None
        if champion is None
        else steps.compare_champion(champion, scores, threshold.value, test, labelled, settings.evaluation),
    )
    return Judged(model_id, evidence, steps.judge_version(evidence, settings.promotion))


def log_outcome(run: Run, prepared: Prepared, trained: Trained, evidence: Evidence) -> None:
    """Log losses, metrics, thresholds, the gate's evidence, the scaler and the network."""
    evaluations = dict(trained.evaluations)
    if evidence.champion is not None:
        evaluations |= evidence.champion.evaluations
    figures = {
        "threshold": trained.thresholds["model"].value,
        "parameters": trained.network.count_params(),
        "epochs": len(trained.history.loss),
    }
    files = {
        "evidence.json": evidence.model_dump_json(indent=1).encode(),
        "scaler.json": prepared.scaler.model_dump_json(indent=1).encode(),
        "network.keras": steps.write_network(trained.network),
    }
    steps.log_run(run.client, run.id, trained.history, evaluations, figures, files)


def write_report(
    run: Run, result: RetrainResult, settings: Configuration, trained: Trained, prepared: Prepared
) -> None:
    """Draw the plots, write the report, and log both with the run."""
    collected = steps.collect_scores(trained.scores, prepared.split, prepared.labelled)
    test = {scorer: parts["test"] for scorer, parts in collected.items()}
    plots = steps.render_plots(
        trained.history, collected["model"]["validation"], test, trained.thresholds["model"].value
    )
    page = steps.render_report(result, settings, plots)
    steps.write_report(page, run.report)
    files = {f"plots/{name}.png": image for name, image in plots.items()}
    steps.log_files(run.client, run.id, files | {"report/report.html": page.encode()})


def describe_run(prepared: Prepared, settings: Configuration, code_version: str) -> dict[str, str]:
    """Tags that trace a run to its data and its code."""
    return {
        "data_sha256": prepared.raw.sha256,
        "data_source": prepared.raw.source,
        "code_version": code_version,
        "preset": settings.preset or "none",
        "leaky_split": str(prepared.split.is_leaky).lower(),
    }


def describe_version(
    prepared: Prepared, decision: Decision, settings: Configuration, code_version: str
) -> dict[str, str]:
    """Tags of the contract for a registered version."""
    times = prepared.labelled.times
    return {
        "decision": decision.decision,
        "decision_reasons": "; ".join(decision.reasons),
        "decided_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_sha256": prepared.raw.sha256,
        "code_version": code_version,
        "train_end": str(times[prepared.split.train.end_rows[-1]].astype("datetime64[s]")),
        "threshold_end": str(times[prepared.split.validation.end_rows[-1]].astype("datetime64[s]")),
        "rows_ahead": str(settings.labels.rows_ahead),
        "leaky_split": str(prepared.split.is_leaky).lower(),
    }


def describe_result(
    run: Run, prepared: Prepared, trained: Trained, judged: Judged, settings: Configuration
) -> RetrainResult:
    """Gather what was trained, how it was judged, and the decision; the version is not known yet."""
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
        report=str(run.report),
        parameters=trained.network.count_params(),
        epochs=len(trained.history.loss),
        threshold=threshold.value,
        threshold_rule=threshold.rule,
        is_leaky_split=prepared.split.is_leaky,
        code_version=run.code_version,
        preset=settings.preset,
        data=summarise_data(prepared),
        metrics=test.metrics,
        intervals=test.intervals,
        controls=select_controls(trained.evaluations, "metrics"),
        control_intervals=select_controls(trained.evaluations, "intervals"),
        champion=judged.evidence.champion,
        seconds={},
    )


def summarise_data(prepared: Prepared) -> DataSummary:
    """Say what a run was made from."""
    return DataSummary(
        source=prepared.raw.source,
        sha256=prepared.raw.sha256,
        rows=len(prepared.readings.times),
        events=len(prepared.labelled.event_times),
        segments=int(prepared.labelled.runs[-1]) + 1,
        windows=prepared.split.window_counts,
        findings=prepared.readings.findings,
    )


def select_controls(evaluations: Mapping[str, Evaluation], field: str) -> dict[str, Any]:
    """Take one field of the evaluations of the controls, by the control's name."""
    return {
        prefix.removeprefix("control_"): getattr(evaluation, field)
        for prefix, evaluation in evaluations.items()
        if prefix.startswith("control_")
    }
