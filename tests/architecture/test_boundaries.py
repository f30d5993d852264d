"""Dependencies run one way: pages and app on ui, ui on core; the web process never imports TensorFlow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("tensorflow", "keras", "tf_keras_vis", "tf2onnx")


#: The rooms of core from top to bottom; a room imports none above it. Files that lie in core itself import no room.
ROOMS = [
    "report",
    "figures",
    "keras_worker",
    "reader_study",
    "lessons",
    "training",
    "segmentation",
    "explain",
    "evaluation",
    "inference",
    "datasets",
    "keras_process",
    "processes",
    "models",
    "samples",
    "readers",
]

#: The same within evaluation, and within explain.
EVALUATION = ["runs", "store", "comparison", "results", "metrics", "statistics"]
EXPLAIN = ["trust", "methods"]


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(source: str) -> set[str]:
    """Full names of all that is imported, at any depth of the source."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


IMPORTS = {
    module_of(path): imports_of(path.read_text(encoding="utf-8"))
    for path in [ROOT / "app.py", *python_files("core", "ui", "pages")]
}


def arrows(importers: tuple[str, ...], imported: tuple[str, ...]) -> list[str]:
    """Each import of something in the second by something in the first."""
    return [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in names
        if name.split(".")[0] in imported and module.split(".")[0] in importers
    ]


def backwards(prefix: str, rooms: list[str], imports: dict[str, set[str]]) -> list[str]:
    """Each import of a higher room by a lower one, or by a file that lies beside the rooms."""

    def level(name: str) -> int | None:
        if not name.startswith(f"{prefix}."):
            return None
        room = name.removeprefix(f"{prefix}.").split(".")[0]
        return rooms.index(room) if room in rooms else len(rooms)

    found = []
    for module, names in imports.items():
        own = level(module)
        for name in names:
            other = level(name)
            if own is not None and other is not None and other < own:
                found.append(f"{module} imports {name}")
    return found


def test_core_knows_no_screen():
    assert not arrows(("core",), ("streamlit", "ui", "pages", "app"))


def test_ui_knows_no_page():
    assert not arrows(("ui",), ("pages", "app"))


def test_the_screen_names_no_keras():
    assert not arrows(("app", "ui", "pages"), HEAVY)


def test_no_room_of_core_imports_one_above_it():
    assert not backwards("core", ROOMS, IMPORTS)


def test_evaluation_runs_one_way():
    assert not backwards("core.evaluation", EVALUATION, {m: n for m, n in IMPORTS.items() if m.count(".") > 2})


def test_methods_of_explanation_know_no_checks():
    assert not backwards("core.explain", EXPLAIN, {m: n for m, n in IMPORTS.items() if m.count(".") > 2})


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("core.readers.raster", "core.report.pdf"),
        ("core.scan", "core.readers"),
        ("core.models.card", "core.explain"),
    ],
)
def test_an_arrow_back_is_found(module, name):
    assert backwards("core", ROOMS, {module: {name}}) == [f"{module} imports {name}"]


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
