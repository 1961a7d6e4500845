"""Join families: add how unusual each finds a row, as a tail rank among normal validation scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.evaluation import History
from schemas.model import FittedModel

# share of the normal scores, the highest ones, that the tail is fitted to
TAIL_SHARE = 0.05
JOIN_FILE = "join.json"
# stability of a member whose normal scores have risen without bounds
LEAST_STABILITY = 1e-6


@dataclass(frozen=True, eq=False)
class JoinedModel:
    """Fitted members, and the scores they give to normal rows.

    Attributes:
        members: By family.
        normals: By family, its scores of normal validation windows, rising, shape (windows,).
        weights: By family, the weight of its tail rank. The weights of the members that learn from labels
            have the sum 1, and so have those of the others.
    """

    members: Mapping[str, FittedModel]
    normals: Mapping[str, np.ndarray]
    weights: Mapping[str, float]

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
        """Score windows by the weighted sum of the members' tail ranks; see `measure_tail`."""
        total = np.zeros(len(end_rows))
        for family in self.members:
            total += self._measure_part(family, rows, end_rows)
        return total

    def explain(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Divide each member's part of the score among the columns in the member's own proportions.

        A member whose shares are all 0, such as a logit below that of a mean row, adds nothing.
        """
        total = np.zeros((len(end_rows), rows.shape[1]), dtype=np.float32)
        for family, member in self.members.items():
            shares = member.explain(rows, end_rows)
            part = self._measure_part(family, rows, end_rows)
            sums = shares.sum(axis=1, dtype=np.float64)
            factors = np.divide(part, sums, out=np.zeros_like(part), where=sums > 0)
            total += (shares * factors[:, None]).astype(np.float32)
        return total

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Return, for each column, the value expected by the member that adds most to the window's score.

        Members that expect nothing of a column are skipped; of equals the first one counts.
        """
        parts = [self._measure_part(family, rows, end_rows) for family in self.members]
        expectations = np.stack([member.expect(rows, end_rows) for member in self.members.values()])
        order = np.argsort(-np.stack(parts), axis=0, kind="stable")  # (members, windows)
        windows = np.arange(len(end_rows))
        expected = expectations[order[0], windows]
        for places in order[1:]:
            expected = np.where(np.isnan(expected), expectations[places, windows], expected)
        return expected

    def save(self, folder: Path) -> None:
        """Write each member into its own folder, and the weights and scores of normal rows into a file."""
        for family, member in self.members.items():
            (folder / family).mkdir()
            member.save(folder / family)
        content = {
            family: {"weight": self.weights[family], "normals": scores.tolist()}
            for family, scores in self.normals.items()
        }
        (folder / JOIN_FILE).write_text(json.dumps(content), encoding="utf-8")

    def _measure_part(self, family: str, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        """Measure what one member adds to the score of each window."""
        scores = self.members[family].score(rows, end_rows)
        return self.weights[family] * measure_tail(scores, self.normals[family])


def join_models(
    members: Mapping[str, FittedModel],
    labelled: Collection[str],
    rows: np.ndarray,
    train_end_rows: np.ndarray,
    end_rows: np.ndarray,
) -> JoinedModel:
    """Join fitted members by their scores of normal windows that none was fitted on.

    The members that learn from labels together get the same weight as those that do not: being unusual
    and resembling rows before past events are two kinds of evidence, however many members supply each.
    Among the members that do not learn from labels, each is trusted as far as its normal scores stayed what
    they were in training; see `measure_stability`.

    Args:
        members: By family.
        labelled: The families that learn from labels.
        rows: Scaled features, float32, shape (rows, columns).
        train_end_rows: Last rows of the normal training windows.
        end_rows: Last rows of the normal validation windows.
    """
    normals = {family: np.sort(member.score(rows, end_rows)) for family, member in members.items()}
    trust = {
        family: 1.0
        if family in labelled
        else measure_stability(member.score(rows, train_end_rows), normals[family])
        for family, member in members.items()
    }
    sums = {
        is_labelled: sum(share for family, share in trust.items() if (family in labelled) == is_labelled)
        for is_labelled in (False, True)
    }
    weights = {family: share / sums[family in labelled] for family, share in trust.items()}
    return JoinedModel(members, normals, weights)


def measure_stability(train_scores: np.ndarray, validation_scores: np.ndarray) -> float:
    """Measure how far scores of normal windows stayed what they were in training.

    A view of a plant that drifts scores normal rows higher and higher, and says less and less about events.

    Args:
        train_scores: Scores of normal training windows, at least 0, shape (training windows,).
        validation_scores: Scores of normal validation windows, at least 0, shape (windows,).

    Returns:
        1 / max(1, ratio of the medians)^2: 1 for scores that have not risen, 1/4 for scores that have
        doubled. Above 0, so that no member is lost altogether.
    """
    before, after = float(np.median(train_scores)), float(np.median(validation_scores))
    if after <= before:
        return 1.0
    return max((before / after) ** 2, LEAST_STABILITY)


def list_weights(model: FittedModel) -> dict[str, float]:
    """List the weights of a join's members, by family; none for a model that is no join."""
    return dict(model.weights) if isinstance(model, JoinedModel) else {}


def load_joined(folder: Path, load_member: Callable[[str, Path], FittedModel]) -> JoinedModel:
    """Load what `JoinedModel.save` wrote.

    Args:
        folder: The model's folder.
        load_member: Function that loads a member, given its family and its folder.
    """
    content = json.loads((folder / JOIN_FILE).read_text(encoding="utf-8"))
    return JoinedModel(
        members={family: load_member(family, folder / family) for family in content},
        normals={family: np.asarray(of_member["normals"]) for family, of_member in content.items()},
        weights={family: float(of_member["weight"]) for family, of_member in content.items()},
    )


def measure_tail(scores: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Measure how unusual scores are: -log of the share of normal scores that are at least as high.

    From the highest `TAIL_SHARE` of normal scores upwards, the share is modelled as a power of the score
    (a Pareto tail, fitted by Hill's estimator), so that two scores above all normal ones still differ,
    unless all normal scores are equal.

    Args:
        scores: At least 0, shape (windows,).
        normals: Rising, at least 0, shape (normal windows,).

    Returns:
        At least 0, rising with the score, float64, shape (windows,).

    Source: Hill 1975, "A simple general approach to inference about the tail of a distribution".
    """
    count = len(normals)
    # start before the scores equal to the highest: a tail needs more than one value
    place = max(min(int(count * (1 - TAIL_SHARE)), int(np.searchsorted(normals, normals[-1])) - 1), 0)
    higher = count - np.searchsorted(normals, scores, side="left")
    share = (1 + higher) / (1 + count)
    tiny = np.finfo(np.float64).tiny
    start = np.log(max(normals[place], tiny))
    excess = float(np.mean(np.log(np.maximum(normals[place:], tiny)) - start))
    beyond = np.log(np.maximum(scores, tiny)) - start
    tail_from_start = -np.log((1 + count - place) / (1 + count))
    if excess <= 0:
        return -np.log(share)
    return np.where(scores > normals[place], tail_from_start + beyond / excess, -np.log(share))
