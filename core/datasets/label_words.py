"""What labels say, as far as spelling, grammar and a few plain synonyms go."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.datasets.columns import words_in

_NEGATIONS = words_in("no non not without absent absence free negative un")
_FILLERS = words_in("the a an of with in is are class label finding findings picture image")
_SPELLINGS = (
    ("oedema", "edema"), ("tumour", "tumor"), ("haem", "hem"), ("anaem", "anem"), ("oesoph", "esoph"),
    ("leukaem", "leukem"), ("ischaem", "ischem"), ("calibre", "caliber"), ("grey", "gray"),
)  # fmt: skip
#: Words that mean the same wherever they stand for a label.
_SYNONYMS: dict[str, str] = {
    "healthy": "normal",
    "unremarkable": "normal",
    "physiological": "normal",
    "control": "normal",
    "norm": "normal",
    "malignant": "cancer",
    "malignancy": "cancer",
    "carcinoma": "cancer",
    "cancerous": "cancer",
    "neoplasm": "tumor",
    "broken": "fractur",
    "cxr": "chest",
}
_UNSURE = words_in("possible possibly probable suspected suspicion questionable history rule versus vs or unclear")
_YES = words_in("1 yes true positive present y pos")
_NO = words_in("0 no false negative absent n neg")


@dataclass(frozen=True)
class Meaning:
    """A label taken apart.

    Attributes:
        text: In lower case, words parted by single blanks, without accents.
        words: Stems of the words that carry the meaning.
        negated: Whether it says that something is not there.
    """

    text: str
    words: frozenset[str]
    negated: bool

    @property
    def is_yes(self) -> bool:
        """Says no more than that it is there."""
        return self.text in _YES

    @property
    def is_no(self) -> bool:
        """Says no more than that it is not there."""
        return self.text in _NO

    @property
    def is_normal(self) -> bool:
        """Says that nothing at all was found."""
        return (self.words == {"normal"} and not self.negated) or self.text in _NOTHING

    @property
    def is_unsure(self) -> bool:
        """Says that it may be there, or was once."""
        return bool(_UNSURE & set(self.text.split()))

    @property
    def is_abnormal(self) -> bool:
        """Says that something was found, not what."""
        return self.text in {"abnormal", "pathological", "diseased", "disease", "sick", "patient", "ill"}


_NOTHING = frozenset({"no finding", "no findings", "no abnormality", "nothing", "none", "no disease"})


def plain_text(label: str) -> str:
    """A label in lower case, without accents, words parted by blanks.

    Example:
        >>> plain_text("Non_Fractured"), plain_text("NoTumour"), plain_text("COVID-19")
        ('non fractured', 'no tumor', 'covid 19')
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    bare = "".join(c for c in unicodedata.normalize("NFKD", parted) if not unicodedata.combining(c)).casefold()
    for british, american in _SPELLINGS:
        bare = bare.replace(british, american)
    return " ".join(re.findall(r"[0-9a-z+]+", bare))


def stem(word: str) -> str:
    """A word without the endings that part "fracture", "fractures" and "fractured".

    Example:
        >>> {stem(word) for word in ("fracture", "fractures", "fractured")}
        {'fractur'}
    """
    short = word
    for ending in ("ies", "es", "s", "ed", "e", "y", "al"):
        if short.endswith(ending) and len(short) - len(ending) >= 4 and not short.endswith(("ss", "is", "us")):
            short = short[: -len(ending)]
            break
    return _SYNONYMS.get(word, _SYNONYMS.get(short, short))


def meaning(label: str, known: frozenset[str] = frozenset()) -> Meaning:
    """Take a label apart.

    Args:
        label: As the dataset or the model has it.
        known: Stems of other labels, by which `notumor` is told from `nodule`.
    """
    text = plain_text(label)
    tokens = text.split()
    found: set[str] = set()
    negated = False
    for token in tokens:
        joined = re.fullmatch(r"(no|non|un)([a-z]{4,})", token)
        if token in _NEGATIONS and len(tokens) > 1:
            negated = not negated
        elif joined and stem(joined[2]) in known:
            negated = not negated
            found.add(stem(joined[2]))
        elif token not in _FILLERS:
            found.add(stem(token))
    return Meaning(text, frozenset(found), negated)
