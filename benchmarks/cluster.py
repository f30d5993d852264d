"""Scoring 2,000 images on Dask workers of this machine, against a run in this process; starting workers not counted.

The images are those of `benchmarks.evaluation`. With two cores two workers can gain nothing over two threads; what they
cost beside them is what each task costs anywhere.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.evaluation import MODEL, make_images

COUNT, ROUNDS = 2000, 3


def run() -> list[dict[str, object]]:
    from core.datasets.digest import with_digest
    from core.datasets.labels.mapping import suggest_map
    from core.datasets.readers import open_dataset
    from core.evaluation.runs.cluster import Cluster, cluster_at
    from core.evaluation.runs.run import evaluate
    from core.evaluation.store.evaluations import Store
    from core.models.card import load_card

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder / "images", COUNT)
        card, dataset = load_card(MODEL), with_digest(open_dataset(folder / "images"))
        mapping, store = suggest_map(dataset.labels, card), Store(f"sqlite:///{folder / 'results.sqlite'}")

        def seconds(cluster: Cluster | None) -> float:
            begin = time.perf_counter()
            evaluate(card, None, dataset, "", mapping, store, cluster=cluster)
            spent = time.perf_counter() - begin
            for stored in store.evaluations():
                store.delete(stored.id)
            return spent

        ratios: dict[int, list[float]] = {1: [], 2: []}
        with cluster_at("local[1]") as one, cluster_at("local[2]") as two:
            for cluster in (None, one, two):
                seconds(cluster)
            for _ in range(ROUNDS):
                here = seconds(None)
                ratios[1].append(seconds(one) / here)
                ratios[2].append(seconds(two) / here)
    return [
        _row(
            f"{COUNT:,} images on {count} Dask worker{'s' if count > 1 else ''} / in this process", ratios[count], limit
        )
        for count, limit in ((1, 2.3), (2, 1.15))
    ]


def _row(name: str, values: list[float], limit: float) -> dict[str, object]:
    value = statistics.median(values)
    return {"name": name, "value": round(value, 4), "limit": limit, "unit": "×", "holds": value <= limit}
