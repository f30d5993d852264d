"""What the product imports is what `requirements.txt` asks for and `requirements.lock` pins."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"app", "benchmarks", "core", "pages", "tests", "ui"}


def third_party(folders=("core", "ui", "pages")) -> dict[str, set[str]]:
    """Package to the files that import it, also inside functions."""
    found: dict[str, set[str]] = {}
    for path in [ROOT / "app.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                package = name.split(".")[0]
                if package not in OURS and package not in sys.stdlib_module_names:
                    found.setdefault(package, set()).add(str(path.relative_to(ROOT)))
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(file: str) -> set[str]:
    """Distributions that a requirements file names at the beginning of a line."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return {normal(found[0]) for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))}


IMPORTED = third_party()
DISTRIBUTIONS = packages_distributions()


def test_imports_are_found_where_they_are():
    assert "core/lessons/training/data.py" in IMPORTED["sklearn"]
    assert "app.py" in IMPORTED["streamlit"]


#: What a laptop does without: imported inside functions of one file, and asked for by an extra of its own.
EXTRAS = {"dask": "cluster", "distributed": "cluster"}


@pytest.mark.parametrize("package", sorted(IMPORTED))
def test_what_is_imported_is_asked_for_and_locked(package):
    distributions = {normal(name) for name in DISTRIBUTIONS.get(package, [])}
    file = f"requirements-{EXTRAS[package]}" if package in EXTRAS else "requirements"
    assert distributions & named(f"{file}.txt"), f"{package} of {sorted(IMPORTED[package])} is not asked for"
    assert distributions & named(f"{file}.lock"), f"{package} is asked for, but not locked: run make lock"


@pytest.mark.parametrize("package", sorted(EXTRAS))
def test_an_extra_is_imported_in_one_file_only(package):
    assert IMPORTED[package] == {"core/evaluation/runs/cluster.py"}


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "requirements-cluster.txt"])
def test_each_requirement_has_a_lower_and_an_upper_bound(file):
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        asked = line.split("#")[0].split(";")[0].strip()
        if asked and not asked.startswith(("-r", "types-")) and "==" not in asked:
            assert re.fullmatch(r"[\w.\[\]-]+>=[\w.]+,<[\w.]+", asked), asked


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-cluster.lock"])
def test_a_lock_names_no_index_and_no_path(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-|file:|(^|\s)/\w", text, re.MULTILINE)
