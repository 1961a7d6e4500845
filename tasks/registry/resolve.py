"""Pin a version by its number, so that an alias that moves later changes nothing."""

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
    """Tell which version an address means now.

    Args:
        client: Client of the registry.
        model_uri: Such as `models:/forewarn@champion` or `models:/forewarn/3`.

    Raises:
        InputError: If the address has another form, or there is no such version.
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
            f"`--model` must name a version that can be loaded. Received {model_uri}, and there is none. "
            "`forewarn retrain` registers one and promotes it if it is good enough; a version without an "
            "alias is named by its number, such as models:/forewarn/1."
        )
    return PinnedVersion(name=name, number=str(version.version), asked=model_uri)
