"""Tell whether two retrainings are the same work: by their data, configuration and code."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from schemas.configuration import Configuration
from schemas.families import list_packages
from schemas.work import Work
from tasks.tracking.code_version import hash_sources

# sections that the fitted model depends on
_OF_THE_TRAINING = ("readings", "labels", "features", "windows", "split", "model", "training")
# packages whose release may change a figure
_PACKAGES = ("keras", "numpy", "pandas", "scikit-learn", "scipy", "tensorflow", "tensorflow-cpu")
_CHARACTERS = 32


def identify_work(data_sha256: str, configuration: Configuration, home: Path) -> Work:
    """Tell what a retraining is known by.

    Args:
        data_sha256: Hash of the table's bytes.
        configuration: Every setting.
        home: Folder that holds `mlruns/`.
    """
    settings = configuration.model_dump(mode="json")
    # how it is served and monitored afterwards is no part of the work
    of_the_work = {name: value for name, value in settings.items() if name not in {"serving", "monitor"}}
    of_the_training = {name: settings[name] for name in _OF_THE_TRAINING}
    packages = list_releases() | list_packages(configuration.model.families)
    code = {"sources": hash_sources(), "packages": packages}
    training_key = make_key(data_sha256, of_the_training, code)
    return Work(
        key=make_key(data_sha256, of_the_work, code),
        training_key=training_key,
        folder=home / "mlruns" / "trainings" / training_key,
    )


def make_key(*parts: Any) -> str:
    """Hash what JSON can say.

    Returns:
        So many hexadecimal digits of a SHA-256 that two keys differ where their parts do.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_CHARACTERS]


def list_releases() -> dict[str, str]:
    """List the releases of the packages that compute."""
    releases = {}
    for name in _PACKAGES:
        try:
            releases[name] = version(name)
        except PackageNotFoundError:
            continue  # the package of TensorFlow has one of two names
    return releases
