"""How a configuration is put together, and what is said of one that is not valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.presets import PRESETS
from tasks.configuration.configure import change_settings, configure, parse_setting


def write(folder: Path, text: str) -> Path:
    path = folder / "forewarn.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(*settings: str, preset: str | None = None, file: Path | None = None) -> str:
    """The message with which a configuration is refused."""
    with pytest.raises(InputError) as caught:
        configure(preset, file, settings)
    return str(caught.value)


def test_without_anything_the_defaults_hold() -> None:
    assert configure() == Configuration()


def test_a_setting_replaces_a_default() -> None:
    assert configure(settings=["windows.lookback=10"]).windows.lookback == 10


def test_the_other_settings_of_a_section_stay() -> None:
    settings = configure(settings=["training.epochs=3", "training.batch_size=7"]).training
    changes = {"epochs": 3, "batch_size": 7}
    assert settings == Configuration().training.model_copy(update=changes)


def test_the_last_of_two_settings_holds() -> None:
    assert configure(settings=["windows.lookback=10", "windows.lookback=3"]).windows.lookback == 3


def test_a_file_ranks_above_its_preset(tmp_path: Path) -> None:
    file = write(tmp_path, "training: {epochs: 3}")
    training = configure("ranjan-2019", file).training
    assert (training.epochs, training.batch_size) == (3, 64)


def test_labels_can_be_done_without() -> None:
    settings = configure(settings=["readings.label_column=null", "model.members=[pca_t2, zscore]"])
    assert settings.readings.label_column is None


def test_a_setting_ranks_above_a_file(tmp_path: Path) -> None:
    file = write(tmp_path, "training: {epochs: 3, batch_size: 5}")
    training = configure("ranjan-2019", file, ["training.epochs=4"]).training
    assert (training.epochs, training.batch_size, training.learning_rate) == (4, 5, 1e-4)


def test_a_preset_named_in_a_file_serves(tmp_path: Path) -> None:
    assert configure(file=write(tmp_path, "preset: shifted-2020")).labels.rows_ahead == 5


def test_a_preset_named_on_the_command_line_ranks_above_that_of_the_file(tmp_path: Path) -> None:
    configuration = configure("ranjan-2019", write(tmp_path, "preset: shifted-2020"))
    assert (configuration.preset, configuration.labels.rows_ahead) == ("ranjan-2019", 2)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert configure(file=write(tmp_path, "")) == Configuration()


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_a_configuration_written_as_yaml_is_read_as_the_same(preset: str | None, tmp_path: Path) -> None:
    configuration = configure(preset)
    assert configure(file=write(tmp_path, configuration.to_yaml())) == configuration


def test_every_kind_of_value_survives_yaml(tmp_path: Path) -> None:
    settings = (
        "readings.drop_columns=a,b",
        "readings.separator=;",
        "readings.time_format=%d.%m.%Y %H:%M",
        "readings.step_minutes=0.1",
        "training.learning_rate=1e-7",
        "model.units=[8,4,2]",
        "features.clip=null",
        "labels.across_gaps=true",
    )
    configuration = configure(settings=settings)
    assert configure(file=write(tmp_path, configuration.to_yaml())) == configuration


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("readings.drop_columns=changepoint", ("changepoint",)),
        ("readings.drop_columns=a,b", ("a", "b")),
        ("readings.drop_columns=a, b", ("a", "b")),
        ("readings.drop_columns=[a, b]", ("a", "b")),
        ("readings.drop_columns=", ()),
        ("readings.separator=;", ";"),
        ("readings.separator=,", ","),
        ("readings.separator=|", "|"),
        ("readings.separator=\t", "\t"),
        ("readings.separator= ", " "),
        ("readings.time_column=datetime", "datetime"),
        ("readings.time_column=#time", "#time"),
        ("readings.label_column='on'", "on"),
        ("readings.time_format=%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S"),
        ("readings.time_format=null", None),
        ("readings.step_minutes=0.5", 0.5),
        ("labels.rows_ahead=0", 0),
        ("labels.across_gaps=yes", True),
        ("features.clip=~", None),
        ("features.scale_order=window_split_scale", "window_split_scale"),
        ("features.context_hours=[1, 0.5]", (1.0, 0.5)),
        ("model.members=[pca_t2, zscore]", ("pca_t2", "zscore")),
        ("model.labelled_inputs=[context]", ("context",)),
        ("model.units=[8, 4]", (8, 4)),
        ("training.learning_rate=1e-4", 1e-4),
        ("tracking.experiment=a=b", "a=b"),
    ],
)
def test_a_setting_is_read_as_it_is_meant(setting: str, value: object) -> None:
    section, _, key = setting.partition("=")[0].partition(".")
    assert getattr(getattr(configure(settings=[setting]), section), key) == value


@pytest.mark.parametrize("setting", ["windows.lookback", "lookback=3", "windows.=3", ".lookback=3", "=3", ""])
def test_a_setting_of_another_form_is_refused(setting: str) -> None:
    with pytest.raises(InputError, match=r"must have the form section\.key=value"):
        parse_setting(setting)


@pytest.mark.parametrize(
    ("setting", "name", "received"),
    [
        ("windows.lookback=0", "windows.lookback", "0"),
        ("windows.lookback=many", "windows.lookback", "'many'"),
        ("windows.lookback=1.5", "windows.lookback", "1.5"),
        ("windows.lookback=null", "windows.lookback", "None"),
        ("windows.convention=mine", "windows.convention", "'mine'"),
        ("labels.rows_ahead=-1", "labels.rows_ahead", "-1"),
        ("labels.across_gaps=maybe", "labels.across_gaps", "'maybe'"),
        ("features.clip=0", "features.clip", "0"),
        ("features.clip=.nan", "features.clip", "nan"),
        ("split.test_fraction=1", "split.test_fraction", "1"),
        ("split.test_fraction=0", "split.test_fraction", "0"),
        ("model.units=[]", "model.units", "[]"),
        ("model.units=[8, 0]", "model.units.1", "0"),
        ("model.inputs=[]", "model.inputs", "[]"),
        ("model.inputs=[levels]", "model.inputs.0", "'levels'"),
        ("model.family=forest", "model.family", "'forest'"),
        ("model.members=[zscore]", "model.members", "['zscore']"),
        ("features.context_hours=[0]", "features.context_hours.0", "0"),
        ("features.trailing_rows=1", "features.trailing_rows", "1"),
        ("threshold.safety=0", "threshold.safety", "0"),
        ("training.learning_rate=.inf", "training.learning_rate", "inf"),
        ("readings.time_column=5", "readings.time_column", "5"),
        ("tracking.model_name=a/b", "tracking.model_name", "'a/b'"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_full_name(setting: str, name: str, received: str) -> None:
    message = refusal(setting)
    assert f"`{name}`: " in message
    assert f"Received {received}." in message


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    assert "`windows.look_back`: unknown. Expected one of the keys of `windows`: lookback, convention." in (
        refusal("windows.look_back=3")
    )


def test_an_unknown_section_is_refused_with_the_known_ones() -> None:
    assert "`window`: unknown. Expected a section: preset, readings, labels," in refusal("window.lookback=3")


def test_a_key_below_a_key_is_refused() -> None:
    assert "`windows.lookback.rows`: unknown." in refusal("windows.lookback.rows=3")


def test_a_preset_is_no_section() -> None:
    assert "`preset`: input should be a valid string" in refusal("preset.name=ranjan-2019")


def test_a_section_that_is_no_section_in_a_file_is_refused(tmp_path: Path) -> None:
    assert "`windows`: " in refusal(file=write(tmp_path, "windows: 5"))


def test_every_fault_is_told_at_once() -> None:
    message = refusal("windows.lookback=0", "split.seed=-1", "model.depth=3")
    assert len(message.splitlines()) == 4


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (["labels.rows_ahead=0", "labels.event_rows=drop"], ["labels.rows_ahead", "labels.event_rows"]),
        (["threshold.rule=fixed"], ["threshold.value", "threshold.rule"]),
        (["threshold.value=0.3"], ["threshold.value", "threshold.rule"]),
        (["model.alpha_dropout=0.1"], ["model.alpha_dropout", "model.activation"]),
        (["windows.convention=published"], ["windows.convention", "split.method"]),
        (
            ["windows.convention=published", "split.method=random"],
            [
                "windows.convention",
                "features.level",
                "features.volatility_rows",
                "features.difference_rows",
                "features.has_context",
            ],
        ),
        (["split.purge_rows=1"], ["split.purge_rows", "labels.rows_ahead"]),
        (["features.difference_rows=null"], ["model.labelled_inputs", "features.difference_rows"]),
        (["readings.label_column=null", "model.family=logistic"], ["model.family", "readings.label_column"]),
        (["evaluation.fold_starts=[0.5, 0.4]"], ["evaluation.fold_starts"]),
        (["evaluation.fold_test_fraction=0.2"], ["evaluation.fold_starts", "evaluation.fold_test_fraction"]),
    ],
)
def test_an_impossible_combination_is_refused_by_its_full_names(
    settings: list[str], names: list[str]
) -> None:
    message = refusal(*settings)
    assert [name for name in names if f"`{name}`" in message] == names


def test_changes_are_laid_on_the_other_settings() -> None:
    settings = change_settings(configure("ranjan-2019"), {"training": {"epochs": 3}, "split": {"seed": 4}})
    assert (settings.training.epochs, settings.training.batch_size, settings.split.seed) == (3, 64, 4)
    assert settings.preset == "ranjan-2019"


def test_changes_leave_the_settings_as_they_are() -> None:
    settings = configure()
    change_settings(settings, {"windows": {"lookback": 9}})
    assert settings == Configuration()


def test_changes_that_do_not_fit_the_other_settings_are_refused() -> None:
    with pytest.raises(InputError, match=r"`threshold\.value` must be set when `threshold\.rule` is fixed"):
        change_settings(configure("ranjan-2019"), {"threshold": {"rule": "pr_crossing"}})


@pytest.mark.parametrize("name", ["ranjan", ["ranjan-2019"]])
def test_an_unknown_preset_is_refused_with_the_known_ones(name: Any, tmp_path: Path) -> None:
    message = refusal(file=write(tmp_path, f"preset: {name}"))
    assert message == f"`preset` must be one of {', '.join(PRESETS)}. Received {name!r}."


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "missing.yaml cannot be read" in refusal(file=tmp_path / "missing.yaml")


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(file=write(tmp_path, "windows: [1"))


def test_a_file_without_sections_is_refused(tmp_path: Path) -> None:
    assert "contains a list." in refusal(file=write(tmp_path, "- windows"))
