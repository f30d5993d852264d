"""Real scans that come with the format libraries, for trying the product without one's own.

All are read from the installed packages; nothing is fetched and nothing is copied into this project. pydicom and
nibabel publish them as test data: pydicom's under its MIT licence, partly from GDCM's collection (BSD); pydicom-data
under MIT; nibabel's with nibabel. They were made free of identifiers by those who published them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from core.errors import UnreadableScan
from core.readers import Source, open_sources
from core.scan import Scan

#: Where sample files lie: package, folder inside it, and what to say of it.
_PLACES: dict[str, tuple[str, str, str]] = {
    "pydicom": ("pydicom", "data/test_files", "pydicom's test files, MIT licence"),
    "pydicom-data": ("data_store", "data", "pydicom-data, MIT licence"),
    "nibabel": ("nibabel", "tests/data", "nibabel's test files, MIT licence"),
}


@dataclass(frozen=True)
class Sample:
    """One scan of the gallery.

    Attributes:
        key: Short and stable, for addresses and widgets.
        title: What it shows, in a few words.
        modality: The kind of image, in words.
        sentence: One sentence on what is to be seen and what it is good for.
        package: Key in the list of places.
        file: Name of the file there.
    """

    key: str
    title: str
    modality: str
    sentence: str
    package: str
    file: str

    @property
    def origin(self) -> str:
        """Where it comes from and under which licence."""
        return _PLACES[self.package][2]


#: First the one that a model here knows.
SAMPLES: tuple[Sample, ...] = (
    Sample(
        "brain", "Brain, 24 slices", "MR, NIfTI",
        "A coarse brain volume at two time points: move through its slices, upwards from the base.",
        "nibabel", "example4d.nii.gz",
    ),
    Sample(
        "chest", "Chest from the front", "Radiograph",
        "Several round shadows lie over both lungs; the file counts from white (MONOCHROME1) in 32,768 levels.",
        "pydicom-data", "RG1_UNCR.dcm",
    ),
    Sample(
        "leg", "Lower leg and ankle", "Radiograph",
        "The two bones of a lower leg; the side marker stands mirrored, so the whole image does.",
        "pydicom-data", "RG3_UNCR.dcm",
    ),
    Sample(
        "head", "Head, one slice", "CT",
        "A dark collection under the skull on the right of the image pushes the midline over.",
        "pydicom-data", "693_UNCR.dcm",
    ),
    Sample(
        "spine", "Vertebra, one slice", "CT",
        "A vertebra in fine detail: try the bone and the soft-tissue window on it.",
        "pydicom-data", "bad_sequence.dcm",
    ),
    Sample(
        "abdomen", "Abdomen, one slice", "MR",
        "Liver, aorta and both kidneys after contrast, with a round lesion in the liver.",
        "pydicom-data", "MR-SIEMENS-DICOM-WithOverlays.dcm",
    ),
    Sample(
        "shoulder", "Shoulder, one slice", "MR",
        "The head of the upper arm bone under the roof of the shoulder, on 1024 × 1024 pixels.",
        "pydicom-data", "MR2_UNCR.dcm",
    ),
    Sample(
        "echo", "Beating heart, 120 frames", "Ultrasound sequence",
        "An echocardiogram of four seconds, seen from the apex: play it and follow the valves.",
        "pydicom-data", "color3d_jpeg_baseline.dcm",
    ),
    Sample(
        "doppler", "Blood flow in colour", "Ultrasound",
        "Flow in red and blue over a grey fan; the pixels are taller than wide, and are shown in true shape.",
        "pydicom-data", "color-pl.dcm",
    ),
    Sample(
        "bones", "Whole body", "Nuclear medicine",
        "A tracer in the skeleton of the whole body, brightest in the bladder; pixels are counts.",
        "pydicom-data", "JPEG-LL.dcm",
    ),
    Sample(
        "perfusion", "Brain perfusion, 2 slices", "CT, computed map",
        "Blood flow computed from a series of CTs: dark where little flows; the numbers are no Hounsfield units.",
        "pydicom-data", "eCT_Supplemental.dcm",
    ),
)  # fmt: skip


def open_packaged(key: str) -> Scan:
    """Read one sample from its package.

    Raises:
        KeyError: There is no such sample.
        UnreadableScan: The package is not installed as expected.
    """
    sample = next((sample for sample in SAMPLES if sample.key == key), None)
    if sample is None:
        raise KeyError(key)
    package, folder, _ = _PLACES[sample.package]
    try:
        data = files(package).joinpath(folder, sample.file).read_bytes()
    except (OSError, ModuleNotFoundError) as error:
        action = "install the requirements again"
        raise UnreadableScan(f"{sample.package} is installed without {sample.file}", action) from error
    opened = open_sources([Source(sample.file, data)])
    if not opened.scans:
        raise UnreadableScan("The sample cannot be read", "install the requirements again")
    return opened.scans[0]
