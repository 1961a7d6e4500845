"""What the sections of a configuration hold and derive."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.configuration import Configuration, LabelsSection

RAW: dict[str, Any] = {
    "level": "raw",
    "volatility_rows": None,
    "difference_rows": None,
    "has_context": False,
}
ON_LEVELS = {"family": "zscore", "inputs": ("level",)}
UNLABELLED: dict[str, Any] = {"readings": {"label_column": None}, "model": {"family": "zscore"}}


def configuration_with(**sections: dict[str, Any]) -> Configuration:
    return Configuration.model_validate(sections)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Configuration().windows.lookback = 3  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize("section", [name for name in Configuration.model_fields if name != "preset"])
def test_every_section_refuses_unknown_keys(section: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        configuration_with(**{section: {"unknown_key": 1}})


@pytest.mark.parametrize(
    "section",
    [
        *("readings", "labels", "features", "windows", "split", "model"),
        *("training", "threshold", "evaluation", "promotion", "tracking"),
    ],
)
def test_the_sections_of_the_contract_exist(section: str) -> None:
    assert isinstance(getattr(Configuration(), section), BaseModel)


@pytest.mark.parametrize(
    ("rows_ahead", "event_rows", "is_cached"),
    [(2, "auto", False), (0, "auto", True), (2, "keep", True), (2, "drop", False), (0, "keep", True)],
)
def test_event_rows_are_kept_where_that_is_asked_for_or_nothing_else_is_marked(
    rows_ahead: int, event_rows: str, is_cached: bool
) -> None:
    section = LabelsSection.model_validate({"rows_ahead": rows_ahead, "event_rows": event_rows})
    assert section.are_event_rows_kept == is_cached


def test_the_purge_is_as_long_as_labels_look_ahead() -> None:
    assert configuration_with(labels={"rows_ahead": 7}).purge_rows == 7


def test_the_purge_can_be_set() -> None:
    assert configuration_with(labels={"rows_ahead": 2}, split={"purge_rows": 30}).purge_rows == 30


def test_without_labels_nothing_is_purged_unless_that_is_asked_for() -> None:
    purges = [
        configuration_with(**UNLABELLED, labels={"rows_ahead": 7}, split=split).purge_rows
        for split in ({}, {"purge_rows": 3})
    ]
    assert purges == [0, 3]


def test_a_model_of_one_family_has_this_one() -> None:
    assert configuration_with(model={"family": "pca_q"}).model.families == ("pca_q",)


def test_a_join_has_its_members() -> None:
    members = ("zscore", "logistic")
    assert configuration_with(model={"family": "join", "members": members}).model.families == members


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ({"family": "lstm_autoencoder"}, 7),
        ({"family": "dense_autoencoder"}, 7),
        ({"family": "rnn_forecaster"}, 8),
        ({"family": "join", "members": ("zscore", "logistic")}, 7),
        ({"family": "join", "members": ("zscore", "lstm_forecaster")}, 8),
        # members count for a join alone
        ({"family": "zscore", "members": ("zscore", "lstm_forecaster")}, 7),
    ],
)
def test_a_window_has_one_row_more_where_one_is_forecast(model: dict[str, Any], rows: int) -> None:
    assert configuration_with(windows={"lookback": 7}, model=model).window_rows == rows


@pytest.mark.parametrize(
    ("settings", "is_computed"),
    [
        ({}, False),
        ({"level": "local"}, True),
        ({"level": "both"}, True),
        ({"volatility_rows": 2}, True),
        ({"difference_rows": 1}, True),
        ({"has_context": True}, True),
    ],
)
def test_features_are_computed_where_rows_before_a_row_are_looked_at(
    settings: dict[str, Any], is_computed: bool
) -> None:
    configuration = configuration_with(features={**RAW, **settings}, model=ON_LEVELS)
    assert configuration.computes_features == is_computed


@pytest.mark.parametrize(
    ("rule", "promised"),
    [
        *((rule, 3.0) for rule in ("auto", "alarm_budget", "trailing_budget", "adaptive_budget")),
        *((rule, None) for rule in ("quantile", "cost", "f_beta")),
    ],
)
def test_budgets_alone_promise_false_alarms(rule: str, promised: float | None) -> None:
    threshold = configuration_with(threshold={"rule": rule, "false_alarms_per_day": 3.0}).threshold
    assert threshold.promised_false_alarms_per_day == promised


def test_a_fixed_threshold_takes_its_value() -> None:
    assert configuration_with(threshold={"rule": "fixed", "value": 0.3}).threshold.value == 0.3


# combinations that are refused


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"labels": {"rows_ahead": 0, "event_rows": "drop"}},
            r"`labels\.event_rows` must be auto or keep .* Received drop",
        ),
        (
            {"model": {"members": ("zscore", "pca_q", "zscore")}},
            r"`model\.members` must not contain a family twice",
        ),
        ({"model": {"members": ("zscore",)}}, r"at least 2 items"),
        ({"model": {"members": ("zscore", "join")}}, r"a join has no join"),
        (
            {"model": {"alpha_dropout": 0.1, "activation": "tanh"}},
            r"`model\.activation` must be selu when `model\.alpha_dropout` is set\. Received activation=tanh",
        ),
        (
            {"threshold": {"rule": "fixed"}},
            r"`threshold\.value` must be set when .* Received rule=fixed, value=None",
        ),
        (
            {"threshold": {"rule": "quantile", "value": 0.3}},
            r"`threshold\.value` must be set when .* Received rule=quantile, value=0\.3",
        ),
        (
            {"evaluation": {"fold_starts": (0.4, 0.6, 0.6)}},
            r"`evaluation\.fold_starts` must be strictly increasing",
        ),
        (
            {"evaluation": {"fold_starts": (0.4, 0.8), "fold_test_fraction": 0.3}},
            r"must be at most 1\. Received 0\.8 and 0\.3",
        ),
        (
            {"windows": {"convention": "published"}},
            r"`split\.method` must be random when `windows\.convention` is published.* Received time",
        ),
        (
            {"windows": {"convention": "published"}, "split": {"method": "random"}},
            r"`features\.level` must be raw, `features\.volatility_rows` and `features\.difference_rows` "
            r"null, and `features\.has_context` false when `windows\.convention` is published",
        ),
        (
            {"labels": {"rows_ahead": 5}, "split": {"purge_rows": 4}},
            r"`split\.purge_rows` must be at least `labels\.rows_ahead`.* purge_rows=4, rows_ahead=5",
        ),
        (
            {"features": {"volatility_rows": None}},
            r"`features\.volatility_rows` must be set, because .* contains volatility",
        ),
        (
            {"features": {"difference_rows": None}},
            r"`features\.difference_rows` must be set, because .* contains difference",
        ),
        (
            {"features": {"has_context": False}},
            r"`features\.has_context` must be set, because .* contains context",
        ),
        (
            {"features": {"has_context": False}, "model": {"family": "zscore", "inputs": ("context",)}},
            r"`features\.has_context` must be set, because .* contains context",
        ),
        (
            {
                "features": {"volatility_rows": None},
                "model": {"family": "pca_windows", "inputs": ("level",), "window_inputs": ("volatility",)},
            },
            r"`features\.volatility_rows` must be set, because .* `model\.window_inputs` contains volatility",
        ),
        (
            {"readings": {"label_column": None}, "model": {"family": "logistic"}},
            r"`model\.family` is logistic.* trained on events",
        ),
    ],
)
def test_a_combination_that_cannot_be_is_refused(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        configuration_with(**sections)


# and their neighbours that are not


@pytest.mark.parametrize(
    "sections",
    [
        {"labels": {"rows_ahead": 0, "event_rows": "auto"}},
        {"model": {"alpha_dropout": 0.1, "activation": "selu"}},
        {"evaluation": {"fold_starts": (0.4, 0.7), "fold_test_fraction": 0.3}},
        {"labels": {"rows_ahead": 5}, "split": {"purge_rows": 5}},
        {"labels": {"rows_ahead": 5}, "split": {"purge_rows": 0, "method": "random"}},
        {"features": {"level": "raw"}},
        {"readings": {"label_column": None}, "model": {"members": ("zscore", "pca_q")}},
        {"readings": {"label_column": None}, "model": {"family": "zscore"}, "split": {"purge_rows": 0}},
        # groups that no family looks at need not be computed
        {
            "features": {"volatility_rows": None},
            "model": {**ON_LEVELS, "window_inputs": ("volatility",)},
        },
        {"features": {"difference_rows": None, "has_context": False}, "model": {"family": "zscore"}},
        {
            "features": {"volatility_rows": None},
            "model": {"family": "logistic", "labelled_inputs": ("level",)},
        },
    ],
)
def test_a_combination_that_can_be_is_accepted(sections: dict[str, Any]) -> None:
    assert configuration_with(**sections)


def test_a_published_convention_takes_raw_levels_and_a_random_split() -> None:
    sections = {"windows": {"convention": "published"}, "split": {"method": "random"}}
    assert configuration_with(**sections, features=RAW, model=ON_LEVELS)


def test_names_in_one_text_are_parted_at_commas() -> None:
    assert configuration_with(readings={"drop_columns": "a, b,"}).readings.drop_columns == ("a", "b")


def test_every_setting_stands_in_the_yaml() -> None:
    text = Configuration().to_yaml()
    keys = [key for section in Configuration.model_fields for key in getattr(Configuration(), section) or ()]
    assert [key for key, _ in keys if f"  {key}:" not in text] == []


def test_equal_settings_have_the_same_hash_whatever_the_order_of_limits() -> None:
    one, other = (
        Configuration.model_validate({"readings": {"limits": limits}})
        for limits in ({"a": [0, 1], "b": [None, 2]}, {"b": [None, 2], "a": [0, 1]})
    )
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"model": {"members": "pca_t2, logistic"}}, ("pca_t2", "logistic")),
        ({"model": {"units": "10,5"}}, (10, 5)),
        ({"model": {"units": 10}}, (10,)),
        ({"evaluation": {"fold_starts": "0.5,0.8"}}, (0.5, 0.8)),
        ({"labels": {"positive_values": "Trip, 2"}}, ("trip", "2")),
    ],
)
def test_every_list_may_be_written_with_commas(sections: dict[str, Any], expected: tuple[Any, ...]) -> None:
    [(section, content)] = sections.items()
    [key] = content
    assert getattr(getattr(Configuration.model_validate(sections), section), key) == expected
