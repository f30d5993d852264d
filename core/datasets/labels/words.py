"""What labels say, as far as spelling, grammar and a few plain synonyms go.

A label says that something is there, that it is not, or leaves it open. What is not understood to the last word stays
open: a wrong guess would be a wrong truth for every case of that label.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.datasets.labels.signs import (
    DOUBT,
    LIST,
    MINUS,
    PLUS,
    tokens,
    words_in,
)

#: English first, then what German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish and Polish sets say.
_NEGATIONS = words_in(
    "no non not without absent absence free negative neg un nil lack lacks lacking denies denied deny excluded never "
    "kein keine keinen keiner keines ohne nicht negativ frei nein ausgeschlossen sans pas aucun aucune negatif absence "
    "sin ningun ninguna negativo negativa senza nessun nessuna assente sem nao ausente geen zonder niet ingen inga "
    "utan ikke uden brak bez"
) | {MINUS}
_AFFIRMATIONS = words_in(
    "yes true positive pos present detected confirmed proven diagnosed seen visible evident found affected "
    "positiv positif positivo positiva vorhanden presente ja oui si"
) | {PLUS}
_UNSURE = words_in(
    "possible possibly probable probably likely unlikely improbable suspected suspicion suspicious susp questionable "
    "uncertain equivocal indeterminate inconclusive undetermined doubtful borderline maybe perhaps history hx post "
    "prior previous old former past resolved resolving treated healed rule versus vs or unclear except other others "
    "besides fraglich verdacht moglich soupcon sospecha"
) | {DOUBT}
#: Of these one after a negation adds nothing: "no fracture seen".
_SEEN = words_in("present detected confirmed proven diagnosed seen visible evident found affected")
#: Written together with the word: `notumor`, `fractureneg`.
_PREFIXES = ("non", "not", "no", "un", "without", "ohne", "sans", "sin", "kein", "keine")
_ENDINGS = {
    **dict.fromkeys(("free", "less", "negative", "neg", "absent"), MINUS),
    **dict.fromkeys(("positive", "pos", "present"), PLUS),
}
#: Words that do not change what a label says.
_FILLERS = words_in(
    "the a an of with in is are was class label finding findings image images picture pictures for evidence sign signs "
    "any case cases patient patients mit von der die das de la le"
)
#: The whole label, where it says no more than yes or no.
_NOTHING = frozenset(
    {"no finding", "no findings", "no abnormality", "no abnormalities", "nothing", "none", "no disease", "kein befund"}
)
_ABNORMAL = words_in("abnormal abnormality pathological pathology diseased disease sick patient ill")

#: Words that mean the same wherever they stand for a label.
_SYNONYMS: dict[str, str] = {
    **dict.fromkeys(
        words_in(
            "healthy unremarkable physiological control norm inconspicuous unauffallig unauffaellig gesund sain sano "
            "sana"
        ),
        "normal",
    ),
    **dict.fromkeys(
        words_in("malignant malignancy malign carcinoma cancerous adenocarcinoma maligne bosartig"), "cancer"
    ),
    **dict.fromkeys(words_in("benigne gutartig benigno benigna"), "benign"),
    **dict.fromkeys(words_in("dr npdr"), "retinopath"),
    "proliferate": "proliferativ",
    "neoplasm": "tumor",
    "broken": "fractur",
    "cxr": "chest",
    **dict.fromkeys(words_in("bacteria bacterial"), "bacteri"),
    **dict.fromkeys(words_in("virus viral"), "vir"),
}


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


#: Where it is and how it was taken: says nothing of what was found.
PLACES = frozenset(
    stem(word)
    for word in words_in(
        "chest thorax thoracic lung lungs pulmonary brain head breast bone limb arm leg hand wrist hip knee ankle foot "
        "shoulder elbow forearm finger spine rib pelvis eye retina retinal fundus heart cardiac x ray xray radiograph "
        "ct mri mr scan us ultrasound mammogram pa ap lateral frontal pediatric paediatric adult child children"
    )
)
#: Which kind of it: what has one of these is still what it is.
KINDS = frozenset(
    stem(word)
    for word in words_in(
        "bacterial viral fungal atypical acute chronic mild moderate severe advanced diffuse focal extensive small "
        "large left right bilateral unilateral upper lower middle lobe lobar interstitial aspiration community "
        "hospital acquired displaced nondisplaced comminuted spiral transverse oblique greenstick buckle hairline "
        "compression simple compound open closed primary invasive ductal lobular metastatic squamous cell disease"
    )
)


@dataclass(frozen=True)
class Meaning:
    """A label taken apart.

    Attributes:
        text: Its tokens, parted by single blanks.
        words: Stems of the words that carry the meaning.
        negated: Whether it says that something is not there.
        affirmed: Whether it says in so many words that something is there.
        unsure: Whether it leaves that open, or cannot be understood.
    """

    text: str
    words: frozenset[str]
    negated: bool
    affirmed: bool = False
    unsure: bool = False

    @property
    def is_normal(self) -> bool:
        """Says that nothing at all was found."""
        return self.text in _NOTHING or (
            "normal" in self.words and self.words - PLACES == {"normal"} and not self.negated and not self.unsure
        )

    @property
    def is_abnormal(self) -> bool:
        """Says that something was found, not what."""
        return self.text in _ABNORMAL


def plain_text(label: str) -> str:
    """A label in lower case, without accents, words and signs parted by blanks.

    Example:
        >>> plain_text("Non_Fractured"), plain_text("NoTumour"), plain_text("COVID-19")
        ('non fractured', 'no tumor', 'covid 19')
    """
    return " ".join(tokens(label))


def meaning(label: str, known: frozenset[str] = frozenset()) -> Meaning:
    """Take a label apart.

    A label with two negations, or with a negation beside "positive", is unsure, as is one that negates a member of a
    list: nobody can tell how far the negation goes.

    Args:
        label: As the dataset or the model has it.
        known: Stems of other labels, by which `notumor` is told from `nodule`.

    Example:
        >>> meaning("no evidence of pneumonia").negated, meaning("pneumonia not excluded").unsure
        (True, True)
    """
    parts = _without_phrases(tokens(label))
    text = " ".join(parts)
    words: set[str] = set()
    negations = affirmations = 0
    unsure = False
    for token, before in zip(parts, ["", *parts], strict=False):
        if token in _NEGATIONS:
            negations += 1
        elif token in _AFFIRMATIONS:
            affirmations += before not in _NEGATIONS and not (negations and token in _SEEN)
        elif token in _UNSURE or (len(parts) == 1 and re.fullmatch(r"-\d+", token)):
            unsure = True
        elif token not in _FILLERS and token not in {LIST, "and"}:
            word, sign = _joined(token, known)
            words.add(word)
            negations, affirmations = negations + (sign == MINUS), affirmations + (sign == PLUS)
    unsure = unsure or negations > 1 or (negations > 0 and affirmations > 0)
    unsure = unsure or (negations > 0 and (LIST in parts or "and" in parts))
    return Meaning(text, frozenset(words), negations > 0, affirmations > 0, unsure)


def _without_phrases(parts: list[str]) -> list[str]:
    """`ruled out` is a no, `rule out` a task that somebody was given."""
    text = f" {' '.join(parts)} "
    text = re.sub(r" (ruled|rules) out ", " excluded ", text)
    text = re.sub(r" (rule out|other than|but not|status post|free text) ", f" {DOUBT} ", text)
    return text.split()


def _joined(token: str, known: frozenset[str]) -> tuple[str, str]:
    """The stem of a token, and the sign that is written together with it: `nonfractured`, `fractureneg`."""
    for prefix in _PREFIXES:
        if token.startswith(prefix) and len(token) >= len(prefix) + 4 and stem(token[len(prefix) :]) in known:
            return stem(token[len(prefix) :]), MINUS
    for ending, sign in _ENDINGS.items():
        if token.endswith(ending) and len(token) >= len(ending) + 4 and stem(token[: -len(ending)]) in known:
            return stem(token[: -len(ending)]), sign
    return stem(token), ""
