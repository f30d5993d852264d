"""How long it takes to say what an image is, before any model is asked: the median over the samples of the gallery."""

from __future__ import annotations

import statistics
import time

from core.errors import ScanLensError
from core.inference.recognise import recognise
from core.samples import SAMPLES, open_sample
from core.scan import Scan

#: Milliseconds.
LIMIT = 30.0

ROUNDS = 5


def run() -> list[dict[str, object]]:
    scans = list(filter(None, (_opened(sample.key) for sample in SAMPLES)))
    for scan in scans:  # the session opens, percentiles of a file are taken for the first time
        recognise(scan)
    times = []
    for _ in range(ROUNDS):
        for scan in scans:
            begin = time.perf_counter()
            recognise(scan)
            times.append(1e3 * (time.perf_counter() - begin))
    median = statistics.median(times)
    row = {"name": "recognising what an image is, median of the samples", "value": round(median, 2)}
    return [{**row, "limit": LIMIT, "unit": "ms", "holds": median <= LIMIT}]


def _opened(key: str) -> Scan | None:
    try:
        return open_sample(key)
    except ScanLensError:  # its package is not installed
        return None
