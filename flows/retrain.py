"""Retrain: from a table of readings to a registered version and a promotion decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from prefect import flow
from prefect.runtime import deployment
from prefect.states import Cancelled

from flows import line, steps
from flows.environment import find_home
from flows.line import Divided, Judged, Prepared, Trained
from flows.progress import Stopwatch
from flows.recorded_run import Run, recorded_run, registered_version
from flows.results import describe_result, describe_tags, summarise_parts
from flows.summaries import publish_artifacts
from schemas.alarm_record import ALARM_RECORD_FILE, KIND_TAG, AlarmRecord
from schemas.configuration import DEFAULTS, Configuration
from schemas.decision import Evidence
from schemas.errors import BusyError
from schemas.explanation import ExplainedAlarms, PreparedRows
from schemas.model import FittedModel
from schemas.readings import Source
from schemas.results import RetrainResult
from schemas.work import RESULT_FILE, Work
from tasks.models.families.join import list_weights
from tasks.readings.inspect import find_interpolated_share
from tasks.tracking.locks import lock_retraining
from tasks.tracking.store import report_trouble

# the last raw rows of the table, logged with their scores so that a copy of the version can be verified
_GOLDEN_ROWS = 300


@flow(name="retrain", persist_result=False)
def retrain(
    data: Source | None = None,
    configuration: Configuration = DEFAULTS,
    force: bool = False,
    wait_minutes: float = 0.0,
) -> RetrainResult:
    """Train an early-warning model, judge it against the controls and the champion, and register it.

    If a run of the same data, code and configuration has finished, its result is returned and nothing is
    trained; if such a run was stopped, it is resumed.

    Args:
        data: Source of the readings, as for `load_readings`; none for simulated mill readings.
        configuration: Settings of every step.
        force: Whether to train from the beginning even if the same work is finished or was stopped.
        wait_minutes: Longest wait for another retraining of the same registered model.

    Returns:
        The training data, the metrics and the decision.

    Raises:
        InputError: If the table or the configuration cannot be used; nothing has been logged.
        BusyError: If the registered model is being retrained already.
        StoreUnreachableError: If the tracking store does not answer, or a disk is full.
    """
    try:
        return retrain_or_find(data, configuration, force, wait_minutes)
    except BusyError as busy:
        if deployment.get_id() is None:
            raise
        # another run is doing the work, so a deployed run is neither retried nor reported as a failure
        return Cancelled(message=str(busy))  # type: ignore[return-value] # the run ends in this state


def retrain_or_find(
    data: str | None, configuration: Configuration, is_forced: bool, wait_minutes: float
) -> RetrainResult:
    """Retrain while holding the lock of the registered model, unless the same work is finished."""
    home, clock, tracking = find_home(), Stopwatch(), configuration.tracking
    uri = steps.find_tracking_uri(home)
    with report_trouble(uri), lock_retraining(uri, tracking.model_name, 60 * wait_minutes):
        source = data if data is not None else simulate(home, configuration)
        raw, readings = line.load_table(source, configuration)
        clock.lap(
            "load", f"{len(readings.times):,} rows, {int(readings.events.sum())} event rows, {raw.source}"
        )
        work = steps.identify_work(raw.identity, configuration, home)
        client, _ = steps.open_store(uri, tracking.experiment, home)
        found = None if is_forced else steps.find_finished_work(client, tracking.experiment, work.key)
        if found is not None:
            clock.lap("found", f"finished run {found.run_name} of the same data, code and configuration")
            return found
        if is_forced:
            steps.delete_cached_training(work)
        prepared = line.prepare(raw, readings, configuration)
        return do_work(work, prepared, configuration, clock, is_forced)


def do_work(
    work: Work, prepared: Prepared, configuration: Configuration, clock: Stopwatch, is_forced: bool
) -> RetrainResult:
    """Train, judge and register, in a new run or in the stopped run of the same work.

    Args:
        work: Identity of the work.
        prepared: The prepared table.
        configuration: Settings of every step.
        clock: Reports progress.
        is_forced: Whether to start a new run even if one was stopped.
    """
    tracking = configuration.tracking
    divided = divide(prepared, configuration, clock)
    adapted = line.adapt(prepared, divided, configuration)
    settings = adapted.settings
    tags = {
        "preset": configuration.preset or "none",
        "leaky_split": str(divided.split.is_leaky).lower(),
    }
    with recorded_run(tracking, prepared.raw, tags, work.key, is_new=is_forced) as run:
        if run.is_resumed:
            clock.lap("resumed", f"run {run.name}, which was stopped before it finished")
            done: RetrainResult | None = steps.find_decided_run(run.client, run.id)
            if done is not None:
                return done
        steps.log_configuration(run.client, run.id, configuration)
        steps.log_datasets(run.client, run.id, prepared.labelled, divided.split.parts, prepared.raw.source)
        trained = train(run, work, prepared, divided, settings, clock)
        judged = judge(run, prepared, divided, trained, settings)
        log_outcome(run, divided, trained, judged, settings)
        clock.lap("log", f"run {run.name}")
        medians = steps.find_normal_medians(trained.scores["model"], divided.split)
        version_tags = describe_tags(prepared, divided, medians, judged.decision, settings, run.code_version)
        version_tags |= {KIND_TAG: judged.kind}
        with registered_version(
            run.client, tracking.model_name, judged.model_id, run.id, version_tags
        ) as version:
            result = describe_result(run, prepared, divided, trained, judged, adapted).model_copy(
                update={"model_version": version, "seconds": dict(clock.seconds)}
            )
            steps.describe_version(run.client, result, settings)
            write_report(run, result, settings, trained, prepared, divided)
            steps.log_files(run.client, run.id, {RESULT_FILE: result.model_dump_json(indent=1).encode()})
            steps.tag_run(run.client, run.id, {"decision": result.decision, "model_version": version})
            # the last step, so that no later failure can delete a version that has been promoted
            why = f"gate: {'; '.join(result.reasons)}"
            moved = steps.apply_decision(run.client, tracking.model_name, version, result.decision, why)
    for repair in moved.repairs if moved else ():
        clock.lap("repaired", repair)
    clock.lap("register", f"version {version} of {tracking.model_name}")
    result = result.model_copy(update={"seconds": dict(clock.seconds)})
    steps.delete_old_trainings(work)
    publish_artifacts(result)
    return result


def simulate(home: Path, settings: Configuration) -> str:
    """Write simulated readings of the configured kind, unless the file exists."""
    kind = settings.readings.simulated
    path = home / "mlruns" / "readings" / f"{'simulated' if kind == 'mill' else kind}.csv"
    return str(steps.simulate_file(path, kind))


def divide(prepared: Prepared, settings: Configuration, clock: Stopwatch) -> Divided:
    """Divide the windows, and scale all rows with a scaler fitted on the training part."""
    split = steps.split_windows(
        prepared.windows,
        settings.split,
        settings.purge_rows,
        prepared.labelled.times,
        settings.promotion.minimum_test_events,
    )
    if settings.features.scale_order == "scale_split_window":
        split = replace(split, is_leaky=True)
    divided = line.scale(prepared, split, settings)
    counts = ", ".join(f"{name} {count:,}" for name, count in split.window_counts.items())
    clock.lap("prepare", f"{len(prepared.features.columns)} features; windows: {counts}")
    return divided


def train(
    run: Run, work: Work, prepared: Prepared, divided: Divided, settings: Configuration, clock: Stopwatch
) -> Trained:
    """Fit the model, score every part with it and the controls, choose thresholds, evaluate."""
    model = fit_or_take(run, work, divided, settings)
    scores = line.score_all(model, prepared, divided, settings)
    history = model.history
    epochs = (
        "" if history is None else f", {len(history.loss)} epochs, validation loss {history.best_loss:.4f}"
    )
    clock.lap("train", f"{settings.model.family}: {model.parameters:,} parameters{epochs}")
    split, labelled = divided.split, prepared.labelled
    thresholds, held = line.set_thresholds(prepared, split, scores, settings)
    evaluations = steps.evaluate_scorers(scores, held, split, labelled, settings.evaluation)
    clock.lap("evaluate", f"{evaluations['test'].events} events in the test part")
    return Trained(model, scores, thresholds, held, evaluations)


def fit_or_take(run: Run, work: Work, divided: Divided, settings: Configuration) -> FittedModel:
    """Fit the model, or take it from the cache: a finished training is loaded, a stopped one resumed."""
    logs = run.home / "mlruns" / "tensorboard" / run.id if settings.training.tensorboard else None
    fit = steps.fit_with_cache.with_options(refresh_cache=not steps.is_cached(work))
    kept = fit(work, divided.material, settings.model, settings.training, logs)
    model: FittedModel = steps.load_cached_model(kept)
    return model


def judge(
    run: Run, prepared: Prepared, divided: Divided, trained: Trained, settings: Configuration
) -> Judged:
    """Log the model, score the test part with the logged model and the champion, and decide."""
    test, labelled, raw = divided.split.test, prepared.labelled, prepared.raw.table
    scores, held = trained.scores["model"][test.places], trained.held["model"]["test"]
    detector = line.describe_detector(prepared, divided, trained.thresholds["model"], settings)
    golden = raw.tail(_GOLDEN_ROWS)
    model_id = steps.log_detector(run.client, run.id, detector, trained.model, settings.model.family, golden)
    # a separate process, which runs while this one scores
    trial = steps.run_smoke_test.submit(run.tracking_uri, model_id)
    steps.verify_logged_scores(model_id, raw, labelled, test, scores, held)
    champion = steps.score_champion(run.client, settings.tracking.model_name, raw)
    evaluation = trained.evaluations["test"]
    budget = settings.alarm_budget
    kind, record, earlier = collect_records(run, prepared, divided, trained, settings)
    compared = None
    if champion is not None:
        compared = steps.compare_champion(
            champion, scores, held, test, labelled, budget, settings.evaluation, earlier
        )
        record = record.model_copy(update={"against": compared.runs})
    evidence = Evidence(
        trial=trial.result(),
        is_leaky_split=divided.split.is_leaky,
        test_events=evaluation.events,
        roc_auc=evaluation.metrics.roc_auc,
        roc_auc_interval=evaluation.intervals.get("roc_auc"),
        best_control=steps.compare_best_control(trained.scores, test, labelled, settings.evaluation),
        alarm_budget=budget,
        false_alarms_per_day=evaluation.metrics.false_alarms_per_day,
        false_alarms_interval=evaluation.intervals.get("false_alarms_per_day"),
        warnings=steps.weigh_warnings(
            record, earlier, settings.labels.rows_ahead, budget, settings.evaluation
        ),
        interpolated_share=find_interpolated_share(prepared.readings),
        slices=steps.slice_alarms(scores, held, test, labelled, raw, settings.evaluation),
        champion=compared,
    )
    return Judged(model_id, kind, record, evidence, steps.judge_version(evidence, settings.promotion))


def collect_records(
    run: Run, prepared: Prepared, divided: Divided, trained: Trained, settings: Configuration
) -> tuple[str, AlarmRecord, tuple[AlarmRecord, ...]]:
    """Record the alarms of the test, and find the records of earlier tests of versions of the same kind.

    Returns:
        The key of the kind, the record, and those of earlier tests, the newest first.
    """
    test, labelled = divided.split.test, prepared.labelled
    kind = steps.identify_kind(settings, labelled.sensors, labelled.categories, labelled.step_minutes)
    held = trained.held["model"]["test"]
    record = steps.record_alarms(
        trained.scores, held, test, labelled, settings.alarm_budget, settings.evaluation
    )
    name, days = settings.tracking.model_name, settings.promotion.evidence_days
    return kind, record, steps.find_earlier_tests(run.client, name, kind, record, days)


def log_outcome(
    run: Run, divided: Divided, trained: Trained, judged: Judged, settings: Configuration
) -> None:
    """Log losses, metrics, thresholds, evidence, what the alarms caught, the scaler and the model."""
    evaluations, evidence = dict(trained.evaluations), judged.evidence
    if evidence.champion is not None:
        evaluations |= evidence.champion.evaluations
    history = trained.model.history
    figures: dict[str, float] = {
        f"weight_{name}": share for name, share in list_weights(trained.model).items()
    }
    figures |= {"threshold": trained.thresholds["model"].value, "parameters": trained.model.parameters}
    for name, part in summarise_parts(divided.split, trained).items():
        figures |= {f"{name}_mean_score": part.mean_score, f"{name}_flagged_windows": part.flagged}
    if history is not None:
        figures["epochs"] = len(history.loss)
    promised = settings.threshold.promised_false_alarms_per_day
    if promised is not None:
        figures["promised_false_alarms_per_day"] = promised
    files = {
        "evidence.json": evidence.model_dump_json(indent=1).encode(),
        ALARM_RECORD_FILE: judged.record.model_dump_json().encode(),
        "scaler.json": divided.scaler.model_dump_json(indent=1).encode(),
    }
    files |= steps.archive_model(trained.model, settings.model.family)
    steps.log_run(run.client, run.id, history, evaluations, figures, files)


def write_report(
    run: Run,
    result: RetrainResult,
    settings: Configuration,
    trained: Trained,
    prepared: Prepared,
    divided: Divided,
) -> None:
    """Draw the plots, write the report, and log both to the run."""
    collected = steps.collect_scores(trained.scores, trained.held, divided.split, prepared.labelled)
    test = {scorer: parts["test"] for scorer, parts in collected.items()}
    explained = explain(prepared, divided, trained, settings)
    threshold = trained.thresholds["model"].value
    plots = steps.render_plots(
        trained.model.history, collected["model"]["validation"], test, threshold, explained
    )
    page = steps.render_report(result, settings, plots, explained)
    steps.write_report(page, run.report)
    files = {f"plots/{name}.png": image for name, image in plots.items()}
    files |= {"report/report.html": page.encode(), "alarms.json": explained.model_dump_json().encode()}
    steps.log_files(run.client, run.id, files)


def explain(
    prepared: Prepared, divided: Divided, trained: Trained, settings: Configuration
) -> ExplainedAlarms:
    """Find the sensors that drive the alarms of the test part."""
    test = divided.split.test
    detector = line.describe_detector(prepared, divided, trained.thresholds["model"], settings)
    rows = PreparedRows(prepared.labelled, prepared.features, divided.material.rows)
    scores, held = trained.scores["model"][test.places], trained.held["model"]["test"]
    return steps.explain_part(detector, trained.model, rows, test, scores, held)
