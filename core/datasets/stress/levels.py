"""Stressed copies of a dataset, made on the fly: where does which model break?

In the spirit of MedMNIST-C (Di Salvo et al. 2024, arXiv:2406.17536) and of ImageNet-C (Hendrycks and Dietterich 2019,
arXiv:1903.12261): each stress has five strengths, and the image that it makes of a case is always the same. It acts
on the scan before the model's own preparation, so every model meets it through its contract: one that sets its grey
levels by percentiles does not notice a lower contrast, and that is a result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case, CaseTable, Dataset, UnusableDataset
from core.datasets.digest import digest_of_variant, fingerprint
from core.datasets.stress import effects
from core.readers.source import Source
from core.scan import Scan, Step, percentile_window

STRENGTHS = (1, 2, 3, 4, 5)

#: An image (rows, columns[, 3]) float32 with 0 black and 1 white, a strength from 1 to 5, and a source of chance.
Effect = Callable[[NDArray[np.float32], int, np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True)
class Stress:
    """One way in which images get worse.

    Attributes:
        name: Short, as in names of datasets.
        title: For people.
        meaning: One sentence: what it stands for, and what changes with the strength.
        source: Where the idea is from.
        apply: Gives the stressed image; values may leave 0 to 1 where the scan's do.
    """

    name: str
    title: str
    meaning: str
    source: str
    apply: Effect


_C = "Hendrycks and Dietterich 2019 (ImageNet-C)"
_MEDMNIST = "Di Salvo et al. 2024 (MedMNIST-C)"

STRESSES: dict[str, Stress] = {
    stress.name: stress
    for stress in (
        Stress(
            "noise", "Noise of a low dose",
            "Fewer photons: the noise of counting grows where the body is dense, and electronics add their own.",
            "Žabić et al. 2013, doi:10.1118/1.4789628, to first order; " + _MEDMNIST, effects.low_dose_noise,
        ),
        Stress(
            "blur", "Blur", "A focus, a detector or a patient that was not still: Gaussian, up to 4.5 pixels in 256.",
            _C, effects.blur,
        ),
        Stress(
            "contrast", "Low contrast", "Grey levels drawn together around their mean, down to a fifth.",
            f"{_C}; {_MEDMNIST}", effects.contrast,
        ),
        Stress(
            "gamma", "Gamma", "Another tone curve, as another console or printer has it: middle greys get darker.",
            _MEDMNIST, effects.gamma,
        ),
        Stress(
            "resolution", "Low resolution",
            "Shrunk to 128, 96, 64, 48 and 28 pixels on the long side and enlarged again, as thumbnails are.",
            f"{_C}; {_MEDMNIST}", effects.resolution,
        ),
        Stress(
            "jpeg", "JPEG", "Saved as JPEG of quality 50, 30, 18, 10 and 5.", f"{_C}; {_MEDMNIST}", effects.jpeg,
        ),
        Stress(
            "bias", "Bias field",
            "A smooth shading, as coils of MR make it: the exponential of a random polynomial of third order.",
            "Van Leemput et al. 1999, doi:10.1109/42.811268; Sudre et al. 2017; " + _MEDMNIST, effects.bias_field,
        ),
        Stress(
            "inverted", "Inverted grey scale",
            "Dark and bright turned round as by a wrong MONOCHROME tag; strengths 1 to 4 turn only the brightest part.",
            "DICOM PS3.3 C.7.6.3.1.2; solarisation", effects.inverted,
        ),
        Stress(
            "rotation", "Rotation", "Turned about the centre by 3, 7, 12, 20 and 30 degrees, left or right by chance.",
            _C, effects.rotation,
        ),
        Stress(
            "marker", "Marker in the corner",
            "A letter of lead in a corner, from a twentieth to a fifth of the side: a shortcut where there was none.",
            "DeGrave et al. 2021, doi:10.1038/s42256-021-00338-7", effects.marker,
        ),
    )
}  # fmt: skip


def stressed(dataset: Dataset, name: str, strength: int) -> Dataset:
    """A dataset of its own, `<dataset>~<stress>-<strength>`, whose images are stressed as they are read.

    Args:
        dataset: Any that is not stressed itself.
        name: Key in `STRESSES`.
        strength: 1 to 5.

    Raises:
        UnusableDataset: There is no such stress or strength, or the dataset is stressed already.
    """
    if name not in STRESSES or strength not in STRENGTHS:
        raise UnusableDataset(
            f"one of {', '.join(STRESSES)} in strengths 1 to 5", f"{name} in strength {strength}", "choose another"
        )
    if dataset.variant:
        raise UnusableDataset(f"{dataset.title} is stressed already", "choose the original")
    variant = f"{name}-{strength}"
    copy = replace(dataset, variant=variant)
    return replace(
        copy,
        name=f"{dataset.name}~{variant}",
        title=f"{dataset.title}, {STRESSES[name].title.lower()} {strength} of 5",
        read=lambda case: stress_scan(dataset.read(case), name, strength, case),
        table=None if dataset.table is None else StressedTable(dataset.table, name, strength),
        digest=digest_of_variant(dataset.digest, variant),
        fingerprint=fingerprint(copy) if dataset.fingerprint else "",
    )


@dataclass(frozen=True, eq=False)
class StressedTable:
    """The table of a stressed copy: its scans are stressed as they are read, its cells and masks are not.

    Attributes:
        table: Of the original.
        name: Key in `STRESSES`.
        strength: 1 to 5.
    """

    table: CaseTable
    name: str
    strength: int

    @property
    def column(self) -> str:
        """Column that the images of the original were opened by."""
        return self.table.column

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings of the original."""
        return self.table.columns

    @property
    def image_columns(self) -> tuple[str, ...]:
        """Headings of the original whose cells name files."""
        return self.table.image_columns

    def cell(self, case: Case, column: str) -> str:
        """The text of a case in a column."""
        return self.table.cell(case, column)

    def has(self, case: Case, column: str) -> bool:
        """Whether a case has files in a column."""
        return self.table.has(case, column)

    def sources(self, case: Case, column: str) -> list[Source]:
        """The files of a case in a column, as they are stored."""
        return self.table.sources(case, column)

    def read_column(self, case: Case, column: str) -> Scan:
        """The stressed scan of a case in a column."""
        return stress_scan(self.table.read_column(case, column), self.name, self.strength, case)


