"""Keep the scores of finished folds in files, so that they are not computed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from schemas.backtest import Fold, FoldScores
from schemas.readings import Finding
from tasks.files.write import replace_at_end

# newest folds that stay in the folder
FOLDS_KEPT = 2000
_NUMBERS = ("entrant", "seed", "threshold", "parameters", "epochs", "seconds")
_BY_NAME = ("scores", "held", "tampered")
_AT_RATES = "held_at_rates"


def write_fold(result: FoldScores, path: Path) -> None:
    """Write the scores of a fold completely or not at all; its folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{group}/{name}": values for group in _BY_NAME for name, values in getattr(result, group).items()
    }
    arrays |= {
        f"{_AT_RATES}/{rule}/{rate!r}": values for (rule, rate), values in result.held_at_rates.items()
    }
    content = {name: getattr(result, name) for name in _NUMBERS}
    content["fold"] = result.fold.model_dump()
    content["findings"] = [finding.model_dump(mode="json") for finding in result.findings]
    with replace_at_end(path) as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            content=np.array(json.dumps(content)),
            end_rows=result.end_rows,
            **arrays,
        )


def read_fold(path: Path) -> FoldScores | None:
    """Read what `write_fold` wrote, or return None if there is no such file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    content = json.loads(str(arrays.pop("content")))
    end_rows = arrays.pop("end_rows")
    groups: dict[str, dict[Any, np.ndarray]] = {name: {} for name in (*_BY_NAME, _AT_RATES)}
    for place, values in arrays.items():
        group, _, name = place.partition("/")
        groups[group][_read_rate(name) if group == _AT_RATES else name] = values
    return FoldScores(
        fold=Fold.model_validate(content.pop("fold")),
        findings=tuple(Finding.model_validate(finding) for finding in content.pop("findings")),
        end_rows=end_rows,
        **content | groups,
    )


def _read_rate(name: str) -> tuple[str, float]:
    """Read the rule and the rate that `write_fold` wrote."""
    rule, _, rate = name.partition("/")
    return rule, float(rate)


def delete_old_folds(folder: Path) -> None:
    """Delete all kept folds but the newest `FOLDS_KEPT`."""
    files = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in files[FOLDS_KEPT:]:
        path.unlink(missing_ok=True)
