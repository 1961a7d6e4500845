"""The steps of the flows: every name, retry, timeout and caching rule in one place.

Called in a flow, a step runs as a Prefect task. Called anywhere else (in another task such as a fold, in a
command, a test or a notebook), it is the plain function, with the same arguments and the same result.

A step that only computes would fail again on the same input, so it is not retried. A step that reads files or
talks to a store is retried, unless its input is invalid. Arrays are passed in memory and not cached: hashing
them for a cache key would cost more than running the steps.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar

from schemas.errors import ForewarnError
from tasks.alarms import explain, rule, threshold
from tasks.arrangement import arrange
from tasks.evaluation import alarm_record, evaluate, gate, missing_events, search, slices, warning_evidence
from tasks.evaluation.backtest import kept_folds, summarise, trial
from tasks.evaluation.benchmark import assets, compare, tables
from tasks.features import absurd, featurise, scale
from tasks.labels import event_log, events, labels
from tasks.models import baselines, fit, members, training_cache
from tasks.monitor import reference, review, review_log, watch
from tasks.readings import check, inspect, replay
from tasks.registry import (
    earlier_tests,
    finished_runs,
    loading,
    promote,
    register,
    rescore,
    resolve,
    smoke_test,
)
from tasks.reports import (
    backtest_plot,
    backtest_report,
    benchmark_report,
    model_card,
    monitor_plot,
    plot,
    report,
)
from tasks.scoring import append, carry_over, output_rows, reading_settings, resume, set_aside
from tasks.simulators import plants
from tasks.sources import load
from tasks.tracking import backtest_log, benchmark_log, code_version, fingerprint, log, store
from tasks.windows import label, split, window

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun
    from prefect.context import TaskRunContext

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_RETRY_DELAYS = [1, 5, 20]


class Pending(Protocol[R_co]):
    """A step that may still be running."""

    def result(self) -> R_co:
        """Wait for the step, and return its result or raise its error."""


@dataclass(frozen=True, eq=False)
class Step(Generic[P, R]):
    """A plain function that runs as a Prefect task when a flow calls it.

    Attributes:
        function: The function of `tasks/`.
        name: Name of the task in Prefect.
        policy: Retries, timeouts and caching, as `prefect.task` takes them.
    """

    function: Callable[P, R]
    name: str
    policy: dict[str, Any] = field(default_factory=dict)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function: as a task in a flow, directly anywhere else."""
        call = self.task if is_in_flow() else self.function
        return call(*args, **kwargs)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Pending[R]:
        """Start the function without waiting for it: as a task in a flow, in a thread anywhere else."""
        if is_in_flow():
            pending: Pending[R] = self.task.submit(*args, **kwargs)
            return pending
        with_one_thread = ThreadPoolExecutor(max_workers=1)
        try:
            return with_one_thread.submit(self.function, *args, **kwargs)
        finally:
            with_one_thread.shutdown(wait=False)

    def with_options(self, **policy: Any) -> Step[P, R]:
        """Return the same step with other retries, timeouts or caching."""
        return replace(self, policy=self.policy | policy)

    @functools.cached_property
    def task(self) -> Task[P, R]:
        """The step as a Prefect task."""
        from prefect import Task
        from prefect.cache_policies import NO_CACHE

        # only results with a cache key are persisted; these are small and hold no arrays
        storage: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}
        if "cache_key_fn" in self.policy:
            storage = {"persist_result": True, "result_serializer": "json"}
        return Task(self.function, name=self.name, **storage, **self.policy)


def is_in_flow() -> bool:
    """Return whether the caller is a flow, rather than one of its tasks or code outside any flow."""
    if "prefect" not in sys.modules:
        return False
    from prefect.context import FlowRunContext, TaskRunContext

    return FlowRunContext.get() is not None and TaskRunContext.get() is None


def step(function: Callable[P, R], *, name: str, **policy: Any) -> Step[P, R]:
    """Make a step of a function that only computes: it is not retried."""
    return Step(function, name, policy)


def outside(function: Callable[P, R], *, name: str, timeout_seconds: int) -> Step[P, R]:
    """Make a step of a function that reads files or talks to a store: it is retried if that may help."""
    return step(
        function,
        name=name,
        retries=len(_RETRY_DELAYS),
        retry_delay_seconds=_RETRY_DELAYS,
        retry_condition_fn=is_worth_retrying,
        timeout_seconds=timeout_seconds,
    )