def stress_scan(scan: Scan, name: str, strength: int, case: Case) -> Scan:
    """A scan made worse, in the same units, type and size.

    Chance is drawn from the name of the case, not from the strength, so that strengths differ in amount alone.

    Args:
        scan: The original.
        name: Key in `STRESSES`.
        strength: 1 to 5.
        case: The case that the scan belongs to.
    """
    stress = STRESSES[name]
    low, high = grey_range(scan)
    pixels = np.empty_like(scan.pixels)
    for index in range(scan.frames):
        frame = scan.frame(index)
        away = np.zeros(frame.shape, bool) if scan.padding is None else frame == scan.padding
        away |= ~np.isfinite(frame)
        levels = np.where(away, 0.0, (frame - low) / (high - low)).astype(np.float32)
        # Where a stack is turned, marked or shaded, it is so as a whole; only noise differs from frame to frame.
        seed = f"{case.name}\n{name}\n{index if name == 'noise' else 0}"
        draw = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
        worse = stress.apply(levels, strength, draw)
        stored = _stored(worse * (high - low) + low, scan.pixels.dtype)
        pixels[index] = np.where(away, scan.pixels[index], stored)
    step = Step("Stress", f"{stress.title.lower()}, strength {strength} of 5; not the original image")
    return replace(
        scan,
        pixels=pixels,
        digest=hashlib.sha256(f"{scan.digest}~{name}-{strength}~{case.name}".encode()).hexdigest(),
        title=f"{scan.title}, {stress.title.lower()} {strength} of 5",
        provenance=(*scan.provenance, step),
    )


def grey_range(scan: Scan) -> tuple[float, float]:
    """What counts as black and white: all of 8 bits, −1000 to 1000 HU, else the 0.5th and 99.5th percentile.

    Values outside it are kept: stresses change them as the nearest value inside, or move them along.
    """
    if scan.pixels.dtype == np.uint8:
        return 0.0, 255.0
    if scan.units == "HU":
        return -1000.0, 1000.0
    window = percentile_window(scan.pixels, scan.padding)
    return window.center - window.width / 2, window.center + window.width / 2


def _stored(values: NDArray[np.float32], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    if dtype.kind == "f":
        return values.astype(dtype)
    bounds = np.iinfo(dtype.name)
    return np.clip(np.round(values), bounds.min, bounds.max).astype(dtype)
