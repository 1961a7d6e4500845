from pathlib import Path

from schemas.configuration import Configuration
from tasks.configuration.document import describe_settings

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == describe_settings(), "run `make docs`"


def test_every_setting_has_a_meaning() -> None:
    silent = [
        f"{name}.{key}"
        for name, field in Configuration.model_fields.items()
        for key, setting in getattr(field.annotation, "model_fields", {}).items()
        if not setting.description
    ]
    assert silent == []
