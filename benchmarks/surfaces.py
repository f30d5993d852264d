"""How long the distance of two surfaces takes: HD95 of two masks with 25,000 surface points each."""

from __future__ import annotations

import statistics
import time

import numpy as np
from numpy.typing import NDArray

#: Seconds that are allowed, and how often it is measured.
LIMIT, ROUNDS = 0.3, 5
SHAPE = (128, 144, 144)


def ellipsoid(centre: tuple[float, ...], radii: tuple[float, ...]) -> NDArray[np.bool_]:
    places = np.indices(SHAPE, dtype=np.float32)
    parts = [((place - middle) / radius) ** 2 for place, middle, radius in zip(places, centre, radii, strict=True)]
    return np.asarray(sum(parts) <= 1.0)


def run() -> list[dict[str, object]]:
    from core.evaluation.metrics.masks import hausdorff_95, surface_points

    truth = ellipsoid((64, 72, 72), (48, 50, 50))
    rows: list[dict[str, object]] = []
    for name, other in (
        ("a good outline", ellipsoid((66, 72, 71), (47, 51, 49))),
        ("one far too large", ellipsoid((64, 72, 72), (60, 66, 66))),
    ):
        points = len(surface_points(truth, (1, 1, 1))), len(surface_points(other, (1, 1, 1)))
        times = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            hausdorff_95(truth, other, (1.5, 0.8, 0.8))
            times.append(time.perf_counter() - begin)
        value = statistics.median(times)
        title = f"HD95 of {name}: {points[0]:,} and {points[1]:,} surface points"
        rows.append({"name": title, "value": round(value, 3), "limit": LIMIT, "unit": "s", "holds": value <= LIMIT})
    return rows
