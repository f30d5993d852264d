"""Memory that stays flat: many uploads in one session, and many sessions that are cut.

`python -m benchmarks.many_uploads 300 200` uploads three hundred CT images one after the other in one session, each
with its answer where a model knows such an image, and then opens two hundred sessions with a scan and cuts their
connections. Files go as a browser sends them. Memory is held against that after the first tenth of the uploads, which
loads what is loaded once a server; when the time to come back has passed, no scan may be held any more.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO

import numpy as np
import psutil
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from benchmarks._visitor import Visitor
from benchmarks.app import ROOT, SAMPLE, free_port, until_served
from benchmarks.sessions import GONE_AFTER

#: What `make bench` does; three hundred and two hundred are asked for by hand.
UPLOADS, CUT = 60, 40
#: Rows and columns of an uploaded image: half a megabyte of pixels.
SIDE = 512
#: The server as it is started, with a thread that counts the scans and sessions in its memory when it is asked to.
WATCHED = """
import gc, runpy, sys, threading

def count():
    for _ in sys.stdin:
        from core.scan import Scan
        from streamlit.runtime import Runtime
        gc.collect()
        scans = sum(isinstance(thing, Scan) for thing in gc.get_objects())
        sessions = len(Runtime.instance()._session_mgr.list_sessions())
        print("held", scans, sessions, flush=True)

threading.Thread(target=count, daemon=True).start()
runpy.run_module("ui.launch", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Held:
    """What the server holds: megabytes, scans, and sessions that somebody may come back to."""

    memory: float
    scans: int
    sessions: int


class Server:
    """A server whose memory can be looked into."""

    def __init__(self) -> None:
        self.port = free_port()
        options = ["--server.port", str(self.port), "--server.headless", "true"]
        self._running = subprocess.Popen(
            [sys.executable, "-c", WATCHED, *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        until_served(self.port)

    def held(self) -> Held:
        """Count now."""
        asks, answers = _both(self._running)
        asks.write("\n")
        asks.flush()
        while not (line := answers.readline()).startswith("held "):
            if not line:
                raise RuntimeError("the server has ended")
        scans, sessions = (int(word) for word in line.split()[1:])
        return Held(psutil.Process(self._running.pid).memory_info().rss / 2**20, scans, sessions)

    def end(self) -> None:
        """Stop it."""
        self._running.terminate()
        self._running.communicate(timeout=30)


def _both(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None  # both are pipes
    assert process.stdout is not None
    return process.stdin, process.stdout


def dicom_image(seed: int) -> bytes:
    """A CT image of noise, (512, 512) uint16, as a file that was never there before."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    image.SeriesInstanceUID, image.StudyInstanceUID, image.Modality = generate_uid(), generate_uid(), "CT"
    image.Rows, image.Columns, image.SamplesPerPixel = SIDE, SIDE, 1
    image.PhotometricInterpretation, image.PixelRepresentation = "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.RescaleSlope, image.RescaleIntercept, image.PixelSpacing = 1, -1024, [0.7, 0.7]
    image.PixelData = np.random.default_rng(seed).integers(0, 4096, (SIDE, SIDE), np.uint16).tobytes()
    written = io.BytesIO()
    image.save_as(written, enforce_file_format=True)
    return written.getvalue()


def run() -> list[dict[str, object]]:
    """For `make bench`."""
    return rows_of(UPLOADS, CUT)


def rows_of(uploads: int, cut: int) -> list[dict[str, object]]:
    """Upload and cut, as rows of the table of `make bench`."""
    server = Server()
    try:
        visitor = Visitor(server.port, "")
        visitor.run()
        early = max(2, uploads // 10)
        for number in range(early):
            upload(visitor, number)
        first = server.held()
        for number in range(early, uploads):
            upload(visitor, number)
        last = server.held()
        for _ in range(cut):
            cut_short(server.port)
        visitor.leave()
        time.sleep(GONE_AFTER)
        after = server.held()
    finally:
        server.end()
    rows = [
        (f"memory after {uploads} uploads in one session / after {early}", last.memory / first.memory, 1.2, "×"),
        (f"scans held after {uploads} uploads / after {early}", last.scans / max(first.scans, 1), 1.0, "×"),
        (f"memory after {cut} cut sessions have ended / before", after.memory / last.memory, 1.2, "×"),
        (f"scans held {GONE_AFTER:.0f} s after {cut} sessions were cut", after.scans, 0, "scans"),
        (f"sessions held {GONE_AFTER:.0f} s after {cut} were cut", after.sessions, 0, "sessions"),
    ]
    return [
        {"name": name, "value": round(value, 4), "limit": limit, "unit": unit, "holds": value <= limit}
        for name, value, limit, unit in rows
    ]


def upload(visitor: Visitor, seed: int) -> None:
    """Upload one image, wait until it is shown, and look for the next."""
    visitor.upload(f"image-{seed}.dcm", dicom_image(seed))
    visitor.until(lambda: "Open another scan" in visitor.buttons)
    visitor.press("Open another scan")


def cut_short(port: int) -> None:
    """A session that opens a scan and whose connection then breaks."""
    visitor = Visitor(port, f"sample={SAMPLE}")
    visitor.run()
    visitor.until(lambda: "Invert" in visitor.toggles)
    visitor.leave()


if __name__ == "__main__":
    from benchmarks.__main__ import table

    asked = [int(text) for text in sys.argv[1:3]]
    print(table(rows_of(*(asked if len(asked) == 2 else (UPLOADS, CUT)))))
