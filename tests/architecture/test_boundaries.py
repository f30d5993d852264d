"""What the import contracts in pyproject.toml cannot say; `lint-imports` checks those, as part of `make lint`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("tensorflow", "keras", "tf_keras_vis", "tf2onnx")


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


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
