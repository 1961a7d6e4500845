"""Compare: search the settings of several families on past folds, and judge each on the last one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefect import flow

from flows import line, steps
from flows.line import Prepared
from flows.prefect.fold_runner import IN_THIS_PROCESS, order_seeds, run_folds, try_folds
from flows.progress import Stopwatch
from flows.recorded_run import Run, recorded_run
from schemas.backtest import FoldOrder, FoldScores
from schemas.comparison import ComparisonResult, LeaderboardRow
from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.families import list_families, list_packages
from schemas.readings import Source
from tasks.configuration.configure import change_settings
from tasks.evaluation.backtest.folds import report_folds_left_out, select_judgeable_folds
from tasks.evaluation.search import (
    ask_trial,
    count_trials,
    end_trial,
    find_best_changes,
    has_settings,
    is_given_up,
)
from tasks.sources.addresses import make_absolute

if TYPE_CHECKING:
    import optuna


@dataclass
class Attempt:
    """One trial and its progress through the past folds."""

    family: str
    trial: optuna.Trial
    changes: dict[str, dict[str, Any]]
    areas: list[float] = field(default_factory=list)
    seconds: float = 0.0
    is_pruned: bool = False
    problem: str | None = None

    @property
    def mean(self) -> float | None:
        """Mean ROC area over the folds so far, or none if a training failed."""
        return None if self.problem else sum(self.areas) / len(self.areas)

    @property
    def is_alive(self) -> bool:
        """Whether to run the next fold."""
        return not self.is_pruned and self.problem is None


@dataclass(frozen=True)
class Search:
    """A search and the MLflow run that it is recorded in."""

    data: str
    settings: Configuration
    prepared: Prepared
    studies: Mapping[str, optuna.Study]
    folds: Sequence[int]
    run: Run
    clock: Stopwatch

    @property
    def past_folds(self) -> Sequence[int]:
        """Numbers of the folds that settings are chosen on: all but the last."""
        return self.folds[:-1]


@flow(name="compare", persist_result=False, task_runner=IN_THIS_PROCESS)
def compare(
    data: Source, configuration: Configuration, families: Sequence[str], trials: int
) -> ComparisonResult:
    """Search the settings of each family on past folds alone, then judge each family on the last fold.

    Args:
        data: Source of the readings: a file, folder, pattern, address of a database, or `-`.
        configuration: Settings that all families start from; `evaluation` sets folds and seeds.
        families: Families to compare, without repetition.
        trials: Settings to try for each family.

    Returns:
        The leaderboard: families in order of their ROC area on past folds, with metrics on the last fold.

    Raises:
        InputError: If the table, the configuration or a family's name cannot be used.
        StoreUnreachableError: If the tracking store does not answer.
    """
    require_comparable(configuration, families)
    clock = Stopwatch()
    raw, readings = line.load_table(data, configuration)
    prepared = line.prepare(raw, readings, configuration)
    folds = select_comparable_folds(prepared, configuration)
    clock.lap("load", f"{len(readings.times):,} rows, {int(readings.events.sum())} event rows, {raw.source}")
    with recorded_run(configuration.tracking, raw, {"mlflow.source.name": "forewarn compare"}) as run:
        steps.log_configuration(run.client, run.id, configuration)
        name = name_study(raw.sha256, configuration, run.code_version, families)
        steps.tag_run(run.client, run.id, {"study": name})
        database = run.home / "mlruns" / "optuna.db"
        studies = {family: steps.open_study(database, f"{family}-{name}") for family in families}
        search = Search(make_absolute(data), configuration, prepared, studies, folds, run, clock)
        for _ in range(trials):
            try_once(search, trials)
        leaderboard = judge_families(search)
        result = ComparisonResult(
            run_id=run.id,
            run_name=run.name,
            experiment=configuration.tracking.experiment,
            tracking_uri=run.tracking_uri,
            code_version=run.code_version,
            data=line.summarise_data(prepared, {"all": len(prepared.windows)}),
            trials=trials,
            seeds=configuration.evaluation.seeds,
            past_folds=len(search.past_folds),
            last_fold=folds[-1],
            leaderboard=tuple(leaderboard),
            chosen=leaderboard[0].family,
            seconds=dict(clock.seconds),
            findings=tuple(report_folds_left_out(prepared.windows, configuration.evaluation, folds)),
        )
        chosen = describe_chosen(configuration, leaderboard[0])
        steps.log_comparison(run.client, run.id, result, chosen)
    clock.lap("log", f"run {run.name}")
    return result.model_copy(update={"seconds": dict(clock.seconds)})


def require_comparable(settings: Configuration, families: Sequence[str]) -> None:
    """Check that the families are known and distinct, and that there are at least two folds.

    Raises:
        InputError: If any of this does not hold.
    """
    known = list_families()
    unknown = [name for name in families if name not in known]
    if unknown or len(set(families)) != len(families) or not families:
        raise InputError(
            f"`--families` must name distinct families out of {', '.join(known)}. "
            f"Received {', '.join(families) or 'none'}."
        )
    if len(settings.evaluation.fold_starts) < 2:
        raise InputError(
            "`evaluation.fold_starts` must name at least two folds: a comparison chooses settings on all "
            f"but the last, and judges them on the last. Received {settings.evaluation.fold_starts}."
        )


def select_comparable_folds(prepared: Prepared, settings: Configuration) -> list[int]:
    """Select the folds with events in their test, the last of all among them.

    Raises:
        InputError: If the last fold has none, or no past fold has one.
    """
    folds: list[int] = select_judgeable_folds(prepared.windows, settings.evaluation)
    last = len(settings.evaluation.fold_starts)
    if folds[-1] != last or len(folds) < 2:
        raise InputError(
            "A comparison needs events in the test of the last fold, on which the families are judged, and "
            "of at least one past fold, on which settings are chosen. Events are in the tests of "
            f"{', '.join(map(str, folds))} out of {last} folds. Use a longer table, or change "
            "`evaluation.fold_starts`."
        )
    return folds


def name_study(sha256: str, settings: Configuration, code_version: str, families: Sequence[str]) -> str:
    """Name a study by everything that determines its trials, so that an interrupted search is resumed."""
    packages = list_packages([*families, *settings.model.members])
    releases = [f"{name}=={release}" for name, release in packages.items()]
    content = "\n".join([sha256, code_version, settings.to_yaml(), *releases])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def try_once(search: Search, trials: int) -> None:
    """Run one more trial of every family that has trials left, all families fold by fold."""
    attempts = []
    for family, study in search.studies.items():
        wanted = trials if has_settings(family) else 1
        if count_trials(study) < wanted:
            trial, changes = ask_trial(study, family, search.settings.training.seed)
            attempts.append(Attempt(family, trial, changes))
    for place, fold in enumerate(search.past_folds, start=1):
        alive = [attempt for attempt in attempts if attempt.is_alive]
        orders = [make_order(search, attempt, fold) for attempt in alive]
        results = try_folds(orders, lambda order: search.clock.lap("fold", f"{order.fold}, {order.entrant}"))
        for attempt, result in zip(alive, results, strict=True):
            if isinstance(result, InputError):
                attempt.problem = str(result)
                continue
            attempt.areas.append(steps.measure_fold_area(result, search.prepared.labelled))
            attempt.seconds += result.seconds
            mean = sum(attempt.areas) / place
            is_last = place == len(search.past_folds)
            attempt.is_pruned = not is_last and is_given_up(attempt.trial, place, mean)
    for attempt in attempts:
        end_trial(search.studies[attempt.family], attempt.trial, attempt.mean, is_pruned=attempt.is_pruned)
        steps.log_trial(
            search.run.client,
            search.run.id,
            f"{attempt.family} {attempt.trial.number}",
            attempt.changes,
            attempt.areas,
            {"family": attempt.family, "pruned": str(attempt.is_pruned).lower()}
            | ({"failure": attempt.problem[:500]} if attempt.problem else {}),
        )
        search.clock.lap("trial", describe_attempt(attempt))


def make_order(search: Search, attempt: Attempt, fold: int) -> FoldOrder:
    """Make the order for one fold of an attempt."""
    changes = lay_changes(attempt.family, attempt.changes)
    return FoldOrder(
        entrant=attempt.family,
        source=search.data,
        settings=change_settings(search.settings, changes),
        fold=fold,
        has_controls=False,
    )


def lay_changes(family: str, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Merge a family and its changes into one set of changes, by section and key."""
    laid = {section: dict(content) for section, content in changes.items()}
    laid["model"] = {"family": family, **laid.get("model", {})}
    return laid


