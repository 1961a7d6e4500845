"""Save bundles, the rows to score and their scores, as the code is now.

`python -m tests.bundles.make FOLDER` wrote what lies in each folder beside this file, once, at the commit
that its `made-by` names: `format-2` before there were two views of a plant, `two-views` with them. It is for
a new format version, or a model that is saved in a new way; what has been written must never be written anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from tasks.models.fit import save_model
from tasks.scoring.score import score_readings
from tasks.simulators.simulate import simulate_readings
from tasks.times.parse import parse_times
from tasks.tracking.code_version import find_code_version
from tests.detectors import make_detector, simulated_table

# five sensors, and the two columns with categories
COLUMNS = ("x1", "x3", "x5", "x8", "x15", "x28", "x61")
FAMILIES = ("pca_windows", "pca_raw_t2", "logistic", "join")
MEMBERS = ["pca_windows", "pca_raw_t2", "pca_t2", "logistic"]


def make_rows() -> pd.DataFrame:
    """Simulate rows that are later than those of the training, without events."""
    table = simulate_readings(rows=1_000, seed=8).head(300)[["time", *COLUMNS]]
    times = parse_times(table["time"], None, day_first=False) + pd.Timedelta(days=400)
    return table.assign(time=times.dt.strftime("%Y-%m-%d %H:%M:%S"))


def save_bundle(folder: Path, family: str, rows: pd.DataFrame) -> None:
    """Save one detector and the scores that it gives."""
    dropped = [name for name in simulated_table().columns if name not in {"time", "y", *COLUMNS}]
    detector, model = make_detector(
        family,
        readings={"drop_columns": dropped},
        model={"members": MEMBERS},
        threshold={"trailing_days": 0.3, "false_alarms_per_day": 20},
    )
    folder.mkdir(parents=True)
    (folder / "detector.json").write_text(detector.model_dump_json(), encoding="utf-8")
    save_model(model, family, folder / "fitted")
    score_readings(detector, model, rows).to_csv(folder / "scores.csv", index=False)


def main() -> None:
    """Write everything into the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    make_rows().to_csv(folder / "rows.csv", index=False)
    rows = pd.read_csv(folder / "rows.csv")
    for family in FAMILIES:
        save_bundle(folder / family, family, rows)
    (folder / "made-by").write_text(find_code_version() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
