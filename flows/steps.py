"""The steps as Prefect tasks: every name, retry, timeout and caching rule in one place.

A step that computes fails again with the same input, so it is not retried. A step that reads files
or talks to a store is, unless its input is at fault. Modules are imported when a step is first
called, so that a flow starts before TensorFlow is loaded.

Arrays go from step to step in memory: hashing them for a cache key would cost more than the steps.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.runtime import task_run

from schemas.errors import ForewarnError

_RETRY_DELAYS = [1, 5, 20]


def bind(place: str, name: str, **policy: Any) -> Callable[..., Any]:
    """Make a Prefect task of a plain function that is imported at the first call.

    Args:
        place: `module:function`.
        name: Name of the task in Prefect.
        policy: Retries and timeouts; with `cache_key_fn` the result, small and no array, is kept.
    """
    module, function = place.split(":")

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module(module), function)(*args, **kwargs)

    call.__name__ = function
    make: Callable[..., Task[..., Any]] = task
    if "cache_key_fn" in policy:
        return make(call, name=name, persist_result=True, result_serializer="json", **policy)
    return make(call, name=name, cache_policy=NO_CACHE, persist_result=False, **policy)


def bind_outside(place: str, name: str, timeout_seconds: int) -> Callable[..., Any]:
    """Bind a function that reads files or talks to a store: retried when that may help."""
    return bind(
        place,
        name,
        retries=len(_RETRY_DELAYS),
        retry_delay_seconds=_RETRY_DELAYS,
        retry_condition_fn=is_worth_retrying,
        timeout_seconds=timeout_seconds,
    )


def is_worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failed step may pass with the same input: not when its input is at fault."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, ForewarnError):
        return error.exit_code == 4
    return isinstance(error, OSError) or type(error).__module__.startswith(("mlflow.", "sqlalchemy."))


def name_training(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """Name a training by its data, the settings it depends on, and the code."""
    return f"training-{parameters['args'][0].training_key}"


def name_fold() -> str:
    """Name a task run by the fold that it goes through."""
    order = task_run.parameters["args"][0]
    return f"fold {order.fold}, {order.entrant}, seed {order.seed}"


# table -> checked -> labelled -> windows -> split -> scaled
simulate_file = bind("tasks.readings.simulate:simulate_file", "simulate readings")
load_readings = bind_outside("tasks.readings.load:load_readings", "load readings", timeout_seconds=600)
check_readings = bind("tasks.readings.check:check_readings", "schema check")
replay_causally = bind("tasks.readings.replay:replay_causally", "causal replay")
replace_sensors = bind("tasks.readings.replay:replace_sensors", "replace sensors")
label_ahead = bind("tasks.windows.label:label_ahead", "curve shift")
compute_features = bind("tasks.features.featurise:compute_features", "features")
make_windows = bind("tasks.windows.window:make_windows", "temporalize")
split_windows = bind("tasks.windows.split:split_windows", "split")
choose_scaler_rows = bind("tasks.features.scale:choose_scaler_rows", "choose scaler rows")
fit_scaler = bind("tasks.features.scale:fit_scaler", "fit scaler")
scale_rows = bind("tasks.features.scale:scale_rows", "scale")
widen_labels = bind("tasks.windows.label:widen_labels", "widen labels")

# -> fitted model -> scores -> threshold -> evaluation
fit_model = bind("tasks.models.fit:fit_model", "train")
score_windows = bind("tasks.models.fit:score_windows", "score")
score_controls = bind("tasks.models.baselines:score_controls", "score controls")
choose_thresholds = bind("tasks.alarms.threshold:choose_thresholds", "threshold")
hold_thresholds = bind("tasks.evaluation.evaluate:hold_thresholds", "hold threshold")
evaluate_scorers = bind("tasks.evaluation.evaluate:evaluate_scorers", "evaluate")

# folds, forward in time
run_fold: Any = bind("flows.fold:run_fold", "fold", task_run_name=name_fold)
summarise_folds = bind("tasks.evaluation.backtest.summarise:summarise_folds", "summarise folds")
render_backtest_plots = bind("tasks.reports.backtest_plot:render_backtest_plots", "plot backtest")
render_backtest_report = bind("tasks.reports.backtest_report:render_backtest_report", "report backtest")
log_backtest = bind_outside("tasks.tracking.log_backtest:log_backtest", "log folds", timeout_seconds=600)

# trials of a comparison
open_study = bind("tasks.evaluation.search:open_study", "open study")
measure_fold_area = bind("tasks.evaluation.backtest.trial:measure_fold_area", "measure fold")
judge_entrants = bind("tasks.evaluation.backtest.summarise:judge_entrants", "judge families")
log_trial = bind_outside("tasks.tracking.log_backtest:log_trial", "log trial", timeout_seconds=300)
log_comparison = bind_outside(
    "tasks.tracking.log_backtest:log_comparison", "log leaderboard", timeout_seconds=600
)

# the same work: found, gone on with, or forgotten
identify_work = bind("tasks.tracking.fingerprint:identify_work", "identify work")
find_finished_work = bind_outside(
    "tasks.registry.finished_runs:find_finished_work", "find finished", timeout_seconds=300
)
is_cached = bind("tasks.models.training_cache:is_cached", "is kept")
# its cache is the folder that the work names; the record of it in Prefect makes the step show as cached
fit_with_cache: Any = bind("tasks.models.training_cache:fit_with_cache", "train", cache_key_fn=name_training)
load_cached_model = bind("tasks.models.training_cache:load_cached_model", "load trained model")
find_decided_run = bind_outside(
    "tasks.registry.finished_runs:find_decided_run", "find carried out", timeout_seconds=300
)
delete_cached_training = bind("tasks.models.training_cache:delete_cached_training", "forget work")
delete_old_trainings = bind("tasks.models.training_cache:delete_old_trainings", "let old work go")

# -> logged run
find_tracking_uri = bind("tasks.tracking.store:find_tracking_uri", "find tracking store")
open_store = bind_outside("tasks.tracking.store:open_store", "open tracking store", timeout_seconds=300)
find_code_version = bind("tasks.tracking.code_version:find_code_version", "find code version")
log_configuration = bind_outside(
    "tasks.tracking.log:log_configuration", "log configuration", timeout_seconds=300
)
log_datasets = bind_outside("tasks.tracking.log:log_datasets", "log datasets", timeout_seconds=300)
log_detector = bind_outside("tasks.registry.register:log_detector", "log model", timeout_seconds=600)
archive_model = bind("tasks.models.fit:archive_model", "archive model")
log_run = bind_outside("tasks.tracking.log:log_run", "log metrics", timeout_seconds=600)

# -> judged from the registry
verify_logged_scores = bind_outside(
    "tasks.registry.rescore:verify_logged_scores", "re-score model", timeout_seconds=1800
)
# its process has a time limit of its own: Prefect could not interrupt a thread
run_smoke_test: Any = bind("tasks.registry.smoke_test:run_smoke_test", "try version in a fresh process")
slice_alarms = bind("tasks.evaluation.slice:slice_alarms", "slice alarms")
score_champion = bind_outside(
    "tasks.registry.rescore:score_champion", "re-score champion", timeout_seconds=1800
)
compare_champion = bind("tasks.registry.rescore:compare_champion", "compare with champion")
compare_best_control = bind("tasks.evaluation.evaluate:compare_best_control", "compare with controls")
judge_version = bind("tasks.evaluation.gate:judge_version", "promotion gate")

# -> registered version -> promotion
register_version = bind_outside("tasks.registry.register:register_version", "register", timeout_seconds=300)
describe_version = bind_outside(
    "tasks.reports.model_card:describe_version", "model card", timeout_seconds=300
)
collect_scores = bind("tasks.evaluation.evaluate:collect_scores", "collect scores")
explain_part = bind("tasks.alarms.explain:explain_part", "explain alarms")
render_plots = bind("tasks.reports.plot:render_plots", "plot")
render_report = bind("tasks.reports.report:render_report", "report")
write_report = bind_outside("tasks.reports.report:write_report", "write report", timeout_seconds=60)
log_files = bind_outside("tasks.tracking.log:log_files", "log report", timeout_seconds=300)
apply_decision = bind_outside("tasks.registry.promote:apply_decision", "promote", timeout_seconds=300)
promote_version = bind_outside(
    "tasks.registry.promote:promote_version", "promote by hand", timeout_seconds=300
)
roll_back = bind_outside("tasks.registry.promote:rollback", "roll back", timeout_seconds=300)
tag_run = bind_outside("tasks.tracking.log:tag_run", "tag run", timeout_seconds=300)

# new readings -> usable rows and rows set aside -> scores and alarms, appended
resolve_version = bind_outside("tasks.registry.resolve:resolve_version", "pin version", timeout_seconds=300)
load_version = bind_outside("tasks.registry.register:load_version", "load version", timeout_seconds=600)
choose_reading_settings = bind("tasks.readings.set_aside:choose_reading_settings", "choose how to read")
open_output = bind_outside("tasks.scoring.append:open_output", "open output", timeout_seconds=600)
set_rows_aside = bind("tasks.readings.set_aside:set_rows_aside", "set rows aside")
carry_history = bind("tasks.scoring.carry_over:carry_history", "carry over")
score_next_rows = bind("tasks.scoring.resume:score_next_rows", "score new rows")
make_output_rows = bind("tasks.scoring.output_rows:make_output_rows", "number episodes")
advance_bookmark = bind("tasks.scoring.carry_over:advance_bookmark", "move on")
make_set_aside_rows = bind("tasks.scoring.output_rows:make_set_aside_rows", "lay out rows set aside")
append_batch = bind_outside("tasks.scoring.append:append_batch", "append", timeout_seconds=600)

# the champion on rows that it has not seen -> windows -> verdict
find_normal_medians = bind("tasks.monitor.reference:find_normal_medians", "usual scores")
find_watched_version = bind_outside(
    "tasks.monitor.watch:find_watched_version", "find champion", timeout_seconds=300
)
check_watched_table = bind("tasks.monitor.watch:check_watched_table", "schema check")
score_watched_rows = bind("tasks.monitor.watch:score_watched_rows", "score with champion")
find_last_emission = bind_outside(
    "tasks.monitor.log:find_last_emission", "find last drift event", timeout_seconds=300
)
review_champion = bind("tasks.monitor.review:review_champion", "review champion")
render_monitor_plot = bind("tasks.reports.monitor_plot:render_monitor_plot", "plot windows")
log_review = bind_outside("tasks.monitor.log:log_review", "log review", timeout_seconds=600)
remember_emission = bind_outside(
    "tasks.monitor.log:remember_emission", "remember drift event", timeout_seconds=300
)

# the same steps as plain functions, for work that goes down the line inside one task
plain = SimpleNamespace(**{name: step.fn for name, step in list(globals().items()) if isinstance(step, Task)})
