"""The catalogue of openly licensed test cases: where each lies, what is true of it, and under which licence.

`catalogue.csv` has one row for each case, as UTF-8 text: its address, sha256 and size, the licence and whom to credit,
the true label for each model that was tested on it, and the mask where there is one. All cases are of the test splits
of the models that are named.
"""

from __future__ import annotations

import csv
import io
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal, get_args
from urllib.parse import unquote, urlsplit

from core.bounded import read_text

FILE = Path(__file__).with_name("catalogue.csv")
#: Names another file of the same form, such as that of a school which serves the cases itself.
CATALOGUE_VARIABLE = "SCANLENS_SAMPLES"
#: Bytes of one file of the catalogue.
MOST_BYTES = 64 << 20

#: Key to what a use case is called, in the order of the gallery.
USE_CASES: Mapping[str, str] = MappingProxyType(
    {
        "chest": "Chest X-ray",
        "limb": "Limb X-ray",
        "teeth": "Teeth X-ray",
        "fundus": "Fundus",
        "breast": "Breast ultrasound",
        "lung": "Lung CT",
        "brain": "Brain MRI",
        "heart": "Heart MRI",
    }
)

#: Beginning of a case's key to what it shows, its kind of image, and one sentence that gives no diagnosis away.
_SHOWN: Mapping[str, tuple[str, str, str]] = {
    "chest-child": ("Chest of a child", "Radiograph", "From the front, of a child of one to five years."),
    "limb": ("Limb or joint", "Radiograph", "A radiograph of a limb or a joint."),
    "limb-part": ("Part of a limb", "Radiograph, cut-out", "A square that was cut out of a radiograph."),
    "teeth": ("Teeth and jaws", "Radiograph, panoramic", "All teeth of both jaws in one image."),
    "fundus": ("Back of the eye", "Fundus photograph", "The retina with its vessels and the optic disc."),
    "fundus-lesions": ("Back of the eye, with mask", "Fundus photograph", "Hard exudates were outlined by hand."),
    "breast": ("Breast", "Ultrasound", "An ultrasound image of the breast."),
    "breast-lesion": ("Breast, with mask", "Ultrasound", "What there is of a lesion was outlined by hand."),
    "lung": ("Chest, one slice", "CT", "A slice through the lungs as an image, without Hounsfield units."),
    "brain-tumour": ("Head, one slice", "MR", "A slice of the head, in one sequence."),
    "glioma": ("Brain, three sequences", "MR", "One slice before contrast, as FLAIR and after contrast."),
    "flair": ("Brain, FLAIR with mask", "MR", "A FLAIR slice; what there is of a tumour was outlined by hand."),
    "heart": ("Beating heart, short axis", "MR, NIfTI", "Slices of the heart over one beat: play the middle one."),
}

View = Literal["", "crop", "sequences", "cine", "cine-upside-down"]


class InvalidCatalogue(ValueError):
    """A row of the catalogue that cannot be used; the text says which and why."""


@dataclass(frozen=True)
class RemoteFile:
    """One file at its publisher.

    Attributes:
        address: Of the file, by HTTPS.
        sha256: Of its bytes, hexadecimal.
        size: Bytes.
    """

    address: str
    sha256: str
    size: int

    @property
    def host(self) -> str:
        """The computer that it is fetched from."""
        return urlsplit(self.address).netloc

    @property
    def suffix(self) -> str:
        """The extensions of a file, such as `".nii.gz"`; `""` where there are none."""
        found = re.search(r"(\.nii)?\.[A-Za-z0-9]+$", PurePosixPath(unquote(urlsplit(self.address).path)).name)
        return found.group().lower() if found else ""


