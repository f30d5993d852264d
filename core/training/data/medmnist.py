"""Labelled images in one NumPy archive, as MedMNIST hands them out (Yang et al. 2023, Scientific Data 10:41).

The archive holds `<split>_images` (n, rows, columns[, 3]) uint8 and `<split>_labels` (n, columns) for one or more of
train, val and test. An image of it is addressed like a file in a folder of the archive's name, for example
`pneumoniamnist_test.npz/test/17`, so that it stands in a table of cases as a file does.
"""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import UnreadableScan

SUFFIX = ".npz"


@lru_cache(maxsize=1)
def _arrays(path: Path) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.integer]]]:
    """Split to its images and labels.

    Raises:
        UnreadableScan: It is no archive of this layout.
    """
    found = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for split in ("train", "val", "test"):
                if f"{split}_images" in archive:
                    found[split] = (archive[f"{split}_images"], archive[f"{split}_labels"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise _strange(path, f"what NumPy cannot read ({type(error).__name__})") from error
    if not found:
        raise _strange(path, "no images of train, val or test")
    for images, labels in found.values():
        if images.dtype != np.uint8 or images.ndim not in {3, 4} or labels.ndim != 2 or len(images) != len(labels):
            raise _strange(path, f"images {images.dtype} {images.shape} with labels {labels.shape}")
    return found


def _strange(path: Path, fault: str) -> UnreadableScan:
    return UnreadableScan(f"the layout of MedMNIST in {path.name}", fault, "check the data folder")


def is_inside(path: Path) -> bool:
    """Whether a path addresses an image of an archive."""
    return len(path.parts) > 2 and path.parents[1].suffix == SUFFIX


def read_rows(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """An archive as the rows and columns of a table.

    Returns:
        Rows with `file`, `split` and `label`, or `label_0` … where there is more than one, all as text; the columns.

    Raises:
        UnreadableScan: It is no archive of this layout.
    """
    rows = []
    for split, (_, labels) in _arrays(path).items():
        names = ["label"] if labels.shape[1] == 1 else [f"label_{k}" for k in range(labels.shape[1])]
        for number, values in enumerate(labels.tolist()):
            row = {"file": f"{path.name}/{split}/{number}", "split": split}
            rows.append(row | {name: str(value) for name, value in zip(names, values, strict=True)})
    return rows, list(rows[0]) if rows else ["file", "split", "label"]


def image_file(path: Path) -> bytes:
    """An image of an archive as a PNG file, which the readers of uploads open without loss.

    Args:
        path: `<archive>/<split>/<number>`.

    Raises:
        UnreadableScan: There is no such archive or image.
    """
    split, number = path.parts[-2:]
    try:
        image = _arrays(path.parents[1])[split][0][int(number)]
    except (KeyError, IndexError, ValueError) as error:
        raise _strange(path.parents[1], f"no image {split}/{number}") from error
    written, content = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    if not written:
        raise _strange(path.parents[1], f"image {split}/{number} of shape {image.shape}")
    return content.tobytes()
