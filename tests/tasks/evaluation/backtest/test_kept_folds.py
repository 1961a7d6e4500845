"""Kept folds: read as they were written, and never in part."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import tasks.evaluation.backtest.kept_folds
from schemas.readings import Finding
from tasks.evaluation.backtest.kept_folds import delete_old_folds, read_fold, write_fold
from tests.folds import fold_of, fold_scores

FINDING = Finding(check="left_out", message="too few events", details={"events": 1})


def test_a_fold_is_read_as_it_was_written(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random(20)
    written = fold_scores(fold_of(2, 5, 12), scores, controls={"random": scores})
    written = replace(written, findings=(FINDING,), seconds=1.25)
    write_fold(written, tmp_path / "below" / "fold.npz")
    found = read_fold(tmp_path / "below" / "fold.npz")
    assert found is not None
    for field in fields(written):
        np.testing.assert_equal(getattr(found, field.name), getattr(written, field.name))


def test_a_fold_that_was_not_kept_is_none(tmp_path: Path) -> None:
    assert read_fold(tmp_path / "fold.npz") is None


def test_only_the_newest_folds_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.evaluation.backtest.kept_folds, "FOLDS_KEPT", 2)
    for number in range(4):
        path = tmp_path / f"{number}.npz"
        path.touch()
        os.utime(path, (number, number))
    delete_old_folds(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.npz", "3.npz"]
