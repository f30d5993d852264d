"""Run every benchmark, print a table and write `benchmarks/results.json`.

Each module of this folder has `run() -> list[dict]` with rows of `name`, `value`, `limit`, `unit` and `holds`.
`python -m benchmarks runtime` runs only the modules named. Exits with 1 when a limit is passed.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

import benchmarks

RESULTS = Path(__file__).parent / "results.json"


def modules() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not (m.ispkg or m.name.startswith("_")))


def table(rows: list[dict[str, object]]) -> str:
    width = max(len(str(row["name"])) for row in rows)
    lines = [f"{'what':<{width}}  {'came to':>9}  {'at most':>9}  unit"]
    for row in rows:
        mark = "" if row["holds"] else "  <- passed its limit"
        lines.append(f"{row['name']!s:<{width}}  {row['value']:>9.4g}  {row['limit']:>9.4g}  {row['unit']}{mark}")
    return "\n".join(lines)


def _rows(name: str) -> list[dict[str, object]]:
    """A process for each: what one module imported (TensorFlow above all) slows the garbage collection of the next."""
    code = "import importlib, json, sys; rows = importlib.import_module(f'benchmarks.{sys.argv[1]}').run(); "
    code += "open(sys.argv[2], 'w').write(json.dumps(rows))"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rows.json"
        subprocess.run([sys.executable, "-c", code, name, str(target)], check=True)
        return list(json.loads(target.read_text(encoding="utf-8")))


def main(wanted: list[str]) -> int:
    unknown = sorted(set(wanted) - set(modules()))
    if unknown:
        print(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(modules())}.", file=sys.stderr)
        return 2
    rows: list[dict[str, object]] = []
    for name in wanted or modules():
        print(f"{name} …", flush=True)
        rows += _rows(name)
    print(table(rows))
    if not wanted:
        RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
