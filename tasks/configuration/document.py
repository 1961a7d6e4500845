"""Write pages of docs/: `make docs` the settings, `make expect` what a plant can expect."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args, get_origin

from schemas.backtest import BacktestResult
from schemas.configuration import DEFAULTS, Configuration, Section

PICTURE = "what-to-expect.png"

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


def write_expectations(backtest: Path, random_split: Path, folder: Path) -> None:
    """Write `what-to-expect.md` and its picture from results of the mill's readings.

    Args:
        backtest: What `forewarn backtest --json` wrote.
        random_split: What `forewarn retrain --preset ranjan-2019 --json` wrote for the same table.
        folder: Folder of the page.
    """
    from tasks.reports.backtest_plot import render_backtest_plots
    from tasks.reports.backtest_report import write_backtest_page

    result = BacktestResult.model_validate_json(backtest.read_text(encoding="utf-8"))
    area = json.loads(random_split.read_text(encoding="utf-8"))["metrics"]["roc_auc"]
    settings = Configuration.model_validate(result.settings)
    (folder / PICTURE).write_bytes(render_backtest_plots(result, area)["folds"])
    page = write_backtest_page(result, settings, area, {"folds": PICTURE})
    (folder / "what-to-expect.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "expectations":
        write_expectations(*map(Path, sys.argv[2:5]))
    else:
        Path(sys.argv[1]).write_text(describe_settings(), encoding="utf-8")
