"""What the documentation names is there: files of the repository, pages that links lead to, targets of make."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]

_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
#: What is a path of the repository: it begins with one of its folders, and holds no gap to fill in.
_PATH = re.compile(r"(?:core|ui|pages|tests|models|benchmarks|docs)/[\w./-]*")
_MODULE = re.compile(r"python -m ((?:core|ui|benchmarks)[\w.]*)")
_TARGET = re.compile(r"\bmake ([a-z]+)\b")
#: What a command of the repository makes, so that it need not be there yet.
_MADE = {"benchmarks/results.json"}


def named_paths(text: str) -> set[str]:
    """Paths in code marks, e.g. `core/readers/archive.py` or `models/`."""
    return {code for code in _CODE.findall(_FENCED.sub("", text)) if _PATH.fullmatch(code)}


def missing(text: str) -> list[str]:
    return sorted(path for path in named_paths(text) - _MADE if not (ROOT / path).exists())


def test_a_path_that_is_not_there_is_found():
    assert missing("See `core/nowhere/at_all.py` and `core/scan.py`.") == ["core/nowhere/at_all.py"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_paths_and_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    assert missing(text) == []
    links = [link.partition("#")[0] for link in _LINK.findall(_FENCED.sub("", text)) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page):
    text = page.read_text(encoding="utf-8")
    modules = [name.replace(".", "/") for name in _MODULE.findall(text)]
    assert [
        name for name in modules if not any((ROOT / f"{name}{end}").exists() for end in (".py", "/__main__.py"))
    ] == []
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = "\n".join([*_CODE.findall(_FENCED.sub("", text)), *_FENCED.findall(text)])
    assert set(_TARGET.findall(code)) <= made


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed: set[str] = set()

    def gather(entry):
        if isinstance(entry, str):
            listed.add(entry)
        for part in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
            gather(part)

    gather(yaml.safe_load(text)["nav"])
    assert listed == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def test_no_file_of_the_walks_is_visited_twice():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for walk in text.split("\n## ")[1:]:
        files = re.findall(r"^\d+\. `([^`]+)`", walk, re.MULTILINE)
        assert len(files) == len(set(files))


def test_the_built_pages_would_fetch_nothing():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert settings["theme"]["font"] is False
    assert settings["plugins"] == []
    assert not settings.keys() & {"extra_javascript", "extra_css"}
