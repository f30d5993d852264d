"""Which folders of this computer a visitor may open: whoever sits at it any, everybody else those that were named.

The operator names them in the variable SCANLENS_FOLDERS, whole paths separated as in PATH. A visitor elsewhere chooses
among them and types no path, so none can lead out of them; links inside that lead out are never followed
(`core.datasets.place`).
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from ui.serving.visitor import is_at_hand

FOLDERS_VARIABLE = "SCANLENS_FOLDERS"


def named_folders() -> dict[str, Path]:
    """Name for people to path, in the operator's order; what is no whole path is left out."""
    listed = [entry.strip() for entry in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)]
    paths = list(dict.fromkeys(Path(os.path.abspath(entry)) for entry in listed if Path(entry).is_absolute()))
    counts = Counter(path.name for path in paths)
    return {path.name if counts[path.name] == 1 else f"{path.name} in {path.parent.name}": path for path in paths}


def may_open(place: str | Path) -> bool:
    """Whether the visitor of this session may open a place of this computer. Nothing is looked for on the disk."""
    return is_at_hand() or Path(place) in named_folders().values()
