"""The kinds of image that a scan can be recognised as: those that models here were trained on, and no others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of image.

    Attributes:
        slug: Short and stable; cards name the kinds that a model knows by it.
        noun: In words that stand after "looks like", e.g. `"a breast ultrasound"`.
        modality: DICOM modalities (PS3.3 C.7.3.1.1.1) that such an image may have.
        body_part: Words in lower case of which a file's body part holds one, if it is of this kind.
        variants: What such images can further be told apart by, slug to words, e.g. `{"flair": "FLAIR"}`; empty where
            there is one kind only.
    """

    slug: str
    noun: str
    modality: tuple[str, ...]
    body_part: tuple[str, ...]
    variants: tuple[tuple[str, str], ...] = ()

    @property
    def variant_words(self) -> dict[str, str]:
        """Slug to words of each variant."""
        return dict(self.variants)


_RADIOGRAPH = ("CR", "DR", "DX", "RG")

_LIMB = (
    "extremity", "arm", "hand", "finger", "thumb", "wrist", "elbow", "humerus", "radius", "ulna", "shoulder",
    "clavicle", "scapula", "hip", "pelvis", "femur", "thigh", "knee", "patella", "leg", "tibia", "fibula", "ankle",
    "foot", "heel", "calcaneus", "toe", "joint",
)  # fmt: skip

_ALL = (
    Kind(
        "chest-radiograph", "a chest radiograph", _RADIOGRAPH, ("chest", "thorax", "lung", "rib"),
        (("child", "of a child"), ("adult", "of an adult")),
    ),
    Kind("limb-radiograph", "a radiograph of a limb or joint", _RADIOGRAPH, _LIMB),
    Kind("limb-cut-out", "a cut-out of a radiograph of a limb", _RADIOGRAPH, _LIMB),
    Kind(
        "dental-panoramic", "a panoramic dental radiograph", ("PX", "IO", *_RADIOGRAPH),
        ("jaw", "teeth", "tooth", "dental", "mandible", "maxilla", "head", "skull"),
    ),
    Kind("fundus", "a fundus photograph", ("OP", "XC"), ("eye", "retina")),
    Kind("breast-ultrasound", "a breast ultrasound", ("US",), ("breast",)),
    Kind(
        "chest-ct", "a CT slice of the chest", ("CT",), ("chest", "lung", "thorax"),
        (("lung-window", "in a lung window"), ("soft-tissue-window", "in a soft-tissue window")),
    ),
    Kind(
        "brain-mri", "an MRI of the brain", ("MR",), ("brain", "head", "skull"),
        (("flair", "FLAIR"), ("t1", "T1-weighted"), ("t1-contrast", "T1-weighted after contrast")),
    ),
    Kind("heart-mri", "a short-axis MRI of the heart", ("MR",), ("heart", "cardiac")),
    Kind("nodule-cut-out", "a cut-out of a chest CT", ("CT",), ("chest", "lung", "thorax")),
)  # fmt: skip

#: Slug to kind. One entry here, and cases of it in `core.training.recogniser.cases`, make a kind known.
KINDS: dict[str, Kind] = {kind.slug: kind for kind in _ALL}


def is_kind(entry: str) -> bool:
    """Whether what a card says under `kinds` is one: a slug, or a slug and one of its variants.

    Example:
        >>> is_kind("brain-mri"), is_kind("brain-mri/flair"), is_kind("brain-mri/adult")
        (True, True, False)
    """
    slug, _, variant = entry.partition("/")
    return slug in KINDS and ("/" not in entry or variant in KINDS[slug].variant_words)
