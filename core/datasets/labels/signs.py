"""A label as tokens: its words in plain letters, and its signs, which must not get lost on the way.

`fracture-`, `Fracture (−)` and `fracture_neg` say the opposite of `fracture+`; a spelling that drops signs makes them
one. What is neither a word nor plain punctuation becomes a doubt, because nobody can know what it was to say.
"""

from __future__ import annotations

import re
import unicodedata

#: Tokens of signs: present, absent, not sure.
PLUS, MINUS, DOUBT = "⊕", "⊖", "?"
#: Token between the members of a list, such as a comma or a slash.
LIST = "&"


def words_in(text: str) -> frozenset[str]:
    """The words of a list that is written as one text."""
    return frozenset(text.split())


_SPELLINGS = (
    ("oedema", "edema"), ("tumour", "tumor"), ("haem", "hem"), ("anaem", "anem"), ("oesoph", "esoph"),
    ("leukaem", "leukem"), ("ischaem", "ischem"), ("calibre", "caliber"), ("grey", "gray"),
)  # fmt: skip
_DASHES: dict[int, str | None] = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\ufeff"), None),  # nobody sees these
}
#: Marks that are a yes or a no by themselves.
_MARKS = dict.fromkeys(map(ord, "✓✔☑✅"), f" {PLUS} ") | dict.fromkeys(map(ord, "✗✘☒✖❌×∅"), f" {MINUS} ")
_ABBREVIATIONS = (
    (r"\bw\s*/\s*o\b", " without "),
    (
        r"\b[rh]\s*/\s*o\b|\bs\s*/\s*p\b|\bd\s*/?\s*dx?\b",
        f" {DOUBT} ",
    ),  # rule out, history of, status post, differential
    (r"\bw\s*/\s*(?=\w)", " with "),
    (r"\+\s*/\s*-|-\s*/\s*\+|±|∓", f" {DOUBT} "),
    (r"\+\s*ve\b", f" {PLUS} "),
    (r"-\s*ve\b", f" {MINUS} "),
    (r"\bcan\s*not\b|\bcan't\b|\bcouldn't\b", f" {DOUBT} "),
    (r"n't\b", " not "),
)
_OPEN, _CLOSE = r"[(\[{]", r"[)\]}]"
#: Where a run of `+` and `-` is a sign and no hyphen: in brackets, at an end, or glued to one side of a word.
_SIGNS = (
    rf"{_OPEN}\s*([-+]+)\s*{_CLOSE}",
    r"^\s*([-+]+)(?=\s|$|\w)",
    r"(?<=[\s:=])([-+]+)\s*$",
    r"(?<=\w)([-+]+)(?=\s*$|[\s,;:.)\]}/|])",
    r"(?<=[\s,;:=(\[{/|])([-+]+)(?=\w)",
)
_NUMBER = re.compile(r"([+-]?)(\d+)(?:[.,]0+)?")


def tokens(label: str) -> list[str]:
    """A label as words in lower case without accents, with its signs as `PLUS`, `MINUS`, `DOUBT` and `LIST`.

    Example:
        >>> tokens("Fracture (−)"), tokens("NoTumour"), tokens("COVID-19"), tokens("pneumonia?")
        (['fracture', '⊖'], ['no', 'tumor'], ['covid', '19'], ['pneumonia', '?'])
        >>> tokens("-1"), tokens("1.0"), tokens("-"), tokens("0.5")
        (['-1'], ['1'], ['⊖'], ['0.5'])
    """
    plain = unicodedata.normalize("NFKC", label).translate(_DASHES).strip()
    if number := _NUMBER.fullmatch(plain):
        value = str(int(number[2]))
        return [f"-{value}" if number[1] == "-" and value != "0" else value]
    if re.fullmatch(r"[+-]?\d+[.,]\d+", plain):
        return [plain.replace(",", ".")]
    bare = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", " ", bare).casefold().replace("_", " ")
    for british, american in _SPELLINGS:
        parted = parted.replace(british, american)
    return _parted(_with_signs(parted))


def _with_signs(text: str) -> str:
    """A text whose abbreviations and signs are tokens of their own."""
    for pattern, token in _ABBREVIATIONS:
        text = re.sub(pattern, token, text)
    text = re.sub(rf"{_OPEN}\s*{_CLOSE}", f" {DOUBT} ", text)  # a box that nobody ticked, or a gap
    for pattern in _SIGNS:
        text = re.sub(pattern, lambda found: f" {_sign(found[1])} ", text)
    return text.translate(_MARKS)


def _sign(run: str) -> str:
    return DOUBT if "+" in run and "-" in run else PLUS if "+" in run else MINUS


def _parted(text: str) -> list[str]:
    found: list[str] = []
    for part in re.findall(r"[^\W_]+|[^\w\s]", text):
        if part[0].isalnum() or part in {PLUS, MINUS, DOUBT}:
            found.append(part)
        elif part in ",;/\\&+|":
            found.append(LIST)
        elif part not in "-.:()[]{}'\"’#":
            found.append(DOUBT)
    while found and found[-1] == LIST:
        found.pop()
    return found
