"""Which compiled models were made here, by this product's own build or on this machine, and which came from elsewhere.

A compiled file can loop for ever or take all memory, so one of unknown origin runs in a process of its own (see
`core.inference.onnx_session`). Whether a file is ours is told by its hash alone: the build of the shipped bundles
writes `models/hashes.txt`, and what is compiled on this machine is noted in the user's folder. A card cannot claim it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from core.bounded import read_text
from core.home import home

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "hashes.txt"
_OWN = "made-here.txt"
_HEAD = "# sha256 of each model.onnx that was compiled here, and its folder. Written by the build.\n"


def is_made_here(sha256: str) -> bool:
    """Whether a compiled model with this hash was made by the build or on this machine.

    Args:
        sha256: Of the content of `model.onnx`, hexadecimal, as computed from the bytes that will be run.
    """
    return any(sha256.lower() in _listed(path, _stamp(path)) for path in (SHIPPED, home() / _OWN))


def note_made_here(sha256: str, slug: str) -> None:
    """Remember a model that was compiled on this machine.

    Raises:
        OSError: The user's folder cannot be written.
    """
    path = home() / _OWN
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{sha256.lower()}  {slug}\n")


def write_shipped(hashes: Iterable[tuple[str, str]], path: Path = SHIPPED) -> None:
    """Write the list of the build.

    Args:
        hashes: (sha256, slug) of each shipped bundle.
        path: Where to.
    """
    lines = [f"{sha256.lower()}  {slug}\n" for sha256, slug in sorted(hashes, key=lambda entry: entry[1])]
    path.write_text(_HEAD + "".join(lines), encoding="utf-8")


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=8)
def _listed(path: Path, stamp: tuple[int, int]) -> frozenset[str]:
    """Hashes of a list; read again when the file changed."""
    try:
        lines = read_text(path).splitlines() if stamp != (0, 0) else []
    except (OSError, ValueError):
        return frozenset()
    return frozenset(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))
