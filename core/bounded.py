"""Text, YAML and JSON that anyone may have written, read within bounds of size, depth and number of values.

The only place that parses YAML or JSON from outside this process. Python's and libyaml's own parsers take whatever
comes: 200,000 opening brackets end the process in libyaml's C code, a few aliases of aliases grow to gigabytes
("billion laughs"), a fifo in place of a card is waited for without end, and a number in base 60 of a megabyte is
computed for minutes. Each of these is one sentence here.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

#: Bytes of a model card or a recipe. The longest card that ships has 60 kB.
MOST_TEXT = 2 << 20
#: Bytes of one JSON document.
MOST_JSON = 64 << 20
#: Levels of lists and mappings in each other; a model card has 8, a Keras configuration about 30.
MOST_LEVELS = 64
#: Scalars, lists and mappings of one YAML document.
MOST_VALUES = 200_000
#: Characters of a number. Python itself refuses to convert decimal integers beyond 4,300.
MOST_DIGITS = 400

#: libyaml's parser where the package has it: with PyYAML's own, reading thirty cards takes ten times as long.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NUMBER = re.compile(r"[-+0-9a-fA-FxobX_.:]+")
#: A string of JSON, whole or cut short, or a bracket. Brackets inside strings open nothing.
_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


class Unbounded(ValueError):
    """A document that is larger, deeper or more entangled than any honest one; the text says which."""


def read_regular(path: Path, most: int = MOST_TEXT) -> bytes:
    """The bytes of a regular file of at most `most` bytes.

    A fifo, a device or a socket under that name is refused at once, and a file that grows while it is read is not
    followed. A link to a regular file is read.

    Args:
        path: The file.
        most: Bytes that it may have.

    Raises:
        OSError: There is no such file, or it cannot be opened.
        Unbounded: It is no regular file, or too large.
    """
    # Opening a fifo waits for a writer unless told not to; Windows has neither the flag nor such files.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unbounded("something that is no regular file")
        content = stream.read(most + 1)
    if len(content) > most:
        raise Unbounded(f"a file of more than {_size_words(most)}")
    return content


def read_text(path: Path, most: int = MOST_TEXT) -> str:
    r"""The text of a regular file in UTF-8, line ends as `\n`; a byte order mark is left out.

    Raises:
        OSError: There is no such file, or it cannot be opened.
        Unbounded: It is no regular file, or too large.
        UnicodeDecodeError: It is not UTF-8.
    """
    return read_regular(path, most).decode("utf-8-sig").replace("\r\n", "\n")


def parse_yaml(text: str) -> Any:
    r"""One YAML document as dicts, lists, strings, numbers, dates, booleans and None.

    Args:
        text: At most `MOST_TEXT` characters, `MOST_LEVELS` levels, `MOST_VALUES` values, and no alias: what an alias
            repeats can grow without bound and is never needed in a card or a recipe.

    Raises:
        Unbounded: It passes one of these bounds.
        ValueError: It is not YAML of plain data.

    Example:
        >>> parse_yaml("labels: [Normal, Pneumonia]")
        {'labels': ['Normal', 'Pneumonia']}
        >>> parse_yaml("a: &x [1]\nb: *x")
        Traceback (most recent call last):
            ...
        core.bounded.Unbounded: an alias (*x), which is not read here: write out what it stands for
    """
    if len(text) > MOST_TEXT:
        raise Unbounded(f"YAML of more than {_size_words(MOST_TEXT)}")
    try:
        _check_events(text)
        return yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ValueError(_yaml_fault(error)) from error
    except RecursionError as error:  # only PyYAML's own parser, where libyaml is missing
        raise Unbounded(f"YAML of more than {MOST_LEVELS} levels") from error


class _PlainDumper(yaml.SafeDumper):
    """Writes out what occurs twice: `parse_yaml` takes no alias, and a person reads the values where they stand."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def dump_yaml(data: Any, width: int = 110) -> str:
    """Plain data as YAML that `parse_yaml` reads, with keys in their order.

    Example:
        >>> size = [4, 4]
        >>> print(dump_yaml({"size": size, "again": size}), end="")
        size:
        - 4
        - 4
        again:
        - 4
        - 4
    """
    return str(yaml.dump(data, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=width))


def _check_events(text: str) -> None:
    """Walk the document without building it; libyaml's event parser keeps its levels on the heap."""
    depth = values = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise Unbounded(
                f"an alias (*{str(event.anchor)[:40]}), which is not read here: write out what it stands for"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent):
            values += 1
            quoted = event.tag is None and not event.implicit[0]
            if len(event.value) > MOST_DIGITS and not quoted and _NUMBER.fullmatch(event.value):
                raise Unbounded(f"a number of more than {MOST_DIGITS} characters")
        if depth > MOST_LEVELS:
            raise Unbounded(f"YAML of more than {MOST_LEVELS} levels")
        if values > MOST_VALUES:
            raise Unbounded(f"YAML of more than {MOST_VALUES:,} values")


def _yaml_fault(error: yaml.YAMLError) -> str:
    """What is wrong and in which line, without the parser's own lines of context."""
    problem = str(getattr(error, "problem", "") or "a fault")[:200]
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f" in line {mark.line + 1}"
    return f"YAML with a fault{where}: {problem}"


def parse_json(text: str | bytes, most: int = MOST_JSON) -> Any:
    """One JSON document (RFC 8259; NaN and Infinity are understood as Python writes them).

    Args:
        text: In UTF-8 where it is bytes; at most `most` long and `MOST_LEVELS` levels deep.
        most: Bytes or characters that it may have.

    Raises:
        Unbounded: It passes one of these bounds.
        ValueError: It is not JSON.

    Example:
        >>> parse_json('{"brackets in strings": "[[["}')
        {'brackets in strings': '[[['}
        >>> parse_json("[" * 100_000)
        Traceback (most recent call last):
            ...
        core.bounded.Unbounded: JSON of more than 64 levels
    """
    if len(text) > most:
        raise Unbounded(f"JSON of more than {_size_words(most)}")
    plain = text.decode("utf-8") if isinstance(text, bytes) else text
    depth = 0
    for token in _JSON_TOKEN.finditer(plain):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        if depth > MOST_LEVELS:
            raise Unbounded(f"JSON of more than {MOST_LEVELS} levels")
    return json.loads(plain)


def _size_words(size: int) -> str:
    return f"{size >> 20} MB" if size >= 1 << 20 else f"{size >> 10} kB"
