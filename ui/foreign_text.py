"""Text that is not ours on our pages: names of classes, models, datasets and files, and what cards say.

Streamlit reads most text as Markdown. Whatever comes from a card, a recipe, a file, a table or a stored result is text
and nothing else: `plain` keeps its characters from meaning anything, `card_markdown` lets a card have its headings,
lists and tables, but no image, which the browser would fetch from its author's server.
"""

from __future__ import annotations

import re

#: What Markdown, with the extensions that Streamlit adds to it, could take for markup: emphasis, code, links, tables,
#: formulas, HTML, `:red[…]`, `:smile:`, entities and addresses.
_MARKUP = re.compile(r"[\\`*_\[\]<>$~|]|:(?=\S)|&(?=#?\w+;)|(?<=www)\.", re.IGNORECASE)
#: What means something at the start of a line only.
_AT_START = re.compile(r"^([-+=](?=[-=\s]|$)|#|\d{1,9}(?=[.)](?:\s|$)))")
_IMAGE = re.compile(r"!+(?=\[)")


def plain(text: object) -> str:
    r"""Text as Markdown that shows exactly these characters; its lines stay lines and begin nothing.

    Example:
        >>> plain("Edema ![x](http://e.org) *often*")
        'Edema !\\[x\\](http\\://e.org) \\*often\\*'
        >>> plain("Pneumonia, chest X-ray (children)")
        'Pneumonia, chest X-ray (children)'
    """
    return "\n".join(map(_plain_line, str(text).splitlines()))


def _plain_line(line: str) -> str:
    line = _MARKUP.sub(lambda found: f"\\{found.group()}", line.lstrip())
    start = _AT_START.match(line)
    if start is None:
        return line
    sign, rest = start.group(), line[start.end() :]
    return f"{sign}\\{rest}" if sign.isdigit() else f"\\{sign}{rest}"


def card_markdown(text: str) -> str:
    """A card's own Markdown without images; each becomes a link that nobody has to follow.

    HTML in it stays text, which is how Streamlit shows it unless it is told otherwise.

    Example:
        >>> card_markdown("# Card [![badge](http://e.org/a.png)](http://e.org)")
        '# Card [[badge](http://e.org/a.png)](http://e.org)'
    """
    return _IMAGE.sub("", text)
