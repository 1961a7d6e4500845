"""The names of model families: forewarn's own, and those that installed packages provide.

Only names are read here, so that settings are checked without importing a model; `find_family` of
`tasks.models.fit` imports a family. A package provides a family through an entry point of the group
`forewarn.families`; forewarn's own families are listed in a table of the same form.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Final

GROUP: Final = "forewarn.families"
# the family that combines others
JOIN: Final = "join"
# name, and where the `schemas.model.Family` is: module below tasks.models.families, and object
_TABLE = {
    "lstm_autoencoder": "networks:LSTM_AUTOENCODER",
    "dense_autoencoder": "networks:DENSE_AUTOENCODER",
    "conv_lstm_autoencoder": "networks:CONV_LSTM_AUTOENCODER",
    "rnn_forecaster": "networks:RNN_FORECASTER",
    "lstm_forecaster": "networks:LSTM_FORECASTER",
    "pca_t2": "pca:T2",
    "pca_q": "pca:Q",
    "pca_windows": "pca:WINDOWS",
    "pca_raw_t2": "pca:RAW_T2",
    "zscore": "zscore:ZSCORE",
    "logistic": "logistic:LOGISTIC",
}
# not in forewarn's metadata: a version carries its code and also scores where forewarn is not installed
BUILT_IN: Final = {
    name: EntryPoint(name, f"tasks.models.families.{place}", GROUP) for name, place in _TABLE.items()
}


def list_families() -> tuple[str, ...]:
    """List the families that `model.family` may name: forewarn's own first."""
    return (*BUILT_IN, JOIN, *sorted(entry_points(group=GROUP).names - {*BUILT_IN, JOIN}))


def find_entry(name: str) -> EntryPoint:
    """Find the module of a family without importing it. A package cannot replace one of forewarn's own.

    Raises:
        ValueError: If no package provides it, or two do.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    found = tuple(entry_points(group=GROUP, name=name))
    if name == JOIN or not found:
        raise ValueError(
            f"unknown family {name!r}: known are {', '.join(list_families())}. Install the package that "
            "provides it, or choose another"
        )
    if len(found) > 1:
        packages = ", ".join(sorted(entry.dist.name if entry.dist else entry.value for entry in found))
        raise ValueError(
            f"the family {name!r} must come from one package: {packages} provide it. Uninstall one"
        )
    return found[0]


def list_packages(names: Iterable[str]) -> dict[str, str]:
    """List the packages that provide some of these families, with their releases, without forewarn itself."""
    providers = [find_entry(name).dist for name in names if name not in {*BUILT_IN, JOIN}]
    return {package.name: package.version for package in providers if package is not None}
