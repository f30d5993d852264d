"""Resolve the locks for each Python that is promised, as an installer would, and compare with what they pin.

    python tests/runtime_install/resolve_lock.py

Asks the package index for metadata only; no other interpreter is needed. Fails where a lock has no answer for a Python
or a system, where it does not hold what `requirements.txt` asks for, and where it names an index or a path.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
LOCKS = {"requirements.lock": "requirements.txt", "requirements-dev.lock": "requirements-dev.txt"}


def pins(text: str) -> set[tuple[str, str]]:
    """(name, version) of each line that pins one."""
    return {(found[1], found[2]) for line in text.splitlines() if (found := re.match(r"([\w.-]+)==([^\s;]+)", line))}


def resolved(asked: str, lock: str, python: str, system: str) -> tuple[set[tuple[str, str]], str]:
    """What an installer takes with the lock as constraint, from wheels alone, or why it finds nothing."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--only-binary", ":all:"]
    command += ["--python-version", python, "--python-platform", system, "--constraints", lock, asked]
    oldest = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # ONNX Runtime has no wheel for an older one
    done = subprocess.run(command, cwd=ROOT, env=oldest, capture_output=True, text=True, check=False)
    return pins(done.stdout), "" if done.returncode == 0 else done.stderr.strip()


def faults() -> list[str]:
    """What is wrong, one line each."""
    found = []
    for lock, asked in LOCKS.items():
        text = (ROOT / lock).read_text(encoding="utf-8")
        if re.search(r"://|--\w*index|--find-links|@ file|(^|\s)/\w", text, re.M):
            found.append(f"{lock} names an index or a path")
        for python in PYTHONS:
            for system in SYSTEMS if lock == "requirements.lock" else SYSTEMS[:1]:
                taken, trouble = resolved(asked, lock, python, system)
                strange = sorted(f"{name} {version}" for name, version in taken - pins(text))
                if trouble:
                    found.append(f"{lock}, Python {python}, {system}: {trouble}")
                elif strange:
                    found.append(
                        f"{lock} does not pin {', '.join(strange)} for Python {python}, {system}: run make lock"
                    )
                else:
                    print(f"{lock}: {len(taken)} packages for Python {python} on {system}")
    return found


if __name__ == "__main__":
    wrong = faults()
    print(*(f"FAULT {fault}" for fault in wrong), sep="\n")
    sys.exit(bool(wrong))
