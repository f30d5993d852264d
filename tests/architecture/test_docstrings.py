"""A docstring says what a thing is by itself, without the one before it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: A beginning that leans on another docstring, or on the name of what is described.
LEANS = re.compile(r"(Whose|Likewise|As above|As of|As for|The same|Ditto|See above|Of|Its|Their)\b")
#: An argument, attribute, error or result that is described so.
LEANS_IN_A_LIST = re.compile(r"^\s+\w+: (Whose|Likewise|As above|Ditto|The same\.)", re.MULTILINE)


def leaning(source: str) -> list[str]:
    """Names of what has a docstring that does not stand alone."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = ast.get_docstring(node) or ""
            if LEANS.match(words) or LEANS_IN_A_LIST.search(words):
                found.append(getattr(node, "name", "the module"))
    return found


@pytest.mark.parametrize("words", ["Of a model.", "Likewise.", "Sums.\n\n    Args:\n        b: Likewise."])
def test_a_docstring_that_leans_is_found(words):
    assert leaning(f'def total():\n    """{words}"""') == ["total"]


@pytest.mark.parametrize("words", ["Offsets of frames.", "Sums.\n\n    Args:\n        b: The same size."])
def test_a_docstring_that_stands_alone_is_not(words):
    assert not leaning(f'def total():\n    """{words}"""')


def test_docstrings_stand_alone():
    files = [path for folder in ("core", "ui", "pages") for path in sorted((ROOT / folder).rglob("*.py"))]
    found = {str(path.relative_to(ROOT)): leaning(path.read_text(encoding="utf-8")) for path in files}
    assert not {file: names for file, names in found.items() if names}
