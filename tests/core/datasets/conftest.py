import io
import os
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from core.datasets.dataset import Case, Dataset
from core.datasets.reading import scan_of
from core.models.card import InputSpec, ModelCard
from core.readers import Source

DATA = Path(os.environ.get("DATA") or Path(__file__).parents[4] / "shared" / "data").resolve()


@pytest.fixture(scope="session")
def real():
    """A folder of the real sets; skips where there is none."""

    def find(name):
        if not (DATA / name).is_dir():
            pytest.skip(f"no {name} in DATA or ../shared/data")
        return DATA / name

    return find


def _png(seed=0, size=48, value=None):
    noise = np.random.default_rng(seed).random((6, 6)).astype(np.float32)
    image = np.clip(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC), 0, 1) * 255
    if value is not None:
        image[:] = value
    return cv2.imencode(".png", image.astype(np.uint8))[1].tobytes()


@pytest.fixture(scope="session")
def png():
    """The bytes of a smooth random image; equal seeds give equal images."""
    return _png


@pytest.fixture
def lay(tmp_path):
    """Write files below a folder: name to seed of an image, text or bytes."""

    def write(files, folder="set"):
        for name, content in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = _png(content) if isinstance(content, int) else content
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return tmp_path / folder

    return write


@pytest.fixture
def pack(tmp_path):
    """A folder as a zip beside it."""

    def write(folder, name="set.zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def dicom():
    """The bytes of a small DICOM slice."""

    def make(value=0, patient="P1", series="1.2.3.4", instance=None, position=0.0):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = instance or generate_uid()
        file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        values = {
            "SOPClassUID": CTImageStorage, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "PatientID": patient,
            "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": series, "Modality": "CT", "Rows": 8, "Columns": 8,
            "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16,
            "HighBit": 15, "PixelRepresentation": 1, "RescaleSlope": 1, "RescaleIntercept": -1024,
            "PixelSpacing": [1.0, 1.0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "ImagePositionPatient": [0, 0, position],
        }  # fmt: skip
        for keyword, content in values.items():
            setattr(file, keyword, content)
        file.PixelData = (np.arange(64, dtype=np.int16).reshape(8, 8) + value).tobytes()
        file["PixelData"].VR = "OW"
        stream = io.BytesIO()
        file.save_as(stream, enforce_file_format=True)
        return stream.getvalue()

    return make


@pytest.fixture(scope="session")
def card():
    """A model card without files: task and labels."""

    def make(task, *labels):
        spec = InputSpec("image", "image", (64, 64), 1, (0.0, 1.0), "percentile", "stretch", ())
        return ModelCard(
            slug="m", folder=Path(), title="The model", summary="", task=task, labels=labels, inputs=(spec,),
            threshold=0.5, threshold_from="", temperature=1.0, explain_layer="", sha256={}, license="",
            non_commercial=False, training_modality="",
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def dataset_of():
    """A dataset in memory from (labels, options of the case) and the bytes of each image."""

    def make(entries, multilabel=False, **more):
        cases, data = [], {}
        for number, (labels, content, facts) in enumerate(entries):
            name = facts.pop("name", f"{number:05d}.png")
            cases.append(Case(name, (labels,) if isinstance(labels, str) else tuple(labels), **facts))
            data[name] = content
        names = tuple(sorted({label for case in cases for label in case.labels}))
        return Dataset(
            name="made", title="made", location=Path(), layout="test", cases=tuple(cases), labels=names,
            multilabel=multilabel, read=lambda case: scan_of([Source(case.name, data[case.name])]),
            pieces=lambda case: iter([data[case.name]]), stamp=lambda case: str(len(data[case.name])), **more,
        )  # fmt: skip

    return make
