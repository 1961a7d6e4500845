"""The methods of a benchmark: the plain PCA has features and model of its own, and nothing else."""

from __future__ import annotations

import pytest

from schemas.configuration import Configuration
from schemas.errors import InputError
from tasks.configuration.configure import change_settings
from tasks.evaluation.benchmark.methods import list_methods, require_new_families


def test_the_plain_pca_reads_labels_and_alarms_as_the_configuration_does() -> None:
    settings = change_settings(
        Configuration(), {"labels": {"rows_ahead": 0}, "threshold": {"false_alarms_per_day": 2.0}}
    )
    plain = list_methods(settings, ())["pca_raw"]
    assert (plain.labels, plain.threshold, plain.readings) == (
        settings.labels,
        settings.threshold,
        settings.readings,
    )
    assert (plain.features.level, plain.windows.lookback, plain.model.family) == ("raw", 5, "pca_windows")
    assert not plain.features.has_context


def test_other_families_keep_all_other_settings() -> None:
    methods = list_methods(Configuration(), ["pca_t2"])
    assert list(methods) == ["forewarn", "pca_raw", "pca_t2"]
    assert methods["pca_t2"].model.family == "pca_t2"
    assert methods["pca_t2"].features == Configuration().features


@pytest.mark.parametrize("families", [["pca_t3"], ["pca_t2", "pca_t2"], ["zscore"]])
def test_unknown_repeated_and_given_families_are_refused(families: list[str]) -> None:
    with pytest.raises(InputError, match="`--families` must name distinct families"):
        require_new_families(families)
