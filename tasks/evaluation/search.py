"""Search the settings of a family: suggest the next trial, and prune poor ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import InputError
from schemas.families import JOIN
from schemas.model import Changes
from tasks.models.fit import find_family

if TYPE_CHECKING:
    import optuna
    from optuna.trial import BaseTrial

# number of first trials that are never pruned, and of folds that every trial completes
FULL_TRIALS = 3
FULL_FOLDS = 1
# distance between the sampler seeds of two search seeds, larger than any number of trials
_SEED_DISTANCE = 100_000


def suggest_join(trial: BaseTrial) -> Changes:
    """Suggest the members of a join, and the settings of its logistic regression."""
    from tasks.models.families.logistic import suggest_logistic

    members = trial.suggest_categorical(
        "members",
        ["lstm_autoencoder,pca_t2,logistic", "lstm_autoencoder,logistic", "pca_t2,logistic"],
    )
    changes = suggest_logistic(trial)
    changes["model"]["members"] = members.split(",")
    return changes


def has_settings(family: str) -> bool:
    """Return whether a family has settings to search; without them one trial is enough."""
    return family == JOIN or find_family(family).suggest is not None


def suggest_changes(trial: BaseTrial, family: str) -> Changes:
    """Suggest the settings that a trial of a family changes, by section and key."""
    suggest = suggest_join if family == JOIN else find_family(family).suggest
    return {} if suggest is None else suggest(trial)


def open_study(path: Path, name: str) -> optuna.Study:
    """Open the study of a family, or reopen an interrupted one.

    Args:
        path: SQLite file of all studies; its folder must exist.
        name: Name of the study: the same data, settings and code give the same name.

    Returns:
        The study; trials left running by a killed process are marked as failed.
    """
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{path}",
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FULL_TRIALS, n_warmup_steps=FULL_FOLDS),
    )
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def count_trials(study: optuna.Study, state: str | None = None) -> int:
    """Count the completed and pruned trials, or those in one state, such as `PRUNED` or `FAIL`."""
    from optuna.trial import TrialState

    states = [TrialState[state]] if state else [TrialState.COMPLETE, TrialState.PRUNED]
    return len(study.get_trials(deepcopy=False, states=states))


def ask_trial(study: optuna.Study, family: str, seed: int) -> tuple[optuna.Trial, Changes]:
    """Ask for the next settings to try.

    The sampler is seeded by the number of trials that have not failed, so that an interrupted study continues
    as if it had not been interrupted.

    Args:
        study: The family's study.
        family: The family.
        seed: Seed of the search.

    Returns:
        The trial, and the settings that the trial changes, by section and key.
    """
    import optuna

    number = len(study.get_trials(deepcopy=False)) - count_trials(study, "FAIL")
    study.sampler = optuna.samplers.TPESampler(
        seed=seed * _SEED_DISTANCE + number, n_startup_trials=FULL_TRIALS
    )
    trial = study.ask()
    return trial, suggest_changes(trial, family)


def is_given_up(trial: optuna.Trial, fold: int, mean: float) -> bool:
    """Report the mean ROC area of a trial so far, and return whether the trial is to be pruned.

    Args:
        trial: The trial.
        fold: Number of folds completed, at least 1.
        mean: Mean ROC area over these folds.
    """
    trial.report(mean, step=fold)
    return trial.should_prune()


def end_trial(study: optuna.Study, trial: optuna.Trial, mean: float | None, *, is_pruned: bool) -> None:
    """End a trial with its mean ROC area; a trial that could not be trained has none and fails."""
    from optuna.trial import TrialState

    if mean is None:
        study.tell(trial, state=TrialState.FAIL)
    elif is_pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, mean)


def find_best_changes(study: optuna.Study, family: str) -> tuple[Changes, float]:
    """Find the settings with the highest mean ROC area over all past folds, and that area.

    Raises:
        InputError: If no trial completed all folds.
    """
    from optuna.trial import FixedTrial

    if not count_trials(study, "COMPLETE"):
        raise InputError(
            f"At least one trial of `{family}` must complete all past folds. Every trial failed; the nested "
            "runs record why. Leave the family out of `--families`, or change the settings it starts from."
        )
    best = study.best_trial
    return suggest_changes(FixedTrial(best.params), family), float(best.value or 0.0)
