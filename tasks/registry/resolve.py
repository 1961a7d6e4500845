"""Resolve a model URI to a version number, so that a later move of the alias changes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemas.errors import InputError
from schemas.scores import PinnedVersion
from tasks.registry.versions import find_alias, find_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

# models:/NAME/VERSION or models:/NAME@ALIAS
ADDRESS = re.compile(r"models:/(?P<name>[^/:@]+)(?:/(?P<version>[0-9]+)|@(?P<alias>[^/:@]+))")


def resolve_version(client: MlflowClient, model_uri: str) -> PinnedVersion:
    """Find the version that a model URI refers to now.

    Args:
        client: Client of the registry.
        model_uri: Such as `models:/forewarn@champion` or `models:/forewarn/3`.

    Raises:
        InputError: If the URI has another form, or there is no such version.
    """
    found = ADDRESS.fullmatch(model_uri)
    if found is None:
        raise InputError(
            "`--model` must name a registered version, such as models:/forewarn@champion or "
            f"models:/forewarn/3. Received {model_uri}."
        )
    name, number, alias = found["name"], found["version"], found["alias"]
    version = find_alias(client, name, alias) if alias else find_version(client, name, number)
    if version is None:
        raise InputError(
            f"`--model` must name an existing version. Received {model_uri}, which does not exist. "
            "`forewarn retrain` registers a version and promotes it if it is good enough; refer to a version "
            "without an alias by its number, such as models:/forewarn/1."
        )
    return PinnedVersion(name=name, number=str(version.version), asked=model_uri)
