"""The methods of a benchmark that are trained."""

from __future__ import annotations

import pytest

from schemas.configuration import Configuration
from schemas.errors import InputError
from tasks.evaluation.benchmark.methods import list_methods, require_new_families


def test_other_families_keep_all_other_settings() -> None:
    methods = list_methods(Configuration(), ["pca_t2"])
    assert list(methods) == ["forewarn", "pca_t2"]
    assert methods["forewarn"] == Configuration()
    assert methods["pca_t2"].model.family == "pca_t2"
    assert methods["pca_t2"].features == Configuration().features


@pytest.mark.parametrize("families", [["pca_t3"], ["pca_t2", "pca_t2"], ["zscore"], ["pca_raw"]])
def test_unknown_repeated_and_given_families_are_refused(families: list[str]) -> None:
    with pytest.raises(InputError, match="`--families` must name distinct families"):
        require_new_families(families)
