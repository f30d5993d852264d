"""Which file a table means: found out from the files that exist, never by following a path.

A table names its files in many ways: below the dataset's folder, below the table's own, with a folder missing or too
many, with another ending or none. A `Rule` says how a text differs from the file it means; the rule that most rows
agree on wins.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

#: Files of one name beyond which only their folders tell them apart.
_MANY = 64
#: Rows that are looked at to see whether a column names files at all.
_SAMPLE = 400


@dataclass(frozen=True, order=True)
class Rule:
    """How a text becomes a file's name.

    Attributes:
        dropped: Leading folders of the text that do not exist here, e.g. `"home/someone/"`.
        added: Leading folders that the text leaves out, e.g. `"grading/"`.
        ending: Ending that the text leaves out or has otherwise, e.g. `".jpg"`; `""` where it agrees.
        is_folder: Whether the text names a folder, whose files are one case.
    """

    dropped: str = ""
    added: str = ""
    ending: str = ""
    is_folder: bool = False


@dataclass(frozen=True, eq=False)
class Match:
    """What the texts of one column name.

    Attributes:
        files: One entry a row: the files of its case, empty where there are none.
        rules: Rules in use to rows, the most used first.
        rivals: Folders of which two or more hold a file of the same name for the same rows.
        outside: Rows whose text is absolute or climbs out of the folder.
    """

    files: tuple[tuple[str, ...], ...]
    rules: tuple[tuple[Rule, int], ...]
    rivals: tuple[str, ...]
    outside: int

    @property
    def found(self) -> int:
        """Rows with files."""
        return sum(bool(files) for files in self.files)


def tidy(text: str) -> tuple[str, bool]:
    r"""A text as a relative path, and whether it meant a place outside.

    Example:
        >>> tidy(".\\images\\a.png"), tidy("/data/a.png"), tidy("../a.png")
        (('images/a.png', False), ('data/a.png', True), ('a.png', True))
    """
    plain = text.strip().replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in {"", "."}]
    outside = plain.startswith(("/", "~")) or ".." in parts or bool(re.match(r"[A-Za-z]:|[a-z]+://", plain))
    kept = [part for part in parts if part not in {"..", "~"} and not part.endswith(":")]
    return "/".join(kept), outside


@dataclass(frozen=True, eq=False)
class FileIndex:
    """The files of a place by name, for texts that leave part of it out."""

    files: tuple[str, ...]

    @cached_property
    def known(self) -> frozenset[str]:
        """All names."""
        return frozenset(self.files)

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        """Name without folders and ending, in lower case, to the files called so."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.files:
            found[_stem(name)].append(name)
        return found

    @cached_property
    def by_tail(self) -> dict[str, list[str]]:
        """Last folder and name to the files called so."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.files:
            found[_tail(name)].append(name)
        return found

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        """Folder to the files right in it."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.files:
            found[name.rpartition("/")[0]].append(name)
        return found

    def candidates(self, text: str) -> list[tuple[Rule, tuple[str, ...]]]:
        """Every file that a tidy text could mean."""
        if text in self.known:
            return [(Rule(), (text,))]
        found: list[tuple[Rule, tuple[str, ...]]] = [(_rule(text, name), (name,)) for name in self._alike(text)]
        if text in self.folders:
            found.append((Rule(is_folder=True), tuple(self.folders[text])))
        return found

    def _alike(self, text: str) -> Iterable[str]:
        """Files of the same name; those with the same ending hide the others."""
        named = self.by_stem.get(_stem(text), [])
        if len(named) > _MANY:
            # "1.png" in hundreds of folders: those in a folder of the same name, or too many to mean anything.
            return self.by_tail.get(_tail(text), [])[:_MANY] or named[:_MANY]
        ending = PurePosixPath(text).suffix.lower()
        exact = [name for name in named if PurePosixPath(name).suffix.lower() == ending]
        # "1.2.840.5" has no ending, but looks as if it had: the whole name may be the stem.
        return exact or named or self.by_stem.get(_base(text).lower(), [])[:_MANY]


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _tail(name: str) -> str:
    return "/".join(name.split("/")[-2:])


def _stem(name: str) -> str:
    base = _base(name).lower()
    if base.endswith(".nii.gz"):
        return base[:-7]
    return PurePosixPath(base).stem


def _rule(text: str, name: str) -> Rule:
    wanted, there = text.split("/")[:-1], name.split("/")[:-1]
    shared = 0
    while shared < min(len(wanted), len(there)) and wanted[-1 - shared] == there[-1 - shared]:
        shared += 1
    dropped, added = wanted[: len(wanted) - shared], there[: len(there) - shared]
    ending = "" if _base(text) == _base(name) else PurePosixPath(name).suffix
    return Rule("".join(f"{part}/" for part in dropped), "".join(f"{part}/" for part in added), ending)


def share_found(index: FileIndex, texts: Sequence[str]) -> float:
    """Share of texts that name a file, from a sample.

    Example:
        >>> share_found(FileIndex(("images/a.png",)), ["a.png", "b.png"])
        0.5
    """
    step = max(1, len(texts) // _SAMPLE)
    sample = [tidy(text)[0] for text in texts[::step] if text]
    return sum(bool(text) and bool(index.candidates(text)) for text in sample) / max(len(sample), 1)


def match(index: FileIndex, texts: Sequence[str], home: str = "", folder: str | None = None) -> Match:
    """Find the files of every row.

    Args:
        index: The files.
        texts: One a row.
        home: Folder of the table below the place, `""` for the top.
        folder: The user's choice among rivals, or None.
    """
    tidied = [tidy(text) for text in texts]
    options = [index.candidates(text) if text else [] for text, _ in tidied]
    votes = Counter(rule for found in options for rule in {rule for rule, _ in found})
    places = {
        rule: position
        for position, rule in enumerate(sorted(votes, key=lambda rule: _order(rule, votes, home, folder)))
    }
    files: list[tuple[str, ...]] = []
    used: Counter[Rule] = Counter()
    for found in options:
        if not found:
            files.append(())
            continue
        rule, names = min(found, key=lambda option: places[option[0]])
        used[rule] += 1
        files.append(names)
    outside = sum(is_outside for _, is_outside in tidied)
    return Match(tuple(files), tuple(used.most_common()), _rivals(options, used, home), outside)


def _order(rule: Rule, votes: Counter[Rule], home: str, folder: str | None) -> tuple[bool, bool, int, bool, Rule]:
    """The user's folder first, then the text as it stands, then what most rows agree on."""
    chosen = folder is not None and rule.added == folder
    as_it_stands = not rule.dropped and not rule.ending and rule.added in {"", f"{home}/" if home else ""}
    return not chosen, not as_it_stands, -votes[rule], rule.is_folder, rule


def _rivals(options: list[list[tuple[Rule, tuple[str, ...]]]], used: Counter[Rule], home: str) -> tuple[str, ...]:
    """Folders between which nothing but a guess would choose, for at least a tenth of the rows that were found."""
    clashes: Counter[tuple[str, ...]] = Counter()
    plain = {"", f"{home}/" if home else ""}
    for found in options:
        folders = sorted({rule.added for rule, _ in found if not rule.is_folder})
        if len(folders) > 1 and not plain & set(folders):
            clashes[tuple(folders)] += 1
    if not clashes or sum(clashes.values()) < 0.1 * max(sum(used.values()), 1):
        return ()
    return clashes.most_common(1)[0][0]
