"""Identify the work of a retraining by its data, configuration and code, so that it is done only once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from schemas.backtest import FoldOrder
from schemas.configuration import Configuration
from schemas.families import list_packages
from schemas.work import Work
from tasks.tracking.code_version import hash_sources

# sections that the fitted model depends on
_TRAINING_SECTIONS = ("readings", "labels", "features", "windows", "split", "model", "training")
# settings that make no other kind of detector: seeds, and where rows and events come from
_NO_KIND = {
    *(("training", "seed"), ("training", "tensorboard"), ("training", "compile"), ("split", "seed")),
    *(("readings", "query"), ("labels", "events_file")),
}
# packages whose release may change a result
_PACKAGES = ("keras", "numpy", "pandas", "scikit-learn", "scipy", "tensorflow", "tensorflow-cpu")
_CHARACTERS = 32


def identify_work(data_sha256: str, configuration: Configuration, home: Path) -> Work:
    """Compute the keys that identify a retraining and its training.

    Args:
        data_sha256: Hash of the table's bytes.
        configuration: All settings.
        home: Folder that contains `mlruns/`.
    """
    settings = configuration.model_dump(mode="json")
    # serving and monitoring come after the work and do not change it
    work_settings = {name: value for name, value in settings.items() if name not in {"serving", "monitor"}}
    training_settings = {name: settings[name] for name in _TRAINING_SECTIONS}
    code = describe_code(configuration.model.families)
    training_key = make_key(data_sha256, training_settings, code)
    return Work(
        key=make_key(data_sha256, work_settings, code),
        training_key=training_key,
        folder=home / "mlruns" / "trainings" / training_key,
    )


def identify_kind(
    settings: Configuration, sensors: Sequence[str], categories: Sequence[str], step_minutes: float
) -> str:
    """Compute the key of a kind of detector: versions of one kind differ only in rows and seeds.

    It covers the settings that shape the detector, its alarms and what counts as caught, and the sensors. The
    registered model's name, the seed, the version of the code, and the sections that come after the alarms
    (`promotion`, `monitor`, `serving`, `tracking`) are no part of it.

    Args:
        settings: The settings that the version was made with, without members that were left out.
        sensors: Names of the numeric sensors.
        categories: Names of the categorical columns.
        step_minutes: Usual minutes between two rows.
    """
    sections = settings.model_dump(mode="json")
    kept = {
        name: {key: value for key, value in sections[name].items() if (name, key) not in _NO_KIND}
        for name in (*_TRAINING_SECTIONS, "threshold")
    }
    counted = {key: sections["evaluation"][key] for key in ("horizon_minutes", "repeat_alarm_minutes")}
    return make_key(kept, counted, settings.alarm_budget, list(sensors), list(categories), step_minutes)


def describe_code(families: Iterable[str]) -> dict[str, Any]:
    """Describe the code that results depend on: the sources, and the releases of packages.

    Args:
        families: Families of models that may come from other packages.
    """
    return {"sources": hash_sources(), "packages": list_releases() | list_packages(families)}


def identify_fold(identity: str, order: FoldOrder, code: Mapping[str, Any]) -> str:
    """Compute the key of a fold's result: of the data, the settings that it depends on, and the code.

    Args:
        identity: Hash of the table and its file of events.
        order: The fold.
        code: What `describe_code` returned.
    """
    settings = order.settings.model_dump(mode="json")
    kept = {name: settings[name] for name in (*_TRAINING_SECTIONS, "threshold")}
    # the others only change how the scores are judged
    kept["evaluation"] = {
        name: value for name, value in settings["evaluation"].items() if name.startswith(("fold_", "repeat_"))
    }
    return make_key(identity, order.entrant, kept, order.fold, order.has_controls, order.has_checks, code)


def make_key(*parts: Any) -> str:
    """Hash values that JSON can represent.

    Returns:
        The first 32 hexadecimal digits of a SHA-256.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_CHARACTERS]


def list_releases() -> dict[str, str]:
    """List the installed releases of the packages that may change a result."""
    releases = {}
    for name in _PACKAGES:
        try:
            releases[name] = version(name)
        except PackageNotFoundError:
            continue  # TensorFlow is installed under one of two names
    return releases
