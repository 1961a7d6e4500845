"""A package that brings a family of models, as a plant would write it, put where Python finds packages."""

from pathlib import Path

NAME, MODULE = "plant-families", "plant_families"
CODE = '''
import json

import numpy as np

from schemas.features import find_columns
from schemas.model import Family


class Largest:
    """The largest squared feature of a window's last row."""

    history = None
    parameters = 0

    def __init__(self, columns):
        self.columns = np.asarray(columns)

    def explain(self, rows, end_rows):
        shares = np.zeros((len(end_rows), rows.shape[1]), dtype=np.float32)
        shares[:, self.columns] = rows[end_rows][:, self.columns] ** 2
        return shares

    def score(self, rows, end_rows):
        return self.explain(rows, end_rows).max(axis=1).astype(np.float64)

    def expect(self, rows, end_rows):
        return np.zeros((len(end_rows), rows.shape[1]), dtype=np.float32)

    def save(self, folder):
        (folder / "largest.json").write_text(json.dumps(self.columns.tolist()))


LARGEST = Family(
    fit=lambda material, model, *_: Largest(find_columns(material.columns, model.inputs)),
    load=lambda folder: Largest(json.loads((folder / "largest.json").read_text())),
)
'''


def write_package(folder: Path, release: str = "1.2.0", name: str = NAME, entry: str = "LARGEST") -> Path:
    """Write the package as an installer leaves it, with the family `largest`.

    Returns:
        The folder, for `sys.path` or PYTHONPATH.
    """
    metadata = folder / f"{name.replace('-', '_')}-{release}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n")
    (metadata / "entry_points.txt").write_text(f"[forewarn.families]\nlargest = {MODULE}:{entry}\n")
    (folder / f"{MODULE}.py").write_text(CODE)
    return folder
