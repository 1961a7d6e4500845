"""Propose settings for a table: those that were given, and those that were found in it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import yaml

from schemas.configuration import DEFAULTS, Configuration, Section
from schemas.configuration.readings import DEFAULT_MISSING_WORDS
from tasks.configuration.configure import change_settings

# full name, value, and the check of the finding that proposes it
Proposals = Iterable[tuple[str, Any, str]]


def add_found_settings(settings: Configuration, found: Mapping[str, Any]) -> Configuration:
    """Return the settings with those that were found in a table.

    Args:
        settings: Settings as given.
        found: Settings found, by full name, such as `readings.decimal`.

    Raises:
        InputError: If what was found is no valid setting.
    """
    changes: dict[str, dict[str, Any]] = {}
    for name, value in found.items():
        section, _, key = name.partition(".")
        changes.setdefault(section, {})[key] = value
    return change_settings(settings, changes)


def list_own_settings(settings: Configuration) -> dict[str, Any]:
    """List the settings that differ from the defaults, by section and key, as values of JSON and YAML."""
    own: dict[str, Any] = {} if settings.preset is None else {"preset": settings.preset}
    given = settings.model_dump(mode="json")
    for name in type(settings).model_fields:
        section, defaults = getattr(settings, name), getattr(DEFAULTS, name)
        if not isinstance(section, Section):
            continue
        keys = [key for key in type(section).model_fields if getattr(section, key) != getattr(defaults, key)]
        if keys:
            own[name] = {key: given[name][key] for key in keys}
    words = own.get("readings", {}).get("missing_words")
    if words is not None:
        own["readings"]["missing_words"] = shorten_words(words)
    return own


def shorten_words(words: Sequence[str]) -> list[str]:
    """Write `default` for the default words among others, as `readings.missing_words` takes them."""
    if not set(DEFAULT_MISSING_WORDS) <= set(words):
        return list(words)
    return ["default", *(word for word in words if word not in DEFAULT_MISSING_WORDS)]


def write_settings(own: Mapping[str, Any], found: Collection[str] = (), proposed: Proposals = ()) -> str:
    """Write settings as YAML that `--config` takes, with a comment beside those that were found.

    Args:
        own: Settings by section and key.
        found: Full names of those that were found in the table.
        proposed: Settings that a finding proposes, as full name, value and the finding's check; they are
            written as comments.
    """
    lines = []
    for section in Configuration.model_fields:
        content = own.get(section)
        if content is None:
            continue
        if not isinstance(content, Mapping):
            lines.append(_write_pair(section, content))
            continue
        lines.append(f"{section}:")
        for key, value in content.items():
            mark = "  # found in the table" if f"{section}.{key}" in found else ""
            lines.append(f"  {_write_pair(key, value)}{mark}")
    lines += [
        f"# proposed by the finding {check}: {name}: {_write_pair('', value).removeprefix(': ')}"
        for name, value, check in proposed
    ]
    return "\n".join(lines) + "\n" if own else "\n".join(["{}", *lines]) + "\n"


def _write_pair(key: str, value: Any) -> str:
    """Write a key and its value in one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=math.inf)
    return f"{key}: {text.removesuffix('...' + chr(10)).strip()}"