def describe_attempt(attempt: Attempt) -> str:
    """Describe the outcome of a trial in one line."""
    outcome = "pruned at ROC area" if attempt.is_pruned else "ROC area"
    figure = "failed" if attempt.mean is None else f"{outcome} {attempt.mean:.3f}"
    changes = ", ".join(
        f"{section}.{key}={value}"
        for section, content in attempt.changes.items()
        for key, value in content.items()
    )
    return f"{attempt.family}: {figure} over {len(attempt.areas)} past folds; {changes or 'as configured'}"


def judge_families(search: Search) -> list[LeaderboardRow]:
    """Judge each family's best settings, and the controls, on the last fold over several seeds."""
    best = {family: find_best_changes(study, family) for family, study in search.studies.items()}
    orders = [
        order
        for number, (family, (changes, _)) in enumerate(best.items())
        for order in order_seeds(
            family,
            search.data,
            change_settings(search.settings, lay_changes(family, changes)),
            search.folds[-1],
            has_controls=number == 0,
        )
    ]
    results = run_folds(orders, lambda result: search.clock.lap("judge", describe_judged(result)))
    standings = steps.judge_entrants(results, search.prepared.labelled, search.settings.evaluation)
    rows = [
        LeaderboardRow(
            family=name,
            past_roc_auc=best[name][1] if name in best else None,
            trials=count_trials(search.studies[name]) if name in best else 0,
            pruned=count_trials(search.studies[name], "PRUNED") if name in best else 0,
            changes=best[name][0] if name in best else {},
            parameters=max((each.parameters for each in results if each.entrant == name), default=0),
            metrics=standing.mean,
            intervals=standing.mean_intervals,
            seconds=sum(each.seconds for each in results if each.entrant == name),
        )
        for name, standing in standings.items()
    ]
    return sorted(rows, key=lambda row: -(row.past_roc_auc or -1.0))


def describe_judged(result: FoldScores) -> str:
    """Describe a judged training in one line."""
    return f"{result.entrant}, seed {result.seed}, fold {result.fold.number}"


def describe_chosen(settings: Configuration, row: LeaderboardRow) -> str:
    """Write the configuration of the leaderboard's first family, as YAML for `--config`."""
    chosen: str = change_settings(settings, lay_changes(row.family, row.changes)).to_yaml()
    return chosen