def is_worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return whether a failed step may succeed with the same input: not if the input is invalid."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, ForewarnError):
        return error.exit_code == 4
    return isinstance(error, OSError) or type(error).__module__.startswith(("mlflow.", "sqlalchemy."))


def name_training(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """Name a training by its data, its settings and the code."""
    return f"training-{parameters['work'].training_key}"


# table -> checked -> labelled -> windows -> split -> scaled
simulate_file = step(plants.simulate_file, name="simulate readings")
load_readings = outside(load.load_readings, name="load readings", timeout_seconds=600)
arrange_rows = step(arrange.arrange_rows, name="arrange rows")
resample_table = step(arrange.resample_table, name="put rows on a step")
read_labels = step(labels.read_labels, name="read labels")
merge_events_file = outside(event_log.merge_events_file, name="merge events", timeout_seconds=600)
merge_events = step(events.merge_events, name="join event rows")
check_readings = step(check.check_readings, name="schema check")
refuse_future_rows = step(inspect.refuse_future_rows, name="check for future times")
replay_causally = step(replay.replay_causally, name="causal replay")
replace_sensors = step(replay.replace_sensors, name="replace sensors")
label_ahead = step(label.label_ahead, name="curve shift")
compute_features = step(featurise.compute_features, name="features")
make_windows = step(window.make_windows, name="temporalize")
split_windows = step(split.split_windows, name="split")
choose_scaler_rows = step(scale.choose_scaler_rows, name="choose scaler rows")
find_absurd_values = step(absurd.find_absurd_values, name="find absurd values")
fit_scaler = step(scale.fit_scaler, name="fit scaler")
scale_rows = step(scale.scale_rows, name="scale")
widen_labels = step(label.widen_labels, name="widen labels")

# -> what the events allow
choose_members = step(members.choose_members, name="choose members")
choose_rule = step(rule.choose_rule, name="choose threshold rule")
report_missing_events = step(missing_events.report_missing_events, name="report missing events")

# -> fitted model -> scores -> threshold -> evaluation
fit_model = step(fit.fit_model, name="train")
score_windows = step(fit.score_windows, name="score")
score_controls = step(baselines.score_controls, name="score controls")
choose_thresholds = step(threshold.choose_thresholds, name="threshold")
hold_thresholds = step(evaluate.hold_thresholds, name="hold threshold")
evaluate_scorers = step(evaluate.evaluate_scorers, name="evaluate")

# folds, forward in time
summarise_folds = step(summarise.summarise_folds, name="summarise folds")
render_backtest_plots = step(backtest_plot.render_backtest_plots, name="plot backtest")
render_backtest_report = step(backtest_report.render_backtest_report, name="report backtest")
log_backtest = outside(backtest_log.log_backtest, name="log folds", timeout_seconds=600)

# trials of a comparison
open_study = step(search.open_study, name="open study")
measure_fold_area = step(trial.measure_fold_area, name="measure fold")
judge_entrants = step(summarise.judge_entrants, name="judge families")
log_trial = outside(backtest_log.log_trial, name="log trial", timeout_seconds=300)
log_comparison = outside(backtest_log.log_comparison, name="log leaderboard", timeout_seconds=600)

# several methods on several tables
measure_table = step(tables.measure_table, name="measure table")
rank_tables = step(compare.rank_tables, name="rank methods")
compare_tables = step(compare.compare_tables, name="compare methods")
score_groups = step(assets.score_groups, name="CARE scores")
render_benchmark_files = step(benchmark_report.render_benchmark_files, name="report benchmark")
log_benchmark = outside(benchmark_log.log_benchmark, name="log tables", timeout_seconds=600)
delete_old_folds = step(kept_folds.delete_old_folds, name="delete old folds")

# the same work: found, resumed or deleted
identify_work = step(fingerprint.identify_work, name="identify work")
find_finished_work = outside(finished_runs.find_finished_work, name="find finished", timeout_seconds=300)
is_cached = step(training_cache.is_cached, name="is cached")
# the cache is a folder named by the work; the record of it in Prefect makes the step show as cached
fit_with_cache = step(training_cache.fit_with_cache, name="train", cache_key_fn=name_training)
load_cached_model = step(training_cache.load_cached_model, name="load trained model")
find_decided_run = outside(finished_runs.find_decided_run, name="find decided run", timeout_seconds=300)
delete_cached_training = step(training_cache.delete_cached_training, name="delete cached training")
delete_old_trainings = step(training_cache.delete_old_trainings, name="delete old trainings")

# -> logged run
find_tracking_uri = step(store.find_tracking_uri, name="find tracking store")
open_store = outside(store.open_store, name="open tracking store", timeout_seconds=300)
find_code_version = step(code_version.find_code_version, name="find code version")
log_configuration = outside(log.log_configuration, name="log configuration", timeout_seconds=300)
log_datasets = outside(log.log_datasets, name="log datasets", timeout_seconds=300)
log_detector = outside(register.log_detector, name="log model", timeout_seconds=600)
archive_model = step(fit.archive_model, name="archive model")
log_run = outside(log.log_run, name="log metrics", timeout_seconds=600)

# -> judged from the registry
verify_logged_scores = outside(rescore.verify_logged_scores, name="re-score model", timeout_seconds=1800)
# no timeout here, since Prefect cannot interrupt a thread: the child process has a time limit
run_smoke_test = step(smoke_test.run_smoke_test, name="smoke test in a fresh process")
slice_alarms = step(slices.slice_alarms, name="slice alarms")
score_champion = outside(rescore.score_champion, name="re-score champion", timeout_seconds=1800)
compare_champion = step(rescore.compare_champion, name="compare with champion")
record_alarms = step(alarm_record.record_alarms, name="record alarms")
identify_kind = step(fingerprint.identify_kind, name="identify kind")
find_earlier_tests = outside(earlier_tests.find_earlier_tests, name="find earlier tests", timeout_seconds=300)
weigh_warnings = step(warning_evidence.weigh_warnings, name="weigh warnings")
compare_best_control = step(evaluate.compare_best_control, name="compare with controls")
judge_version = step(gate.judge_version, name="promotion gate")

# -> registered version -> promotion
register_version = outside(register.register_version, name="register", timeout_seconds=300)
describe_version = outside(model_card.describe_version, name="model card", timeout_seconds=300)
collect_scores = step(evaluate.collect_scores, name="collect scores")
explain_part = step(explain.explain_part, name="explain alarms")
render_plots = step(plot.render_plots, name="plot")
render_report = step(report.render_report, name="report")
write_report = outside(report.write_report, name="write report", timeout_seconds=60)
log_files = outside(log.log_files, name="log report", timeout_seconds=300)
apply_decision = outside(promote.apply_decision, name="promote", timeout_seconds=300)
promote_version = outside(promote.promote_version, name="promote version", timeout_seconds=300)
roll_back = outside(promote.rollback, name="roll back", timeout_seconds=300)
tag_run = outside(log.tag_run, name="tag run", timeout_seconds=300)

# new readings -> usable rows and rows set aside -> scores and alarms, appended
resolve_version = outside(resolve.resolve_version, name="resolve version", timeout_seconds=300)
load_version = outside(loading.load_version, name="load version", timeout_seconds=600)
choose_reading_settings = step(reading_settings.choose_reading_settings, name="choose reading settings")
mark_later_events = step(labels.mark_later_events, name="mark events")
open_output = outside(append.open_output, name="open output", timeout_seconds=600)
arrange_batch = step(arrange.arrange_batch, name="arrange rows")
set_rows_aside = step(set_aside.set_rows_aside, name="set rows aside")
carry_history = step(carry_over.carry_history, name="carry over")
score_next_rows = step(resume.score_next_rows, name="score new rows")
make_output_rows = step(output_rows.make_output_rows, name="number episodes")
advance_bookmark = step(carry_over.advance_bookmark, name="advance bookmark")
keep_waiting_rows = step(carry_over.keep_waiting_rows, name="keep waiting rows")
make_set_aside_rows = step(output_rows.make_set_aside_rows, name="describe rows set aside")
append_batch = outside(append.append_batch, name="append", timeout_seconds=600)

# the champion's scores of rows after its training data -> windows -> verdict
find_normal_medians = step(reference.find_normal_medians, name="median normal scores")
find_watched_version = outside(watch.find_watched_version, name="find champion", timeout_seconds=300)
check_watched_table = step(watch.check_watched_table, name="schema check")
score_watched_rows = step(watch.score_watched_rows, name="score with champion")
find_last_emissions = outside(review_log.find_last_emissions, name="find last events", timeout_seconds=300)
review_champion = step(review.review_champion, name="review champion")
render_monitor_plot = step(monitor_plot.render_monitor_plot, name="plot windows")
log_review = outside(review_log.log_review, name="log review", timeout_seconds=600)
remember_emission = outside(review_log.remember_emission, name="remember event", timeout_seconds=300)
