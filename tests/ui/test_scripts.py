"""The scripts of components: messages are unpacked in one place, and nothing is fetched for it."""

import re
from pathlib import Path

import pytest

from ui.components.script import script

COMPONENTS = Path(__file__).resolve().parents[2] / "ui" / "components"
OWN = sorted(path for path in COMPONENTS.glob("*/*.js"))
UNPACKING = [path.stem for path in OWN if "unpack(" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_no_component_unpacks_messages_by_itself(path):
    assert not re.search(r"function unpack|DataView|TextDecoder", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", UNPACKING)
def test_a_script_is_whole_and_imports_nothing(name):
    text = script(name)
    assert len(re.findall(r"^function unpack\(", text, re.MULTILINE)) == 1
    assert not re.search(r"^\s*import\b|\bimport\(|https?://", text, re.MULTILINE)
    names = re.findall(r"^(?:async )?function (\w+)|^(?:const|let|class) (\w+)", text, re.MULTILINE)
    found = [one or other for one, other in names]
    assert len(found) == len(set(found)), "a name that is declared twice stops the whole script"


def test_the_four_that_get_images_use_it():
    assert set(UNPACKING) == {"graph", "grid", "tiles", "viewer"}
