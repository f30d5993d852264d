import io
from importlib.resources import files

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from core.readers import Source, open_sources


@pytest.fixture(scope="session")
def package_file():
    """The bytes of a file of pydicom, pydicom-data or nibabel."""

    def read(name):
        for package, folder in (("pydicom", "data/test_files"), ("data_store", "data"), ("nibabel", "tests/data")):
            path = files(package).joinpath(folder, name)
            if path.is_file():
                return path.read_bytes()
        raise FileNotFoundError(name)

    return read


@pytest.fixture(scope="session")
def make_dicom():
    """A DICOM file in memory: pixels (rows, columns[, 3]) or (frames, rows, columns[, 3]), and any elements."""

    def make(pixels=None, *, meta=True, syntax=ExplicitVRLittleEndian, keyword="PixelData", encoded=None, **elements):
        file_meta = FileMetaDataset()
        file_meta.TransferSyntaxUID = syntax
        file_meta.MediaStorageSOPClassUID = elements.get("SOPClassUID", CTImageStorage)
        file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset = FileDataset("", {}, file_meta=file_meta, preamble=b"\0" * 128)
        pixels = np.arange(16, dtype=np.int16).reshape(4, 4) if pixels is None else np.asarray(pixels)
        is_color = pixels.shape[-1] == 3 and pixels.ndim > 2
        shape = pixels.shape[:-1] if is_color else pixels.shape
        bits = pixels.dtype.itemsize * 8
        values = {
            "SOPClassUID": file_meta.MediaStorageSOPClassUID,
            "SOPInstanceUID": file_meta.MediaStorageSOPInstanceUID,
            "StudyInstanceUID": "1.2.3",
            "SeriesInstanceUID": "1.2.3.4",
            "Modality": "CT",
            "PatientID": "P1",
            "Rows": shape[-2],
            "Columns": shape[-1],
            "SamplesPerPixel": 3 if is_color else 1,
            "PhotometricInterpretation": "RGB" if is_color else "MONOCHROME2",
            "BitsAllocated": bits,
            "BitsStored": bits,
            "HighBit": bits - 1,
            "PixelRepresentation": int(pixels.dtype.kind == "i"),
        }
        if is_color:
            values["PlanarConfiguration"] = 0
        if len(shape) == 3:
            values["NumberOfFrames"] = shape[0]
        for name, value in (values | elements).items():
            if value is not None:
                setattr(dataset, name, value)
        raw = pixels.tobytes()
        raw += b"\0" * (len(raw) % 2)
        setattr(dataset, keyword, (encoded or encapsulate([raw])) if syntax.is_encapsulated else raw)
        if keyword == "PixelData" and not syntax.is_encapsulated:
            dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
        stream = io.BytesIO()
        dataset.save_as(stream, enforce_file_format=meta, implicit_vr=syntax.is_implicit_VR, little_endian=True)
        return stream.getvalue()

    return make


@pytest.fixture(scope="session")
def open_one():
    """Open bytes that give exactly one scan."""

    def read(data, name="file"):
        opened = open_sources([Source(name, data)])
        assert len(opened.scans) == 1, opened.skipped
        return opened.scans[0]

    return read


@pytest.fixture(scope="session")
def refuse_one():
    """Open bytes that give no scan, and return the one sentence."""

    def read(data, name="file"):
        opened = open_sources([Source(name, data)])
        assert not opened.scans
        assert len(opened.skipped) == 1
        return opened.skipped[0].reason

    return read


@pytest.fixture(scope="session")
def make_slices(make_dicom):
    """A series: one file for each position in mm, whose pixels all have the value of `values` at its place."""

    def make(positions, values=None, **elements):
        files = []
        for number, position in enumerate(positions):
            level = number if values is None else values[number]
            place = {
                "ImagePositionPatient": [0, 0, position],
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
                "InstanceNumber": 99 - number,
            }
            each = {name: value[number] if isinstance(value, list) else value for name, value in elements.items()}
            files.append(make_dicom(np.full((4, 4), level, np.int16), **(place | each)))
        return files

    return make


@pytest.fixture(scope="session")
def open_files():
    """Open several byte strings as one upload."""

    def read(files):
        return open_sources([Source(f"{number}.bin", data) for number, data in enumerate(files)])

    return read
