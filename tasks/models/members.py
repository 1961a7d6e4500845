"""Choose the members of a join that can be fitted: some learn from events, and events may be too few."""

from __future__ import annotations

import numpy as np

from schemas.configuration import ModelSection
from schemas.errors import InputError
from schemas.families import JOIN
from schemas.readings import Finding
from schemas.results import LeftOut
from tasks.models.fit import find_family


def choose_members(train_labels: np.ndarray, model: ModelSection) -> tuple[ModelSection, tuple[LeftOut, ...]]:
    """Leave the members out of a join that learn from labels, where too few training windows are positive.

    Args:
        train_labels: Labels of the training windows, for families that learn from them, bool, shape
            (windows,).
        model: The family and its settings.

    Returns:
        The settings with the members that can be fitted, and those left out; one member is enough.

    Raises:
        InputError: If no member is left, or a family that is configured on its own cannot be fitted.
    """
    if model.family != JOIN:
        shortage = _find_shortage(model.family, int(train_labels.sum()))
        if shortage is not None:
            raise InputError(
                f"`model.family` {model.family} cannot be trained on this table: {shortage}. "
                f"Choose join, which leaves {model.family} out where events are too few, or a family that "
                "needs none, such as pca_t2; or use a longer table, or raise `model.warning_rows`."
            )
        return model, ()
    left_out = tuple(
        LeftOut(family=name, reason=reason)
        for name in model.members
        if (reason := _find_shortage(name, int(train_labels.sum()))) is not None
    )
    members = tuple(name for name in model.members if name not in {each.family for each in left_out})
    if not members:
        reasons = "; ".join(f"{each.family}: {each.reason}" for each in left_out)
        raise InputError(
            "`model.members` must hold a family that can be trained on this table. Received "
            f"{', '.join(model.members)} ({reasons}). Add a family that needs no events, such as pca_t2."
        )
    return model.model_copy(update={"members": members}), left_out


def report_left_out(left_out: LeftOut) -> Finding:
    """Report a member that was left out of a join."""
    return Finding(
        check="left_out_member",
        message=f"{left_out.family} is left out of the join: {left_out.reason}.",
        details=left_out.model_dump(),
    )


def _find_shortage(name: str, positives: int) -> str | None:
    """Return why a family cannot be fitted on so many positive windows, or None if it can."""
    family = find_family(name)
    if not family.learns_from_labels or positives >= family.least_positive_windows:
        return None
    return (
        "it learns from the windows before events, and needs at least "
        f"{family.least_positive_windows} in the training part, which holds {positives}"
    )
