"""Build the configuration of a run from defaults, a preset, a file and single settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.presets import PRESETS

# spellings of null and of the empty string; any other text that YAML parses as empty is YAML syntax
_EMPTY_TEXTS = ("", "~", "null", "''", '""')


def configure(
    preset: str | None = None, file: Path | None = None, settings: Sequence[str] = ()
) -> Configuration:
    """Merge defaults, preset, file and settings, the later overriding the earlier, and validate the result.

    Args:
        preset: Name of a preset; if None, the preset named in the file, if any.
        file: YAML file with sections, such as the `configuration.yaml` of an earlier run.
        settings: Strings such as `windows.lookback=10`; the value is parsed as YAML.

    Raises:
        InputError: If a key is unknown, a value is out of range or a combination is invalid. The message
            has one line for each problem, with the full name of the setting.
    """
    content = read_configuration_file(file) if file is not None else {}
    name = preset if preset is not None else content.get("preset")
    if name is not None and (not isinstance(name, str) or name not in PRESETS):
        raise InputError(f"`preset` must be one of {', '.join(PRESETS)}. Received {name!r}.")
    merged = _merge(PRESETS[name] if name is not None else {}, content) | {"preset": name}
    for setting in settings:
        merged = _merge(merged, parse_setting(setting))
    return validate_configuration(merged)


def change_settings(settings: Configuration, changes: Mapping[str, Any]) -> Configuration:
    """Apply changes, given by section and key, to a configuration, and validate the result.

    Raises:
        InputError: If the changes are invalid or conflict with other settings.
    """
    return validate_configuration(_merge(settings.model_dump(), changes))


def read_configuration_file(path: Path) -> dict[str, Any]:
    """Read a YAML file of sections.

    Raises:
        InputError: If the file cannot be read, is not YAML or does not contain sections.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"`--config` must name a YAML file with sections. {path} cannot be read: {error}"
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(
            f"`--config` must name a YAML file with sections such as `windows:`. {path} contains "
            f"a {type(content).__name__}."
        )
    return content


def parse_setting(setting: str) -> dict[str, Any]:
    """Parse `section.key=value`.

    Raises:
        InputError: If the text does not have this form.
    """
    name, equals, text = setting.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise InputError(
            f"`--set` must have the form section.key=value, such as windows.lookback=10. "
            f"Received {setting!r}."
        )
    return {section: {key: _read_value(text)}}


def validate_configuration(content: Mapping[str, Any]) -> Configuration:
    """Validate sections.

    Raises:
        InputError: With one line for each unknown key, value out of range or invalid combination.
    """
    try:
        return Configuration.model_validate(content)
    except ValidationError as error:
        lines = [_describe(dict(problem)) for problem in error.errors()]
        raise InputError(
            "The configuration is not valid.\n" + "\n".join(f"  {line}" for line in lines)
        ) from error


def _read_value(text: str) -> Any:
    """Parse a value as YAML; text that is not YAML, or only YAML syntax such as `|`, is taken literally."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    is_lost = value in (None, "") and text.lower() not in _EMPTY_TEXTS
    return text if is_lost else value


def _describe(problem: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"`{name}`: unknown. {_list_known_keys(problem['loc'])}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error" and len(problem["loc"]) < 2:
        # a rule about several settings names them itself
        return message
    return f"`{name}`: {message[0].lower()}{message[1:]}. Received {problem['input']!r}."


def _list_known_keys(location: tuple[Any, ...]) -> str:
    fields = Configuration.model_fields
    if len(location) == 1:
        return f"Expected a section: {', '.join(fields)}."
    section = fields[str(location[0])].annotation
    known = ", ".join(getattr(section, "model_fields", {}))
    return f"Expected one of the keys of `{location[0]}`: {known}."


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the sections of `over` into those of `base`, key by key."""
    merged = dict(base)
    for section, content in over.items():
        below = merged.get(section)
        if isinstance(content, Mapping) and isinstance(below, Mapping):
            merged[section] = {**below, **content}
        else:
            merged[section] = content
    return merged
