"""Opening a CT series against pydicom in one loop: time, and memory over the pixel data.

The series are made in memory: a smooth body with noise in 512 × 512 slices, as pydicom would get them from a scanner.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from core.readers import Source, open_sources

TIME_LIMIT, MEMORY_LIMIT = 1 / 1.6, 2.0
_SIZE = 512
_SLOW_SLICES = 24  # of a compressed series; the ratio does not depend on the number


def _slice(index: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """(512, 512) stored values of a round body in air."""
    rows, columns = np.mgrid[-1 : 1 : _SIZE * 1j, -1 : 1 : _SIZE * 1j]
    body = 1024 * (rows**2 + (columns * 1.2) ** 2 < 0.7) + 60 * np.sin(8 * rows + index / 20)
    return (body + rng.normal(0, 12, body.shape)).clip(0, 4095).astype(np.int16)


def _file(pixels: NDArray[np.int16], index: int, syntax: UID) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{index + 1}"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2.3", "1.2.3.4", "CT"
    dataset.ImageType, dataset.InstanceNumber = ["ORIGINAL", "PRIMARY", "AXIAL"], index + 1
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 1.25 * index], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.7], 1.25
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.Rows = dataset.Columns = _SIZE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.PixelData = pixels.tobytes()
    if syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, generate_instance_uid=False)
    elif syntax == JPEG2000Lossless:
        dataset.PixelData = encapsulate([imagecodecs.jpeg2k_encode(pixels, reversible=True, level=0)])
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def make_series(slices: int, syntax: UID) -> list[Source]:
    """A CT series in memory, its files in an order unlike that of the slices."""
    rng = np.random.default_rng(7)
    order = rng.permutation(slices)
    return [
        Source(f"{number}", _file(_slice(int(index), rng), int(index), syntax)) for number, index in enumerate(order)
    ]


def by_pydicom(sources: list[Source]) -> NDArray[np.float64]:
    """The plain loop: read, decode, rescale, sort, stack."""
    datasets = [pydicom.dcmread(io.BytesIO(source.data)) for source in sources]
    datasets.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
    return np.stack([apply_modality_lut(dataset.pixel_array, dataset) for dataset in datasets])


def by_us(sources: list[Source]) -> NDArray[np.generic]:
    """The product."""
    return open_sources(sources).scans[0].pixels


def _seconds(function: Callable[[list[Source]], Any], sources: list[Source]) -> float:
    start = time.perf_counter()
    function(sources)
    return time.perf_counter() - start


def time_ratio(slices: int, syntax: UID, rounds: int = 3) -> float:
    """Median time of ours over median time of pydicom's loop, taken in turns."""
    sources = make_series(slices, syntax)
    np.testing.assert_array_equal(by_us(sources), by_pydicom(sources))  # also warms both up
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(_seconds(by_pydicom, sources))
        ours.append(_seconds(by_us, sources))
    return statistics.median(ours) / statistics.median(theirs)


_MEMORY_SCRIPT = """
import resource, sys, threading, time
import psutil
from benchmarks.series import by_us, make_series
from pydicom.uid import ExplicitVRLittleEndian
by_us(make_series(8, ExplicitVRLittleEndian))  # what importing takes is not the series'
sources = make_series(300, ExplicitVRLittleEndian)
me, peak, stop = psutil.Process(), [0], threading.Event()
def watch():
    while not stop.is_set():
        peak[0] = max(peak[0], me.memory_info().rss)
        time.sleep(0.002)
before = me.memory_info().rss
watcher = threading.Thread(target=watch); watcher.start()
pixels = by_us(sources)
stop.set(); watcher.join()
print((max(peak[0], me.memory_info().rss) - before) / pixels.nbytes)
"""


def memory_ratio() -> float:
    """Peak resident memory while 300 slices open, over their pixel data, in a fresh process; sources not counted."""
    result = subprocess.run([sys.executable, "-c", _MEMORY_SCRIPT], capture_output=True, text=True, check=True)
    return float(result.stdout)


def _row(name: str, value: float, limit: float) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "limit": round(limit, 3), "unit": "×", "holds": value <= limit}


def run() -> list[dict[str, Any]]:
    """The rows for `python -m benchmarks`."""
    loop = "against pydicom in one loop"
    # pydicom's JPEG 2000 decoder (in Pillow) spreads each frame over all cores by itself (1.7 s of processor time in
    # 1.0 s on two cores), so that there is no idle core to win with: we only promise not to be slower.
    shared = "against pydicom, whose decoder uses all cores too"
    return [
        _row(f"300-slice CT opens, {loop}", time_ratio(300, ExplicitVRLittleEndian), TIME_LIMIT),
        _row(f"CT in RLE opens, {loop}", time_ratio(_SLOW_SLICES, RLELossless), TIME_LIMIT),
        _row(f"CT in JPEG 2000 opens, {shared}", time_ratio(_SLOW_SLICES, JPEG2000Lossless), 1.0),
        _row("peak memory while a CT series opens, over its pixel data", memory_ratio(), MEMORY_LIMIT),
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
