"""Members of a join that learn from events are left out where events are too few."""

from typing import Any

import numpy as np
import pytest

from schemas.configuration import ModelSection
from schemas.errors import InputError
from tasks.models.members import choose_members, report_left_out

MEMBERS = ModelSection().members


def choose(positives: int, **model: Any) -> tuple[tuple[str, ...], list[str]]:
    labels = np.arange(100) < positives
    chosen, left_out = choose_members(labels, ModelSection(**model))
    return chosen.families, [each.family for each in left_out]


def test_every_member_stays_with_enough_events() -> None:
    assert choose(5) == (MEMBERS, [])


def test_a_labelled_member_is_left_out_with_the_figures() -> None:
    assert choose(4) == (tuple(name for name in MEMBERS if name != "logistic"), ["logistic"])
    [left_out] = choose_members(np.arange(100) < 4, ModelSection())[1]
    finding = report_left_out(left_out)
    assert finding.check == "left_out_member"
    assert "needs at least 5 in the training part, which holds 4" in finding.message


def test_one_member_is_enough() -> None:
    assert choose(0, members=("pca_t2", "logistic")) == (("pca_t2",), ["logistic"])


def test_a_single_family_stays_with_enough_events() -> None:
    assert choose(5, family="logistic") == (("logistic",), [])
    assert choose(0, family="pca_t2") == (("pca_t2",), [])


def test_a_single_family_is_refused_with_advice_without_enough_events() -> None:
    with pytest.raises(InputError, match=r"`model.family` logistic cannot .* holds 4\. Choose join"):
        choose(4, family="logistic")


def test_a_join_without_any_member_left_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.models.families.logistic import LOGISTIC

    monkeypatch.setattr("tasks.models.members.find_family", lambda name: LOGISTIC)
    with pytest.raises(InputError, match=r"`model.members` must hold a family .* Add a family that needs no"):
        choose(0, members=("pca_t2", "logistic"))
