"""Which of the opened scans is which input of a model.

Told by what the files say: the kind of stack, the modality, and words of the series' description. It is a proposal; the
user can swap by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import IncompatibleInput
from core.models.card import InputSpec, ModelCard
from core.models.compatibility import UNTELLING, input_fit
from core.scan import Scan


def match_scans(card: ModelCard, scans: Sequence[Scan]) -> dict[str, int]:
    """Input name to index of the scan that suits it best; each scan is used once, what suits nothing is left out.

    Args:
        card: The model.
        scans: All that is open.
    """
    pairs = [
        (_suits(card, spec, scan), -place, -index, spec.name, index)
        for place, spec in enumerate(card.inputs)
        if spec.is_image
        for index, scan in enumerate(scans)
    ]
    found: dict[str, int] = {}
    for suits, _, _, name, index in sorted(pairs, reverse=True):
        if suits > 0 and name not in found and index not in found.values():
            found[name] = index
    return found


def _suits(card: ModelCard, spec: InputSpec, scan: Scan) -> int:
    """0 for not at all; words count most, a modality that is named and right more than one that is not named."""
    if not input_fit(card, spec, scan).fits:
        return 0
    words = " ".join([scan.title, *scan.facts.values()]).lower()
    named = sum(word in words for word in spec.describe)
    others = {word for other in card.inputs if other.name != spec.name for word in other.describe}
    if not named and any(word in words for word in others):
        return 0  # it says that it is another input
    return 1 + (scan.modality not in UNTELLING) + 4 * named


def check_one_patient(scans: Mapping[str, Scan]) -> None:
    """Refuse series that say they are of different patients; a file that does not say is not held against it.

    Raises:
        IncompatibleInput: They are.
    """
    if len({scan.patient for scan in scans.values() if scan.patient}) > 1:
        raise IncompatibleInput(
            "The files of these series name different patients", "choose series that belong together"
        )
