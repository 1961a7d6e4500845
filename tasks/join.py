"""Join families: how unusual each finds a row, as its tail rank among validation normals, added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.evaluation import History
from schemas.model import FittedModel

# share of normal scores, the highest, that the tail is fitted to
TAIL_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class JoinedModel:
    """Fitted members and what their scores are among normal rows.

    Attributes:
        members: By family.
        normals: By family, its scores of normal validation windows, rising, shape (windows,).
    """

    members: Mapping[str, FittedModel]
    normals: Mapping[str, np.ndarray]

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""
        return sum(member.parameters for member in self.members.values())

    @property
    def history(self) -> History | None:
        """Losses of the first member that was trained in epochs."""
        histories = (member.history for member in self.members.values())
        return next((history for history in histories if history is not None), None)

    def score(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Score windows by the sum of the members' tail ranks; see `measure_tail`."""
        total = np.zeros(len(end_rows))
        for family, member in self.members.items():
            total += measure_tail(member.score(rows, end_rows), self.normals[family])
        return total

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Divide each member's part of the score among the columns as the member does."""
        total = np.zeros((len(end_rows), rows.shape[1]), dtype=np.float32)
        for family, member in self.members.items():
            shares = member.explain(rows, end_rows)
            part = measure_tail(member.score(rows, end_rows), self.normals[family])
            sums = np.maximum(shares.sum(axis=1), np.finfo(np.float32).tiny)
            total += shares * (part / sums)[:, None].astype(np.float32)
        return total

    def save(self, folder: Path) -> None:
        """Write the members into folders of their own, and the scores of normal rows."""
        for family, member in self.members.items():
            (folder / family).mkdir()
            member.save(folder / family)
        content = {family: scores.tolist() for family, scores in self.normals.items()}
        (folder / "normals.json").write_text(json.dumps(content), encoding="utf-8")


def join_models(members: Mapping[str, FittedModel], rows: np.ndarray, end_rows: np.ndarray) -> JoinedModel:
    """Join fitted members by their scores of normal windows that none was fitted on.

    Args:
        members: By family.
        rows: Scaled features, float32, shape (rows, columns).
        end_rows: Last rows of the normal validation windows.
    """
    normals = {family: np.sort(member.score(rows, end_rows)) for family, member in members.items()}
    return JoinedModel(members, normals)


def read_normals(folder: Path) -> dict[str, np.ndarray]:
    """Read the scores of normal rows that `JoinedModel.save` wrote, in the order of the members."""
    content = json.loads((folder / "normals.json").read_text(encoding="utf-8"))
    return {family: np.asarray(scores) for family, scores in content.items()}


def measure_tail(scores: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Measure how unusual scores are: -log of the share of normal scores that are as high.

    The highest `TAIL_SHARE` of normal scores stands for all that lies beyond: from where it begins,
    the share falls as a power of the score (a Pareto tail, Hill's estimate), so that two scores
    beyond all normals still differ.

    Args:
        scores: At least 0, shape (windows,).
        normals: Rising, at least 0, shape (normal windows,).

    Returns:
        At least 0, rising with the score, float64, shape (windows,).

    Source: Hill 1975, "A simple general approach to inference about the tail of a distribution".
    """
    count = len(normals)
    place = int(count * (1 - TAIL_SHARE))
    higher = count - np.searchsorted(normals, scores, side="left")
    share = (1 + higher) / (1 + count)
    tiny = np.finfo(np.float64).tiny
    start = np.log(max(normals[place], tiny))
    excess = float(np.mean(np.log(np.maximum(normals[place:], tiny)) - start))
    beyond = np.log(np.maximum(scores, tiny)) - start
    tail_from_start = -np.log((1 + count - place) / (1 + count))
    if excess <= 0:
        return -np.log(share)
    return np.where(beyond > 0, tail_from_start + beyond / excess, -np.log(share))
