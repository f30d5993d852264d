"""Which of several models has seen pictures like this one? For files that do not say what they show.

Each model's similarity check gives a distance in its own space; divided by the limit beyond which it calls a picture
unlike, the distances of different models can be compared: 1 is the edge of what a model knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from core.errors import ScanLensError
from core.inference.bundle import Bundle
from core.inference.study import Study, prepare_study
from core.scan import Scan, answered_frame


def alikeness(bundles: Iterable[Bundle], scan: Scan, frame: int | None = None) -> dict[str, float]:
    """How far one frame is from what each model has seen, as a fraction of that model's limit.

    Args:
        bundles: Opened models; those that cannot tell, or cannot take this scan, are left out.
        scan: Any scan.
        frame: Which frame; None for the one that stands for a stack.

    Returns:
        Slug to distance over limit, nearest first; above 1 the model itself calls the picture unlike its own.
    """
    found: Mapping[str, float | None] = {
        bundle.card.slug: _fraction_of_limit(bundle, scan, frame) for bundle in bundles
    }
    known = {slug: fraction for slug, fraction in found.items() if fraction is not None and np.isfinite(fraction)}
    return dict(sorted(known.items(), key=lambda item: item[1]))


def _fraction_of_limit(bundle: Bundle, scan: Scan, frame: int | None) -> float | None:
    if bundle.reference is None or len(bundle.card.inputs) != 1:
        return None
    try:
        chosen = answered_frame(scan) if frame is None else frame
        prepared = prepare_study(Study.of(bundle.card, scan), bundle.card, [chosen])
        features = bundle.run(prepared.batch, outputs=("features",)).features
    except ScanLensError:  # a model that cannot take this scan is no candidate
        return None
    near = bundle.similarity(features)
    limit = bundle.reference.limit
    return near[0].distance / limit if near and limit > 0 else None
