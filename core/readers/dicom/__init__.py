"""DICOM: recognise it, parse each file once, sort the frames, and build scans.

Follows DICOM PS3.3 (attributes), PS3.5 (encoding) and PS3.10 (files).
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from core.readers.dicom.decode import FrameDecoder
from core.readers.dicom.file import parse
from core.readers.dicom.frames import whole_frames
from core.readers.dicom.image import Image
from core.readers.dicom.kinds import no_image
from core.readers.dicom.layout import layout_of
from core.readers.dicom.scan import build_scan
from core.readers.dicom.series import group_images, patient_key
from core.readers.opening import Opening
from core.readers.source import Source
from core.scan import Scan

#: Fraction of the progress bar for reading headers; decoding is the rest.
_HEADERS = 0.4
_VR = re.compile(rb"A[EST]|C[S]|D[AST]|F[DL]|I[S]|L[OT]|O[BDFLVW]|PN|S[HLQSTV]|T[M]|U[CILNRSTV]")


def accepts(head: bytes, name: str) -> bool:  # noqa: ARG001 - names say nothing
    """Whether this is DICOM: the magic, or a plausible first element where preamble and magic are missing."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 12:
        return False
    for order in "<>":
        group, element = struct.unpack_from(f"{order}HH", head)
        if group not in {0x0002, 0x0008} or element > 0x0100:
            continue
        if _VR.fullmatch(head[4:6]) or (order == "<" and struct.unpack_from("<L", head, 4)[0] < 1024):
            return True
    return False


def read(sources: Sequence[Source], opening: Opening) -> list[Scan]:
    """Every scan that the files hold; files without one are set aside with a sentence."""
    images = _images(sources, opening)
    patients = {patient_key(image) for image in images}
    if len(patients) > 1:
        opening.notes.append(f"The upload holds images of {len(patients)} patients, which are kept apart.")
    groups = group_images(images, opening.stop_if_asked)
    scans, done = [], 0
    for group in groups:
        fraction = (1 - _HEADERS) / max(len(images), 1)
        with opening.guarded(*(image.file.name for image in group.images), what="DICOM file"):
            scans.append(build_scan(group, opening, _HEADERS + fraction * done, fraction * len(group.images)))
        done += len(group.images)
    return scans


def _images(sources: Sequence[Source], opening: Opening) -> list[Image]:
    """Parse all headers; hashing runs beside it, because it does not hold Python's lock."""
    images: list[Image] = []
    pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1))
    try:
        digests = [pool.submit(_sha256, source) for source in sources]
        for number, (source, digest) in enumerate(zip(sources, digests, strict=True), start=1):
            opening.advance(_HEADERS * number / len(sources), f"Reading header {number:,} of {len(sources):,}")
            with opening.guarded(source.name, what="DICOM file"):
                images += _images_of(source, digest.result(), opening)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # who cancels does not wait for files nobody will see
    return images


def _images_of(source: Source, digest: str, opening: Opening) -> list[Image]:
    file = parse(source, opening.claim, opening.stop_if_asked)
    if file.pixels is None or not file.count("Rows"):
        error, kind = no_image(file)
        opening.skip(source.name, error, kind)
        return []
    layout = layout_of(file)
    _ = file.per_frame, file.shared  # parsed here, where what is beyond bounds costs this file and no other
    decoder = FrameDecoder(file, layout)
    frames = whole_frames(file, layout, opening.stop_if_asked)
    decoder.whole, decoder.sample = len(frames), frames[len(frames) // 2]
    images = []
    for index, frame in enumerate(frames):
        opening.stop_if_asked()
        images.append(Image(file, layout, decoder, frame, index, digest))
    return images


def _sha256(source: Source) -> str:
    return hashlib.sha256(source.data).hexdigest()
