"""Which file a table means: found out from the files that exist, never by following a path.

A table names its files in many ways: below the dataset's folder, below the table's own, with a folder missing or too
many, with another ending or none. A `Rule` says how a text differs from the file it means; the rule that most rows
agree on wins. Letters count as people see them: composed or decomposed (Unicode NFC and NFD), large or small. Leading
zeros and percent signs, which spreadsheets and browsers put in or take away, count only where one file can be meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from core.datasets.tables.columns import is_mask_folder

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
        spelling: `"zeros"`, `"percent"` or `"letters"` where the text spells the name in another way, else `""`.
    """

    dropped: str = ""
    added: str = ""
    ending: str = ""
    is_folder: bool = False
    spelling: str = ""


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

    def spelled(self, how: str) -> int:
        """Rows that spell the name of their file in another way."""
        return sum(count for rule, count in self.rules if rule.spelling == how)


def tidy(text: str) -> tuple[str, bool]:
    r"""A text as a relative path, and whether it meant a place outside.

    Example:
        >>> tidy(".\\images\\a.png"), tidy("/data/a.png"), tidy("../a.png")
        (('images/a.png', False), ('data/a.png', True), ('a.png', True))
    """
    plain = text.strip().replace("\\", "/")
    if re.match(r"[a-z]+://", plain):
        plain = re.split(r"[?#]", plain)[0]
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
        """Every name, for a quick look whether one is there."""
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
    def by_loose_stem(self) -> dict[str, list[str]]:
        """Stem without leading zeros and percent signs to the files called so."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.files:
            found[_loose(_base(name))].append(name)
        return found

    @cached_property
    def folders(self) -> dict[str, tuple[str, ...]]:
        """Folder, as people see its name, to the files right in it: one tuple, however many rows name it."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.files:
            found[_seen(name.rpartition("/")[0])].append(name)
        return {folder: tuple(names) for folder, names in found.items()}

    def candidates(self, text: str, loose: bool = True) -> list[tuple[Rule, tuple[str, ...]]]:
        """Every file that a tidy text could mean.

        Args:
            text: A relative path.
            loose: Whether leading zeros and percent signs may differ where nothing else is found.
        """
        if text in self.known:
            return [(Rule(), (text,))]
        found: list[tuple[Rule, tuple[str, ...]]] = [(_rule(text, name), (name,)) for name in self._alike(text)]
        if files := self.folders.get(_seen(text)):
            found.append((Rule(is_folder=True), files))
        if not found and loose:
            found = [(_rule(text, name), (name,)) for name in self._spelled_otherwise(text)]
        return found

    def _spelled_otherwise(self, text: str) -> list[str]:
        """Files of the one name that is the text but for leading zeros and percent signs; none where there are two."""
        ending = _suffix(_base(text)).lower()
        for stem in dict.fromkeys((_loose(_base(text)), _loose(_base(text), whole=True))):
            named = self.by_loose_stem.get(stem, [])
            exact = [name for name in named if _suffix(_base(name)).lower() == ending] or named
            if exact:
                return exact if len({_stem(name) for name in exact}) == 1 and len(exact) <= _MANY else []
        return []

    def _alike(self, text: str) -> Iterable[str]:
        """Files of the same name; those with the same ending hide the others."""
        named = self.by_stem.get(_stem(text), [])
        if len(named) > _MANY:
            # "1.png" in hundreds of folders: those in a folder of the same name, or too many to mean anything.
            return self.by_tail.get(_tail(text), [])[:_MANY] or named[:_MANY]
        ending = _suffix(_base(text)).lower()
        exact = [name for name in named if _suffix(_base(name)).lower() == ending]
        # "1.2.840.5" has no ending, but looks as if it had: the whole name may be the stem.
        return exact or named or self.by_stem.get(_seen(_base(text)), [])[:_MANY]


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def unscrambled(text: str) -> str:
    """A text whose UTF-8 was read as code page 1252 or 437, as it was meant; others as they are.

    Example:
        >>> unscrambled("MÃ¤dchen"), unscrambled("M├ñdchen"), unscrambled("Mädchen")
        ('Mädchen', 'Mädchen', 'Mädchen')
    """
    for page in ("cp1252", "cp437"):
        try:
            return text.encode(page).decode("utf-8")
        except UnicodeError:
            continue
    return text


def _suffix(base: str) -> str:
    """The ending of a name without folders, as `PurePosixPath` has it and many times faster."""
    place = base.rfind(".")
    return base[place:] if 0 < place < len(base) - 1 else ""


def _seen(name: str) -> str:
    """A name as people see it: composed letters, no difference of case, no blanks at the ends of its parts."""
    plain = (name if name.isascii() else unicodedata.normalize("NFC", name)).casefold()
    return "/".join(part.strip() for part in plain.split("/")) if " " in plain else plain


def _tail(name: str) -> str:
    return "/".join(_seen(name).split("/")[-2:])


