"""The methods of a benchmark that are trained: the configuration under test, and other families."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.benchmark import DEFAULT_METHOD
from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.evaluation import CONTROLS
from schemas.families import list_families
from tasks.configuration.configure import change_settings


def list_methods(settings: Configuration, families: Sequence[str]) -> dict[str, Configuration]:
    """List the settings of each method that is trained; the controls are scored with the first one.

    Args:
        settings: The configuration under test.
        families: Other families to run with the same settings.

    Raises:
        InputError: If a family does not fit the other settings.
    """
    others = {family: change_settings(settings, {"model": {"family": family}}) for family in families}
    return {DEFAULT_METHOD: settings, **others}


def require_new_families(families: Sequence[str]) -> None:
    """Check that the families are known, distinct, and no methods of every benchmark.

    Raises:
        InputError: If they are not.
    """
    known = [name for name in list_families() if name not in CONTROLS]
    if set(families) <= set(known) and len(set(families)) == len(families):
        return
    raise InputError(
        f"`--families` must name distinct families out of {', '.join(known)}. Received "
        f"{', '.join(families)}. {DEFAULT_METHOD} and the controls {', '.join(CONTROLS)} are in every "
        "benchmark."
    )
