"""Import everything that the app can reach, also what it imports only when it is used.

    python tests/runtime_install/import_everything.py

Runs where only `requirements.lock` is installed. Two interpreters: what the web process may load must not bring
TensorFlow or Keras along; what belongs to the Keras process is imported in the other.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Asked for by `requirements-cluster.txt`; without it the product says in a sentence how to get it.
EXTRAS = ("dask", "distributed")
HEAVY = ("tensorflow", "keras", "tf_keras_vis", "tf2onnx")

#: Where the app starts: the screen, the commands of the shell, and what runs on the other side of a pipe.
ROOTS = ("app", "ui.launch", "core.evaluation.__main__", "core.keras_worker.worker")

#: Pages are scripts, which run when they are imported: their imports are followed, they are opened elsewhere.
SCRIPTS = ("app", "pages")

#: Development: reached only as far as the app itself imports it.
DEVELOPMENT = "core.training"


@dataclass(frozen=True)
class Import:
    """One import statement's module, and the name that is taken from it, if any."""

    module: str
    name: str = ""


def file_of(module: str) -> Path | None:
    """Our own file of a module, or None."""
    path = ROOT / Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imports(path: Path, every: bool = True) -> Iterator[Import]:
    """What a file imports.

    Args:
        path: A Python file.
        every: Whether to count imports inside functions too; without, only what runs when the file is imported.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(node):
            later |= {inner for inner in ast.walk(node) if inner is not node}
    for node in ast.walk(tree):
        if node in later and not every:
            continue
        if isinstance(node, ast.Import):
            yield from (Import(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (Import(node.module, alias.name) for alias in node.names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def reachable() -> list[str]:
    """Our modules that the app can reach: from its roots, and all others that are not development."""
    todo = [*ROOTS, *(name(path) for folder in ("core", "ui", "pages") for path in (ROOT / folder).rglob("*.py"))]
    todo = [module for module in todo if not module.startswith(DEVELOPMENT)]
    found: set[str] = set()
    while todo:
        module = todo.pop()
        path = file_of(module)
        if module in found or path is None:
            continue
        found.add(module)
        todo += [part for one in imports(path) for part in (one.module, f"{one.module}.{one.name}")]
    return sorted(found)


def name(path: Path) -> str:
    """`core.readers` of `core/readers/__init__.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def of_keras(modules: list[str]) -> set[str]:
    """Modules that import TensorFlow or Keras anywhere, or such a module as soon as they are imported."""
    found = {m for m in modules if any(one.module.split(".")[0] in HEAVY for one in imports(file_of(m)))}  # type: ignore[arg-type]
    while more := {
        module
        for module in set(modules) - found
        for one in imports(file_of(module), every=False)  # type: ignore[arg-type]
        if {one.module, f"{one.module}.{one.name}"} & found
    }:
        found |= more
    return found


def import_all(modules: list[str]) -> list[str]:
    """Import modules and everything that they would import later; what fails, one line each."""
    faults = []
    for module in modules:
        asked = [Import(module)] if module.split(".")[0] not in SCRIPTS and not module.endswith("__main__") else []
        path = file_of(module)
        assert path is not None  # only our own were listed
        for one in (*asked, *imports(path)):
            if one.module.split(".")[0] in EXTRAS:
                continue
            try:
                found = importlib.import_module(one.module)
                if one.name not in {"", "*"} and not hasattr(found, one.name):
                    importlib.import_module(f"{one.module}.{one.name}")
            except Exception as error:
                faults.append(f"{module} needs {one.module} {one.name}: {type(error).__name__}: {error}")
    return faults


def main(process: str) -> int:
    """Import what belongs to the `web` or the `keras` process."""
    modules = reachable()
    keras = of_keras(modules)
    chosen = [module for module in modules if (module in keras) == (process == "keras")]
    faults = import_all(chosen)
    if process == "web":
        faults += [f"the web process loads {heavy}" for heavy in HEAVY if heavy in sys.modules]
    print(f"{process}: {len(chosen)} modules, {len(faults)} faults")
    print(*(f"FAULT {fault}" for fault in faults), sep="\n", end="")
    return 1 if faults or not chosen else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if len(sys.argv) > 1:
        sys.exit(main(sys.argv[1]))
    sys.exit(
        max(
            subprocess.run([sys.executable, __file__, process], cwd=ROOT, check=False).returncode
            for process in ("web", "keras")
        )
    )
