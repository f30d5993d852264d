"""Text for fonts that cannot write everything.

The images and the page use fonts that come with Pillow and with every PDF reader, so that a report looks the same on
each machine. They know Latin letters only; what they lack is replaced by the nearest thing they have.
"""

from __future__ import annotations

import unicodedata

#: Signs without a decomposition that medical labels and units use.
_NEAREST = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": "x", "≥": ">=", "≤": "<=", "≈": "~", "≠": "!=", "→": "->",
    "←": "<-", "◇": "", "…": "...", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "•": "-", "µ": "u", "μ": "u",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "λ": "lambda", "σ": "sigma", "Δ": "Delta", "ß": "ss",
    "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "đ": "d", "ı": "i",
}  # fmt: skip


def printable(text: str, encoding: str) -> str:
    """The text in letters that the encoding has, on one line and without control characters.

    Args:
        text: Anything, also from a stranger's model card.
        encoding: `"ascii"` for burnt-in captions, `"cp1252"` for the page.

    Example:
        >>> printable("Ménière ≥ 2 × 3 – 東", "ascii"), printable("Ménière ≥ 2 × 3 – 東", "cp1252")
        ('Meniere >= 2 x 3 - ?', 'Ménière >= 2 × 3 – ?')
    """
    joined = " ".join("".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text).split())
    return "".join(_letter(letter, encoding) for letter in unicodedata.normalize("NFC", joined))


def _letter(letter: str, encoding: str) -> str:
    if _has(letter, encoding):
        return letter
    if letter in _NEAREST:
        return _NEAREST[letter]
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    if plain and _has(plain, encoding):
        return plain
    return "" if unicodedata.category(letter) in {"Mn", "Cf"} else "?"


def _has(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def shortened(text: str, longest: int) -> str:
    """At most `longest` characters, cut between words where there is one to cut at.

    Example:
        >>> shortened("likely benign lesion", 14)
        'likely benign…'
    """
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > longest // 2 else cut).rstrip() + "…"
