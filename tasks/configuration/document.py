"""Write docs/configuration.md, the page of all settings: `make docs`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args, get_origin

from schemas.configuration import DEFAULTS, Configuration, Section

_OPENING = """\
# Settings

Every setting by its full name, for `--set section.key=value` or as YAML for `--config`:

```yaml
windows:
  lookback: 10
threshold:
  rule: quantile
  quantile: 0.995
```

A preset comes first, then the file, then `--set`; everything is validated before anything runs. Unknown
keys, values out of range and impossible combinations are refused by their full name. This page is
written by `make docs`.
"""


def describe_settings() -> str:
    """Describe every setting with its default, section by section, as Markdown."""
    parts = [_OPENING]
    for name, field in Configuration.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            parts.append(_describe_section(name, field.annotation))
    return "\n".join(parts)


def _describe_section(name: str, section: type[Section]) -> str:
    title = (section.__doc__ or "").strip()
    lines = [
        f"## {name}",
        "",
        title,
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    defaults = getattr(DEFAULTS, name)
    for key, field in section.model_fields.items():
        choices = get_args(field.annotation) if str(get_origin(field.annotation)).endswith("Literal") else ()
        meaning = field.description or ""
        if choices:
            meaning += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
        lines.append(f"| `{name}.{key}` | `{_write_default(getattr(defaults, key))}` | {meaning} |")
    return "\n".join([*lines, ""])


def _write_default(value: Any) -> str:
    if value is None:
        return "null"
    return json.dumps(list(value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(describe_settings(), encoding="utf-8")
