"""Every architecture of keras.applications, looked into as a file from elsewhere: `python -m benchmarks.architectures`.

Each is built with random weights, with and without its own `preprocess_input` inside, and its configuration goes
through the same look as a model that somebody brings. With `--add NAME …` these are also saved, compiled apart and kept
in a folder that is thrown away, and the compiled answer is compared with Keras' own. It takes minutes.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import io
import json
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

#: Sizes at which architectures whose layers need more than 64 pixels are built.
SIZES = {"InceptionV3": 96, "InceptionResNetV2": 96, "Xception": 96}


def names() -> list[str]:
    """All architectures, as keras.applications lists them."""
    import keras

    return sorted(name for name, value in vars(keras.applications).items() if inspect.isfunction(value))


def build(name: str, inside: bool, top: bool = False) -> Any:
    """A model with random weights.

    Args:
        name: Of the architecture.
        inside: Whether its `preprocess_input` is part of the model.
        top: Whether two classes are told apart; else it ends in its maps.
    """
    import keras

    size = SIZES.get(name, 64)
    maker = getattr(keras.applications, name)
    backbone = maker(weights=None, include_top=False, input_shape=(size, size, 3))
    given = keras.Input((size, size, 3), name="image")
    module = importlib.import_module(maker.__module__)
    ready = module.preprocess_input(given) if inside else given
    found = backbone(ready)
    if top:
        pooled = keras.layers.GlobalAveragePooling2D()(found)
        found = keras.layers.Dense(2, activation="softmax")(pooled)
    return keras.Model(given, found, name=f"with_{name.lower()}")


def packed(model: Any) -> bytes:
    """The model's configuration in an archive with one small weight."""
    import h5py
    import numpy as np

    weights, content = io.BytesIO(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"] = np.ones((4, 2), np.float32)
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("config.json", model.to_json())
        archive.writestr("model.weights.h5", weights.getvalue())
    return content.getvalue()


def looked_into(chosen: list[str]) -> Iterator[dict[str, Any]]:
    """What the look says of each, with and without preprocessing inside."""
    import keras

    from core.incoming.look import look_into_keras
    from core.incoming.report import Report

    for name in chosen:
        for inside in (False, True):
            report = look_into_keras(packed(build(name, inside)), Report(name, 0, ""))
            yield {
                "name": name, "inside": inside, "refused": report.refused, "backbone": report.backbone,
                "range": report.value_range, "found": " ".join(report.preprocessing),
            }  # fmt: skip
            keras.backend.clear_session()


def added(name: str, inside: bool, folder: Path) -> dict[str, Any]:
    """One of them brought home, and how far the compiled answer is from Keras' own."""
    import dataclasses

    import keras
    import numpy as np

    from core.incoming.add import add, samples
    from core.incoming.inspect import inspect as inspected
    from core.incoming.propose import propose
    from core.inference.bundle import FINAL_OUTPUT, open_bundle
    from core.models.card import load_card

    keras.utils.set_random_seed(1)
    model = build(name, inside, top=True)
    path = folder / f"{name}{'-inside' if inside else ''}.keras"
    model.save(path)
    start = time.monotonic()
    report = inspected(path)
    contract = dataclasses.replace(propose(report).contract, reading="")
    card = load_card(add(path, contract, report=report))
    seconds = time.monotonic() - start
    batch = samples(contract, 3)
    found = open_bundle(card).run(batch, outputs=(FINAL_OUTPUT,)).output
    expected = model.predict(batch["image"], verbose=0)
    keras.backend.clear_session()
    assert found is not None
    return {
        "name": path.stem, "MB": round(path.stat().st_size / 1e6), "seconds": round(seconds),
        "difference": float(np.abs(found - expected).max()), "layer": card.explain_layer,
    }  # fmt: skip


def main() -> int:
    """Print a line for each; 1 where one is refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--add", nargs="+", default=[], metavar="NAME")
    options = parser.parse_args()
    refused = 0
    if options.add:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["SCANLENS_HOME"] = folder
            for name in options.add:
                for inside in (False, True):
                    print(json.dumps(added(name, inside, Path(folder))), flush=True)
        return 0
    for line in looked_into(names()):
        refused += bool(line["refused"])
        print(json.dumps(line), flush=True)
    print(f"{refused} refused")
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main())
