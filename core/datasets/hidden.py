"""Hidden files, and those that systems, storage boxes and tools keep beside a dataset: never opened, only counted."""

from __future__ import annotations

import os
from collections.abc import Sequence

from core.readers.strange import is_clutter


def is_own(name: str) -> bool:
    """Whether a file or folder is hidden, or a system's, a storage box's or a tool's own."""
    return is_clutter(name) or any(part.startswith(".") and part.strip(".") for part in name.split("/"))


def files_below(entry: os.DirEntry[str], name: str) -> list[str]:
    """The file, or those in a folder and below; only counted, never opened, and not through links."""
    if not entry.is_dir(follow_symlinks=False):
        return [name]
    below = os.walk(entry.path, followlinks=False)
    return [f"{name}/{file}" for _, _, files in below for file in files]


def own_words(own: Sequence[str]) -> tuple[str, ...]:
    """A note on hidden files and those of systems and storage boxes."""
    if not own:
        return ()
    folders = dict.fromkeys(part for name in own for part in name.split("/")[:-1] if is_own(part)) or dict.fromkeys(
        name.rpartition("/")[2] for name in own
    )
    words = "1 hidden file, or file" if len(own) == 1 else f"{len(own):,} hidden files, or files"
    kept = "was" if len(own) == 1 else "were"
    return (f"{words} of a system's or a storage box's own, {kept} left out: {', '.join(list(folders)[:3])}.",)
