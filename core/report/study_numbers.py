"""The numbers of an answer to several inputs: as for one scan, with what the model was given beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from core.explain.explanation import Explanation
from core.explain.methods.input_fractions import InputFraction
from core.inference.study import Study
from core.report.numbers import as_json
from core.scan import Scan

if TYPE_CHECKING:  # the classifier brings ONNX Runtime
    from core.explain.trust.verdict import Trust
    from core.inference.predict import Prediction


def study_json(
    study: Study,
    scan: Scan,
    prediction: Prediction,
    explanation: Explanation | None = None,
    fractions: Sequence[InputFraction] = (),
    trust: Trust | None = None,
) -> bytes:
    """What `as_json` gives of the scan on the page, and under `study` every input, fact, and share.

    Returns:
        UTF-8 JSON without NaN. Facts are the numbers that the model knows them by; `null` for unknown.
    """
    content = json.loads(as_json(scan, prediction, explanation, trust=trust))
    content["study"] = {
        "scans": {name: {"title": found.title, "sha256": found.digest} for name, found in study.scans.items()},
        "frame_numbers_seen": {
            name: [frame + 1 for frame in way.frames] for name, way in prediction.prepared.ways.items()
        },
        "facts": dict(study.facts),
        "left_out": list(prediction.prepared.left_out),
        "shares_logit": [asdict(fraction) for fraction in fractions],
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2).encode()
