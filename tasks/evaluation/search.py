"""Search the settings of a family: suggest the next trial, and prune poor ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import InputError

if TYPE_CHECKING:
    import optuna
    from optuna.trial import BaseTrial

Changes = dict[str, dict[str, Any]]

# number of first trials that are never pruned, and of folds that every trial completes
FULL_TRIALS = 3
FULL_FOLDS = 1
# distance between the sampler seeds of two search seeds, larger than any number of trials
_SEED_DISTANCE = 100_000


def suggest_network(trial: BaseTrial) -> Changes:
    """Suggest size, dropout and learning rate of an autoencoder."""
    units = trial.suggest_categorical("units", ["32-16", "64-32", "16-8", "64-16"])
    return {
        "model": {
            "units": [int(size) for size in units.split("-")],
            "dropout": trial.suggest_categorical("dropout", [0.0, 0.2]),
        },
        "training": {"learning_rate": trial.suggest_float("learning_rate", 3e-4, 3e-3, log=True)},
    }


def suggest_forecaster(trial: BaseTrial) -> Changes:
    """Suggest size and learning rate of a forecaster with one or two layers."""
    units = trial.suggest_categorical("units", ["32", "32-32", "64"])
    return {
        "model": {"units": [int(size) for size in units.split("-")]},
        "training": {"learning_rate": trial.suggest_float("learning_rate", 3e-4, 3e-3, log=True)},
    }


def suggest_projection(trial: BaseTrial) -> Changes:
    """Suggest the share of variance that the components explain."""
    share = trial.suggest_categorical("explained_variance", [0.9, 0.8, 0.95, 0.99])
    return {"model": {"explained_variance": share}}


def suggest_logistic(trial: BaseTrial) -> Changes:
    """Suggest the penalty, and the number of rows before an event that are labelled positive."""
    return {
        "model": {
            "regularisation": trial.suggest_float("regularisation", 1e-5, 1e-1, log=True),
            "warning_rows": trial.suggest_categorical("warning_rows", [2, 5, 10]),
        }
    }


def suggest_join(trial: BaseTrial) -> Changes:
    """Suggest the members of a join, and the settings of its logistic regression."""
    members = trial.suggest_categorical(
        "members",
        ["lstm_autoencoder,pca_t2,logistic", "lstm_autoencoder,logistic", "pca_t2,logistic"],
    )
    changes = suggest_logistic(trial)
    changes["model"]["members"] = members.split(",")
    return changes


def suggest_nothing(trial: BaseTrial) -> Changes:
    """Suggest nothing: the family has no settings, so one trial is enough."""
    return {}


SPACES: Mapping[str, Callable[[BaseTrial], Changes]] = {
    "lstm_autoencoder": suggest_network,
    "dense_autoencoder": suggest_network,
    "conv_lstm_autoencoder": suggest_network,
    "rnn_forecaster": suggest_forecaster,
    "lstm_forecaster": suggest_forecaster,
    "pca_t2": suggest_projection,
    "pca_q": suggest_projection,
    "zscore": suggest_nothing,
    "logistic": suggest_logistic,
    "join": suggest_join,
}


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
    return trial, SPACES[family](trial)


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
    return SPACES[family](FixedTrial(best.params)), float(best.value or 0.0)
