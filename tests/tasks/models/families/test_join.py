"""Joined families: tail ranks among normal scores, their sum, and what drives it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.configuration import ModelSection, TrainingSection
from schemas.evaluation import History
from schemas.features import Column
from schemas.model import FittedModel, Material, TrainingPlaces
from schemas.windows import Part
from tasks.models.families.join import (
    LEAST_STABILITY,
    JoinedModel,
    join_models,
    load_joined,
    measure_stability,
    measure_tail,
)
from tasks.models.families.logistic import LogisticModel
from tasks.models.families.zscore import DeviationModel, load_deviation
from tasks.models.fit import fit_model, load_model, save_model

# squares of the first and of the second column; rows 0 to 3 are the normal ones
ROWS = np.array([[1, 4], [2, 3], [3, 2], [4, 1], [5, 2], [0, 0]], dtype=np.float32)
NORMAL_ROWS = np.arange(4)
SQUARES = np.array([1.0, 4.0, 9.0, 16.0])
FIRST, SECOND = DeviationModel(np.array([0])), DeviationModel(np.array([1]))
# 40 normal scores, of which the last two are the tail
NORMALS = np.arange(1, 41, dtype=np.float64)


def join(labelled: tuple[str, ...] = ("zscore",)) -> JoinedModel:
    """Two members, equally stable, with the weight 1 each, unless both learn from labels or none does."""
    return join_models({"zscore": FIRST, "pca_q": SECOND}, labelled, ROWS, NORMAL_ROWS, NORMAL_ROWS)


def measure(score: float, normals: np.ndarray = NORMALS) -> float:
    return float(measure_tail(np.array([score]), normals)[0])


# tail ranks


@pytest.mark.parametrize(("score", "as_high"), [(0, 40), (1, 40), (1.5, 39), (20, 21), (38.5, 2), (39, 2)])
def test_a_tail_rank_is_minus_the_logarithm_of_the_share_of_normals_that_are_as_high(
    score: float, as_high: int
) -> None:
    assert measure(score) == pytest.approx(-math.log((1 + as_high) / 41))


@pytest.mark.parametrize("score", [39.5, 40, 41, 1e6])
def test_in_the_tail_the_share_falls_as_a_power_of_the_score(score: float) -> None:
    # Hill's estimate: the mean of log(39 / 39) and log(40 / 39)
    exponent = 1 / (math.log(40 / 39) / 2)
    assert measure(score) == pytest.approx(-math.log(3 / 41) + exponent * math.log(score / 39))


@pytest.mark.parametrize("normals", [2, 20, 21, 500])
def test_scores_beyond_the_highest_normal_still_differ(normals: int) -> None:
    scores = np.arange(1, normals + 1, dtype=np.float64)
    near, far, further = (measure(score, scores) for score in (normals + 0.5, normals + 1, 2 * normals))
    assert near < far < further


def test_scores_beyond_the_highest_normal_differ_where_many_normals_are_the_highest() -> None:
    normals = np.concatenate([NORMALS, [50.0] * 20])
    assert measure(51, normals) < measure(52, normals)


def test_normals_that_are_all_the_same_have_no_tail() -> None:
    assert measure(7, np.full(9, 5.0)) == pytest.approx(-math.log(1 / 10))


def test_normals_of_0_have_finite_ranks() -> None:
    normals = np.array([0.0] * 38 + [1.0, 2.0])
    ranks = measure_tail(np.array([0.0, 1e-320, 1.0, 2.0, 3.0]), normals)
    assert np.isfinite(ranks).all()


SCORES = st.floats(0, 1e6) | st.sampled_from([0.0, 1.0, 2.0])


@given(
    st.lists(SCORES, min_size=1, max_size=60).map(sorted),
    st.lists(SCORES, min_size=2, max_size=30).map(sorted),
)
# next to the begin of the tail the logarithms of different scores are the same
@example(
    [1e5 + place for place in range(40)], [1e5 + 38, float(np.nextafter(1e5 + 38, np.inf)), 1e5 + 38.001]
)
def test_a_higher_score_never_has_a_lower_rank(normals: list[float], scores: list[float]) -> None:
    ranks = measure_tail(np.array(scores), np.array(normals))
    assert (np.diff(ranks) >= 0).all()
    assert ranks[0] >= 0


@given(st.lists(SCORES, min_size=1, max_size=60).map(sorted), st.lists(SCORES, min_size=1, max_size=9))
def test_a_rank_does_not_depend_on_the_scores_beside_it(normals: list[float], scores: list[float]) -> None:
    ranks = measure_tail(np.array(scores), np.array(normals))
    assert ranks.tolist() == [measure(score, np.array(normals)) for score in scores]


# the joined model


def test_normals_are_the_members_scores_of_normal_windows_in_rising_order() -> None:
    members = {"zscore": FIRST, "pca_q": SECOND}
    normals = join_models(members, (), ROWS, NORMAL_ROWS, np.array([3, 0, 2])).normals
    assert {family: scores.tolist() for family, scores in normals.items()} == {
        "zscore": [1, 9, 16],
        "pca_q": [1, 4, 16],
    }


def test_a_score_is_the_sum_of_the_members_weighted_ranks() -> None:
    expected = [measure(25, SQUARES) + measure(4, SQUARES), 0.0]
    assert join().score(ROWS, np.array([4, 5])) == pytest.approx(expected)


def test_a_rank_counts_as_much_as_its_weight() -> None:
    model = JoinedModel({"zscore": FIRST, "pca_q": SECOND}, join().normals, {"zscore": 0.25, "pca_q": 1.0})
    expected = measure(25, SQUARES) / 4 + measure(4, SQUARES)
    assert model.score(ROWS, np.array([4])) == pytest.approx([expected])


def test_members_with_labels_weigh_as_much_together_as_those_without() -> None:
    members = {"zscore": FIRST, "pca_q": SECOND, "logistic": FIRST}
    assert join_models(members, {"logistic"}, ROWS, NORMAL_ROWS, NORMAL_ROWS).weights == {
        "zscore": 0.5,
        "pca_q": 0.5,
        "logistic": 1,
    }


@pytest.mark.parametrize("labelled", [(), ("zscore", "pca_q")])
def test_equally_stable_members_of_one_kind_share_one_weight(labelled: tuple[str, ...]) -> None:
    assert join(labelled).weights == {"zscore": 0.5, "pca_q": 0.5}


# weights by stability


@pytest.mark.parametrize(
    ("before", "after", "stability"),
    [
        ([1, 2, 3], [9, 2, 0], 1),  # the medians are equal: only they count
        ([4, 4], [1, 1], 1),
        ([1, 1], [2, 2], 1 / 4),
        ([2, 4], [4, 5], 4 / 9),  # 3 before and 4.5 after
    ],
)
def test_stability_is_one_over_the_squared_rise_of_the_median_normal_score(
    before: list[float], after: list[float], stability: float
) -> None:
    assert measure_stability(np.array(before), np.array(after)) == pytest.approx(stability)


def test_scores_that_stay_0_are_stable_and_those_that_leave_0_are_not() -> None:
    assert measure_stability(np.zeros(3), np.zeros(3)) == 1
    assert measure_stability(np.zeros(3), np.ones(3)) == LEAST_STABILITY


MEDIANS = st.floats(0, 1e9)


@given(MEDIANS, MEDIANS)
def test_stability_is_at_most_1_and_never_0(before: float, after: float) -> None:
    assert 0 < measure_stability(np.array([before]), np.array([after])) <= 1


@given(MEDIANS, st.tuples(MEDIANS, MEDIANS).map(sorted))
def test_scores_that_rise_further_are_never_more_stable(before: float, after: list[float]) -> None:
    near, far = (measure_stability(np.array([before]), np.array([value])) for value in after)
    assert far <= near


# rows 0 to 3 are those of training, and rows 4 to 7 those of validation: the second column drifts
DRIFTING = np.array([[1, 1], [2, 2], [1, 2], [2, 1], [1, 4], [2, 8], [1, 8], [2, 4]], dtype=np.float32)


def weigh(labelled: tuple[str, ...] = (), rows: np.ndarray = DRIFTING) -> dict[str, float]:
    """Weights of a member of the first column, one of the second, and one of both."""
    both = DeviationModel(np.array([0, 1]))
    members: dict[str, FittedModel] = {"zscore": FIRST, "pca_q": SECOND, "logistic": both}
    return dict(join_models(members, labelled, rows, np.arange(4), np.arange(4, 8)).weights)


def test_a_member_that_drifts_gets_less_weight() -> None:
    # the medians of its scores are (1 + 4) / 2 before and (16 + 64) / 2 after: a rise of 16
    weights = weigh(labelled=("logistic",))
    assert weights == pytest.approx({"zscore": 256 / 257, "pca_q": 1 / 257, "logistic": 1})


def test_a_member_that_learns_from_labels_keeps_its_weight_however_it_drifts() -> None:
    assert weigh(labelled=("pca_q", "logistic")) == {"zscore": 1, "pca_q": 0.5, "logistic": 0.5}


def test_members_that_all_drift_without_bounds_still_have_weights() -> None:
    rows = np.where(np.arange(8)[:, None] < 4, 0, DRIFTING).astype(np.float32)
    assert weigh(rows=rows) == pytest.approx(dict.fromkeys(("zscore", "pca_q", "logistic"), 1 / 3))


@given(st.integers(0, 2**32 - 1), st.sets(st.sampled_from(["zscore", "pca_q", "logistic"])))
def test_the_weights_of_each_kind_are_above_0_and_sum_to_1(seed: int, labelled: set[str]) -> None:
    rng = np.random.default_rng(seed)
    weights = weigh(
        tuple(labelled), (rng.normal(size=(8, 2)) * 10 ** rng.uniform(-4, 4, 2)).astype(np.float32)
    )
    for kind in (labelled, set(weights) - labelled):
        assert sum(weights[family] for family in kind) == pytest.approx(1 if kind else 0)
    assert min(weights.values()) > 0


def test_a_score_is_divided_among_the_columns_as_each_member_divides_its_part() -> None:
    shares = join().explain(ROWS, np.array([4]))
    assert shares[0] == pytest.approx([measure(25, SQUARES), measure(4, SQUARES)])


def test_an_explanation_sums_to_the_score() -> None:
    both = DeviationModel(np.array([0, 1]))
    model = join_models({"zscore": both, "pca_q": SECOND}, (), ROWS, NORMAL_ROWS, NORMAL_ROWS)
    end_rows = np.arange(6)
    np.testing.assert_allclose(
        model.explain(ROWS, end_rows).sum(axis=1), model.score(ROWS, end_rows), rtol=1e-6, atol=1e-12
    )


def test_a_member_that_no_column_drives_adds_nothing_to_an_explanation() -> None:
    # a logit below that of a mean row, whose score is above 100 normals nevertheless
    logistic = LogisticModel(
        np.array([0]), np.zeros(0, dtype=np.int64), np.zeros(1), np.ones(1), np.ones(1), intercept=5.0
    )
    normals = np.linspace(0.1, 0.2, 100)
    model = JoinedModel(
        {"logistic": logistic, "zscore": SECOND},
        {"logistic": normals, "zscore": NORMALS},
        {"logistic": 1.0, "zscore": 1.0},
    )
    rows = np.array([[-1, 5]], dtype=np.float32)
    assert model.score(rows, np.array([0]))[0] > 4 + measure(25)
    assert model.explain(rows, np.array([0]))[0] == pytest.approx([0, measure(25)])


def test_parameters_are_those_of_all_members() -> None:
    logistic = LogisticModel(
        np.array([0]), np.zeros(0, dtype=np.int64), np.zeros(1), np.ones(1), np.ones(1), intercept=0.0
    )
    assert JoinedModel({"logistic": logistic, "zscore": FIRST}, {}, {}).parameters == 2


class _Trained(DeviationModel):
    """A model that was trained in epochs."""

    history = History(np.array([3.0]), np.array([2.0]), 0)  # type: ignore[assignment]  # the base has none


def test_the_history_is_that_of_the_first_member_that_was_trained_in_epochs() -> None:
    trained = _Trained(np.array([0]))
    members: dict[str, FittedModel] = {"zscore": FIRST, "lstm_autoencoder": trained}
    assert JoinedModel(members, {}, {}).history is trained.history


def test_without_a_member_that_was_trained_there_is_no_history() -> None:
    assert join().history is None


# saved and loaded


def load_alone(family: str, folder: Path) -> FittedModel:
    """Load a member, whose folder has the name of its family."""
    assert folder.name == family
    return load_deviation(folder)


def test_a_join_of_loaded_members_is_the_saved_one(tmp_path: Path) -> None:
    model, end_rows = join(labelled=()), np.arange(6)
    model.save(tmp_path)
    loaded = load_joined(tmp_path, load_alone)
    assert (list(loaded.members), loaded.weights) == (["zscore", "pca_q"], model.weights)
    assert loaded.score(ROWS, end_rows).tobytes() == model.score(ROWS, end_rows).tobytes()


def test_every_member_has_a_folder_of_its_own(tmp_path: Path) -> None:
    join().save(tmp_path)
    saved = [json.loads((tmp_path / family / "zscore.json").read_text()) for family in ("zscore", "pca_q")]
    assert saved == [{"columns": [0]}, {"columns": [1]}]


@pytest.fixture(scope="module")
def material() -> Material:
    """200 rows of three sensors, the first of which is far off in every tenth row, before an event."""
    rows = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    labels = np.arange(200) % 10 == 9
    rows[labels, 0] += 5
    columns = tuple(Column(name=name, sensor=name, group="level") for name in ("x1", "x2", "x3"))
    train, validation = (
        Part(name, np.arange(start, stop), np.arange(start, stop), labels[start:stop], start, stop, False)
        for name, start, stop in (("train", 0, 120), ("validation", 120, 200))
    )
    return Material(rows, columns, train, validation, 1, train.labels)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def joined(material: Material, checkpoints: Path) -> FittedModel:
    section = ModelSection(
        members=("dense_autoencoder", "pca_t2", "logistic"),
        inputs=("level",),
        labelled_inputs=("level",),
        units=(2,),
        explained_variance=0.9,
    )
    return fit_model(material, section, TrainingSection(epochs=1), TrainingPlaces(checkpoints=checkpoints))


def test_each_network_of_a_join_has_a_folder_for_its_checkpoints(
    joined: FittedModel, checkpoints: Path
) -> None:
    assert [path.relative_to(checkpoints).as_posix() for path in checkpoints.rglob("*.*")] == [
        "dense_autoencoder/checkpoint.npz"
    ]


def test_tail_ranks_come_from_normal_validation_windows(material: Material, joined: FittedModel) -> None:
    assert isinstance(joined, JoinedModel)
    assert [len(scores) for scores in joined.normals.values()] == [72, 72, 72]


def test_the_weights_of_a_fitted_join_come_from_the_normal_windows_of_training_and_validation(
    material: Material, joined: FittedModel
) -> None:
    assert isinstance(joined, JoinedModel)
    stability = [
        measure_stability(
            *(
                member.score(material.rows, part.normal_end_rows)
                for part in (material.train, material.validation)
            )
        )
        for member in (joined.members[name] for name in ("dense_autoencoder", "pca_t2"))
    ]
    expected = [value / sum(stability) for value in stability]
    assert list(joined.weights.values()) == pytest.approx([*expected, 1])


def test_a_loaded_join_scores_and_explains_to_the_last_bit_as_the_saved_one(
    material: Material, joined: FittedModel, tmp_path: Path
) -> None:
    save_model(joined, "join", tmp_path / "model")
    loaded, end_rows = load_model(tmp_path / "model"), np.arange(200)
    assert loaded.score(material.rows, end_rows).tobytes() == joined.score(material.rows, end_rows).tobytes()
    first, second = (model.explain(material.rows, end_rows) for model in (loaded, joined))
    assert first.tobytes() == second.tobytes()


def test_the_sensor_that_is_far_off_drives_the_score(material: Material, joined: FittedModel) -> None:
    shares = joined.explain(material.rows, np.arange(129, 200, 10))
    assert shares.sum(axis=0).argmax() == 0


# what is expected


class _Expecting(DeviationModel):
    """A z-score that expects another value of its column than 0."""

    value = 0.0

    def expect(self, rows: np.ndarray, end_rows: np.ndarray) -> np.ndarray:
        return super().expect(rows, end_rows) + np.float32(self.value)


class _ExpectsOne(_Expecting):
    value = 1.0


class _ExpectsTwo(_Expecting):
    value = 2.0


def expect_of_both(row: list[float], first: list[int], second: list[int]) -> list[float]:
    """What a join expects of a row, where the first member expects 1 of its columns and the second 2."""
    members: dict[str, FittedModel] = {
        "zscore": _ExpectsOne(np.array(first)),
        "pca_q": _ExpectsTwo(np.array(second)),
    }
    model = JoinedModel(members, {"zscore": SQUARES, "pca_q": SQUARES}, {"zscore": 1.0, "pca_q": 1.0})
    return model.expect(np.array([row], dtype=np.float32), np.array([0]))[0].tolist()


def test_the_member_that_adds_most_says_what_was_expected() -> None:
    # each member's score is the mean square of its columns
    assert expect_of_both([6, 1, 0], [0, 1], [1]) == pytest.approx([1, 1, math.nan], nan_ok=True)
    assert expect_of_both([1, 6, 0], [0, 1], [1]) == pytest.approx([1, 2, math.nan], nan_ok=True)


def test_a_member_without_an_expectation_is_passed_over() -> None:
    assert expect_of_both([6, 1, 0], [0], [1]) == pytest.approx([1, 2, math.nan], nan_ok=True)


def test_of_members_that_add_the_same_the_first_one_speaks() -> None:
    assert expect_of_both([0, 0, 0], [0, 1], [0, 1]) == pytest.approx([1, 1, math.nan], nan_ok=True)


def test_what_a_join_expects_of_a_window_does_not_depend_on_the_windows_beside_it(
    material: Material, joined: FittedModel
) -> None:
    end_rows = np.arange(100, 200)
    alone = [joined.expect(material.rows, end_rows[[place]])[0].tobytes() for place in range(100)]
    assert [row.tobytes() for row in joined.expect(material.rows, end_rows)] == alone
