"""Dependencies run one way: pages and app on ui, ui on core; the web process never imports TensorFlow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("tensorflow", "keras", "tf_keras_vis", "tf2onnx")


def imported_names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", python_files("core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_core_knows_no_screen(path):
    assert not imported_names(path) & {"streamlit", "ui", "pages", "app"}


@pytest.mark.parametrize("path", python_files("ui"), ids=lambda path: str(path.relative_to(ROOT)))
def test_ui_knows_no_page(path):
    assert not imported_names(path) & {"pages", "app"}


@pytest.mark.parametrize(
    "path", [ROOT / "app.py", *python_files("ui", "pages")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_screen_names_no_keras(path):
    assert not imported_names(path) & set(HEAVY)


def test_running_every_page_imports_no_tensorflow():
    code = f"""
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
AppTest.from_file("app.py", default_timeout=60).run()
for page in sorted(Path("pages").rglob("*.py")):
    AppTest.from_file(str(page), default_timeout=60).run()
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("path", python_files("pages"), ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_are_thin(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 100


def test_no_file_is_a_thousand_lines_or_called_utils():
    for path in python_files("core", "ui", "pages", "tests", "benchmarks"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 1000
        assert path.stem not in {"utils", "helpers", "misc"}
