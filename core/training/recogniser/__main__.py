"""`python -m core.training.recogniser`: from the data folder to the network, what it knows of kinds, and its card."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ScanLensError
from core.inference import recognise
from core.inference.kinds import KINDS
from core.readers import Source, open_sources
from core.scan import Scan
from core.training.recogniser.card import Outsiders, recogniser_card
from core.training.recogniser.cases import kind_cases
from core.training.recogniser.features import STAGES, describe, write_network
from core.training.recogniser.learn import described, learn
from core.training.recogniser.negatives import drawn_images, photographs, sample_files


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Make the recogniser; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.training.recogniser", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--keep-network", action="store_true", help="use the compiled network that is there")
    options = parser.parse_args(arguments)
    folder = recognise.FOLDER
    folder.mkdir(exist_ok=True)
    try:
        if not options.keep_network:
            _log(f"network: {write_network(folder / recognise.NETWORK)} features")
        cases = kind_cases(options.data)
        _log(f"{len(cases)} images")
        features, rows = describe(cases, recognise.features, varied=1)
        images = described(cases, features, rows)
        learnt = learn(images)
        recognise.save_learnt(learnt, folder / recognise.LEARNT)
        recognise.forget()
        _log("learnt")
        card = recogniser_card(images, learnt, STAGES, outsiders())
        (folder / "README.md").write_text(card, encoding="utf-8")
        _log("card written")
    except ScanLensError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def outsiders() -> list[Outsiders]:
    """What is made of images of no kind."""
    found = [_asked(name, map(_scan_of, images)) for name, images in drawn_images().items()]
    found.append(_asked("photographs", map(_scan_of, photographs())))
    return [*found, _asked("samples of pydicom and pydicom-data that show no known kind", sample_scans())]


def _scan_of(image: NDArray[np.uint8]) -> Scan:
    return Scan(image[None], "single", "", "PNG", "")


#: Beginnings of the names of samples that are of a known kind: a chest radiograph, and a radiograph of a leg.
OF_A_KIND = ("RG1", "RG3")


def sample_scans() -> Iterable[Scan]:
    """Each scan of the samples that shows no known kind."""
    for path in sample_files():
        if not path.name.startswith(OF_A_KIND):
            try:
                yield from open_sources([Source(path.name, path.read_bytes())]).scans
            except ScanLensError:
                continue


def _asked(name: str, scans: Iterable[Scan]) -> Outsiders:
    slugs = [recognise.recognise(scan).slug for scan in scans]
    assert set(slugs) <= {"", *KINDS}
    return Outsiders(name, slugs.count(""), len(slugs), tuple(slug for slug in slugs if slug))


if __name__ == "__main__":
    sys.exit(main())