def _stem(name: str) -> str:
    base = _seen(_base(name))
    if base.endswith(".nii.gz"):
        return base[:-7]
    return base.removesuffix(_suffix(base)).strip()


def _loose(base: str, whole: bool = False) -> str:
    """A name without its ending, unless it is wanted whole, and without differences of spelling."""
    plain = unquote(base) if "%" in base else base
    plain = plain if plain.isascii() else unscrambled(plain)
    return re.sub(r"(?<!\d)0+(?=\d)", "", _seen(plain) if whole else _stem(plain))


def _alike(text: str, name: str, turned: Callable[[str], str]) -> bool:
    """Whether two names have the same stem once both are turned into what they were meant to be."""
    return _stem(turned(_base(text))) == _stem(turned(_base(name)))


def _rule(text: str, name: str) -> Rule:
    wanted, there = text.split("/")[:-1], name.split("/")[:-1]
    shared = 0
    while shared < min(len(wanted), len(there)) and _seen(wanted[-1 - shared]) == _seen(there[-1 - shared]):
        shared += 1
    dropped, added = wanted[: len(wanted) - shared], there[: len(there) - shared]
    suffix, spelling = _suffix(_base(name)), ""
    same = _seen(_base(text)) == _seen(_base(name))
    if not same and _stem(name) not in {_stem(text), _seen(_base(text))}:
        pairs: dict[str, Callable[[str], str]] = {"percent": unquote, "letters": unscrambled}
        spelling = next((how for how, turned in pairs.items() if _alike(text, name, turned)), "zeros")
    ending = "" if same or suffix.lower() == _suffix(_base(text).strip()).lower() else suffix
    return Rule(
        "".join(f"{part}/" for part in dropped), "".join(f"{part}/" for part in added), ending, spelling=spelling
    )


def fraction_found(index: FileIndex, texts: Sequence[str], loose: bool = False) -> float:
    """Fraction of texts that name a file, from a sample; `loose` as in `FileIndex.candidates`.

    Example:
        >>> fraction_found(FileIndex(("images/a.png",)), ["a.png", "b.png"])
        0.5
    """
    step = max(1, len(texts) // _SAMPLE)
    sample = [tidy(text)[0] for text in texts[::step] if text]
    return sum(bool(text) and bool(index.candidates(text, loose)) for text in sample) / max(len(sample), 1)


def names_whole_files(index: FileIndex, texts: Sequence[str]) -> bool:
    """Whether texts are names of files or folders as they are, and no labels or numbers that files are called by.

    Example:
        >>> names_whole_files(FileIndex(("a/1.png", "a/2.png")), ["1.png", "2.png"])
        True
        >>> names_whole_files(FileIndex(("a/1.png", "a/2.png")), ["1", "2"])
        False
    """
    tidied = [tidy(text)[0] for text in texts]
    named = [text for text in tidied if any(not rule.ending for rule, _ in index.candidates(text, loose=False))]
    as_paths = [text for text in named if "/" in text or re.search(r"\.[A-Za-z]\w*$", text)]
    kept = named if len(set(named)) > 0.5 * len(named) else as_paths  # a label is said again and again
    return bool(kept) and len(kept) >= 0.5 * len(tidied)


def match(index: FileIndex, texts: Sequence[str], home: str = "", folder: str | None = None) -> Match:
    """Find the files of every row.

    Args:
        index: The files.
        texts: One a row.
        home: Folder of the table below the place, `""` for the top.
        folder: The user's choice among rivals, or None.
    """
    tidied = [tidy(text) for text in texts]
    options = _without_claimed([(text, index.candidates(text) if text else []) for text, _ in tidied])
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


def _without_claimed(
    options: Sequence[tuple[str, list[tuple[Rule, tuple[str, ...]]]]],
) -> list[list[tuple[Rule, tuple[str, ...]]]]:
    """Options without files that are spelled otherwise, where another text of the table means the same file."""
    owners: dict[str, set[str]] = defaultdict(set)
    for text, found in options:
        for rule, files in found:
            if not rule.is_folder:  # which is one file, and never spelled otherwise where it is a folder
                owners[files[0]].add(text)
    return [
        [(rule, files) for rule, files in found if not rule.spelling or len(owners[files[0]]) == 1]
        for _, found in options
    ]


def _order(rule: Rule, votes: Counter[Rule], home: str, folder: str | None) -> tuple[bool, bool, int, bool, bool, Rule]:
    """The user's folder first, then the text as it stands, then what most rows agree on."""
    chosen = folder is not None and rule.added == folder
    as_it_stands = not rule.dropped and not rule.ending and rule.added in {"", f"{home}/" if home else ""}
    is_masks = any(is_mask_folder(part) for part in rule.added.split("/"))
    return not chosen, not as_it_stands, -votes[rule], rule.is_folder, is_masks, rule


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