@dataclass(frozen=True)
class CatalogueCase:
    """One case.

    Attributes:
        key: Short and stable, for addresses, widgets and folders; it gives no diagnosis away.
        use_case: Key in `USE_CASES`.
        truths: Slug of a model to the true label in its words; several labels are joined by `"; "`.
        file: The scan.
        mask: What was outlined by hand, or None.
        mask_label: The label that the mask shows.
        licence: As its publisher states it.
        licence_status: What is known of that statement: `"clear"`, or what is doubtful.
        credit: Whom to name.
        view: What of the file is shown: all, a part, three sequences that lie in its colours, or a slice over time,
            which may be turned upside down to lie as it did in training.
        box: Left, top, width and height in pixels where a part is shown.
        facts: What the publisher says of the patient, such as `"height 175 cm, weight 87 kg"`, or `""`.
        test_case: Its name in the test split of the models.
    """

    key: str
    use_case: str
    truths: Mapping[str, str]
    file: RemoteFile
    mask: RemoteFile | None
    mask_label: str
    licence: str
    licence_status: str
    credit: str
    view: View
    box: tuple[int, int, int, int] | None
    facts: str
    test_case: str

    @property
    def _shown(self) -> tuple[str, str, str]:
        return _SHOWN[self.key.rpartition("-")[0]]

    @property
    def title(self) -> str:
        """What it shows, in a few words, with its number."""
        return f"{self._shown[0]}, {self.key.rpartition('-')[2]}"

    @property
    def modality(self) -> str:
        """The kind of image, in words."""
        return self._shown[1]

    @property
    def sentence(self) -> str:
        """One sentence on what is to be seen."""
        return self._shown[2]

    @property
    def origin(self) -> str:
        """Whom to credit, and the licence; what is doubtful of it is said."""
        doubt = self.licence_status.removeprefix("clear").lstrip(", ")
        doubt = f" ({doubt})" if doubt else ""
        return f"{self.credit.rstrip('.')}. Licence: {self.licence}{doubt}."

    def fact(self, name: str) -> float | None:
        """A number among the facts, such as that of `"height"`; None where there is none."""
        found = re.search(rf"\b{re.escape(name)} (\d+(?:\.\d+)?)", self.facts)
        return float(found[1]) if found else None

    @property
    def files(self) -> tuple[RemoteFile, ...]:
        """All that is fetched for it."""
        return (self.file,) if self.mask is None else (self.file, self.mask)

    @cached_property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The computers that it is fetched from."""
        return tuple(dict.fromkeys(file.host for file in self.files))


def read_catalogue(path: Path) -> tuple[CatalogueCase, ...]:
    """All cases of a catalogue, in its order.

    Args:
        path: A file such as `catalogue.csv`.

    Raises:
        InvalidCatalogue: A row lacks something, or says something impossible.
        ValueError: It is no text, or too large.
        OSError: There is no such file.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise InvalidCatalogue(f"{path.name}: {error}") from error
    found = []
    for number, row in enumerate(rows, 2):
        try:
            found.append(_case(row))
        except (KeyError, ValueError, TypeError, AttributeError) as error:  # what short rows lack is None
            raise InvalidCatalogue(f"Line {number} of {path.name}: {error}") from error
    if len({case.key for case in found}) < len(found):
        raise InvalidCatalogue(f"Two cases of {path.name} share a key")
    return tuple(found)


def _case(row: Mapping[str, str]) -> CatalogueCase:
    key = row["key"]
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*-\d+", key) or key.rpartition("-")[0] not in _SHOWN:
        raise ValueError(f"the key {key!r}")  # it becomes the name of a folder
    if row["use_case"] not in USE_CASES or not row["licence"] or not row["credit"]:
        raise ValueError("the use case, the licence or the credit")
    pairs = [pair.partition(": ") for pair in row["truths"].split(" | ")]
    if not all(slug and label for slug, _, label in pairs):
        raise ValueError("the true labels")
    view, _, numbers = row["view"].partition(" ")
    if view not in get_args(View):
        raise ValueError(f"the view {view!r}")
    box = tuple(int(number) for number in numbers.split())
    if len(box) != (4 if view == "crop" else 0):
        raise ValueError("the part that is shown")
    return CatalogueCase(
        key, row["use_case"], {slug: label for slug, _, label in pairs},
        _remote(row["address"], row["sha256"], row["bytes"]),
        _remote(row["mask_address"], row["mask_sha256"], row["mask_bytes"]) if row["mask_address"] else None,
        row["mask_label"], row["licence"], row["licence_status"], row["credit"], view,  # type: ignore[arg-type]
        box or None, row["facts"], row["test_case"],  # type: ignore[arg-type]
    )  # fmt: skip


def _remote(address: str, sha256: str, size: str) -> RemoteFile:
    parts = urlsplit(address)
    # By HTTPS; this computer alone is trusted without, which is what tests serve from.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname == "127.0.0.1"):
        raise ValueError(f"the address {address!r}")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not 0 < int(size) <= MOST_BYTES:
        raise ValueError("the hash or the size")
    return RemoteFile(address, sha256, int(size))


def chosen_catalogue(environment: Mapping[str, str]) -> tuple[CatalogueCase, ...]:
    """The cases of the file that `SCANLENS_SAMPLES` names, of the one that ships without it or where it is broken.

    Args:
        environment: Variables, such as `os.environ`.
    """
    path = environment.get(CATALOGUE_VARIABLE, "").strip()
    if path:
        try:
            return read_catalogue(Path(path).expanduser())
        except (OSError, ValueError) as error:
            logging.getLogger("scanlens").warning(
                "%s cannot be used, so the samples are those that ship: %s", CATALOGUE_VARIABLE, error
            )
    return read_catalogue(FILE)


CASES: tuple[CatalogueCase, ...] = chosen_catalogue(os.environ)
_BY_KEY = {case.key: case for case in CASES}


def case_by_key(key: str) -> CatalogueCase | None:
    """The case with a key, None where there is none."""
    return _BY_KEY.get(key)


def cases_for(slug: str) -> tuple[CatalogueCase, ...]:
    """The cases that a model was tested on, in the order of the catalogue.

    Args:
        slug: Of the model.
    """
    return tuple(case for case in CASES if slug in case.truths)
