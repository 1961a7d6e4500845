"""The documentation names only what exists: links, files, modules, make targets, commands and settings."""

import re
from pathlib import Path

import pytest

from flows.commands import commands
from schemas.configuration import Configuration

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "docker", "docs", "flows", "schemas", "tasks", "tests")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# exist only once the reader has created them
CREATED_BY_READERS = {"docker/.env"}
FILE_ENDINGS = {"csv", "md", "parquet", "py", "xlsx"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def find_all(pattern: str, page: Path) -> list[str]:
    """Find what the first group of a pattern matches in a page, without repetitions, in order."""
    return sorted(set(re.findall(pattern, page.read_text(encoding="utf-8"), flags=re.MULTILINE)))


def find_anchors(page: Path) -> set[str]:
    """Find the anchors that GitHub gives the headings of a page."""
    headings = find_all(r"^#+ (.+)$", page)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_relative_links_resolve(page: Path) -> None:
    broken = []
    for link in find_all(r"\]\((?!https?://|mailto:)([^)\s]+)\)", page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in find_anchors(target)):
            broken.append(link)
    assert broken == []


@every_page
def test_named_paths_exist(page: Path) -> None:
    paths = find_all(rf"(?<![\w./-])((?:{'|'.join(FOLDERS)})/[\w./-]*[\w/])", page)
    assert [path for path in paths if path not in CREATED_BY_READERS and not (ROOT / path).exists()] == []


@every_page
def test_python_files_named_without_a_folder_exist(page: Path) -> None:
    known = {file.name for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")}
    assert [name for name in find_all(r"`(\w+\.py)`", page) if name not in known] == []


@every_page
def test_named_modules_exist(page: Path) -> None:
    paths = {
        name: ROOT / name.replace(".", "/")
        for name in find_all(rf"python -m ((?:{'|'.join(FOLDERS)})\b[\w.]*)", page)
    }
    missing = [
        name for name, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").is_file())
    ]
    assert missing == []


@every_page
def test_named_make_targets_exist(page: Path) -> None:
    targets = find_all(r"^([a-z][a-z-]*):", ROOT / "Makefile")
    assert [name for name in find_all(r"(?:`|^[$#] )make ([a-z-]+)", page) if name not in targets] == []


@every_page
def test_named_commands_exist(page: Path) -> None:
    named = find_all(r"(?:`|^\$ |/)forewarn ([a-z]+)", page)
    assert [name for name in named if name not in commands.commands] == []


@every_page
def test_named_settings_exist(page: Path) -> None:
    known = {
        f"{section}.{key}"
        for section, field in Configuration.model_fields.items()
        for key in (*getattr(field.annotation, "model_fields", {}), *FILE_ENDINGS)
    }
    named = find_all(rf"(?:`|--set )((?:{'|'.join(Configuration.model_fields)})\.\w+\b)(?!\.)", page)
    assert [name for name in named if name not in known] == []
