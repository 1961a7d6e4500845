"""A model registry in memory: the calls of MLflow's client that moves of aliases make, and what they do.

For tests of many moves, which would take minutes with a database. `tests/flows/test_promotion.py` makes moves
in a database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST


@dataclass
class Version:
    """A version of the model."""

    name: str
    version: str
    tags: dict[str, str]
    status: str = "READY"
    run_id: str = ""


@dataclass
class MemoryRegistry:
    """One registered model, as the client of a store with this address sees it."""

    tracking_uri: str
    name: str = "in-memory"
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    registered: int = 0

    def register(self, decision: str) -> str:
        """Add a version with a decision of the gate; numbers of deleted versions are not used again."""
        self.registered += 1
        number = str(self.registered)
        self.versions[number] = Version(self.name, number, {"decision": decision})
        return number

    def get_registered_model(self, name: str) -> Any:
        assert name == self.name
        return self

    def get_model_version(self, name: str, version: str) -> Version:
        if version not in self.versions:
            raise MlflowException(f"{name} has no version {version}", error_code=RESOURCE_DOES_NOT_EXIST)
        return self.versions[version]

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        self.tags[key] = value

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        self.tags.pop(key, None)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.get_model_version(name, version)
        self.aliases[alias] = version

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self.aliases.pop(alias, None)

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self.get_model_version(name, version).tags[key] = value

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        self.get_model_version(name, version).tags.pop(key, None)

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete a version; as in MLflow, its aliases go with it."""
        self.get_model_version(name, version)
        del self.versions[version]
        self.aliases = {alias: number for alias, number in self.aliases.items() if number != version}
