"""MedMNIST's datasets, fetched by its own package where that is installed and there is a network.

The package brings PyTorch along and is therefore not among the requirements; it is imported in a process of its own,
so that its weight does not stay.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from core.datasets.arrays.medmnist_names import LABELS
from core.datasets.dataset import UnusableDataset
from core.datasets.place import Stopper
from core.errors import Cancelled

#: Sizes that MedMNIST+ offers, in pixels; volumes come in the first two.
SIZES = (28, 64, 128, 224)
#: Seconds to wait for a download.
_PATIENCE = 3600.0
_SCRIPT = """
import sys
import medmnist
from medmnist import INFO
flag, size, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
getattr(medmnist, INFO[flag]["python_class"])(split="test", download=True, root=folder, size=size)
"""


def is_available() -> bool:
    """Whether the medmnist package is installed; nothing is imported."""
    return find_spec("medmnist") is not None


def fetch_medmnist(flag: str, folder: Path, size: int = 28, cancelled: Stopper | None = None) -> Path:
    """Fetch one dataset; one that is there already is not fetched again.

    Args:
        flag: E.g. `"pneumoniamnist"`.
        folder: Where the file is put; made if needed.
        size: One of `SIZES`.
        cancelled: Asked several times a second.

    Returns:
        The `.npz`, for `open_dataset`.

    Raises:
        UnusableDataset: There is no such dataset, no medmnist package, no network, or no room.
        Cancelled: The user stopped it; nothing half-fetched stays.
    """
    sizes = SIZES[:2] if flag.endswith("3d") else SIZES
    if flag not in LABELS or size not in sizes:
        known = f"one of MedMNIST's datasets in {', '.join(str(n) for n in sizes)} pixels"
        raise UnusableDataset(known, f"{flag} in {size}", f"choose among {', '.join(LABELS)}")
    path = folder / (f"{flag}.npz" if size == 28 else f"{flag}_{size}.npz")
    if path.is_file() and zipfile.is_zipfile(path):
        return path
    if not is_available():
        raise UnusableDataset(
            "The medmnist package, which fetches the data, is not installed",
            "install it with pip install medmnist, or bring the .npz yourself",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _run(flag, size, folder, cancelled)
    except (Cancelled, OSError, UnusableDataset) as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UnusableDataset("The folder cannot be written", "choose another") from error
        raise
    if not (path.is_file() and zipfile.is_zipfile(path)):
        path.unlink(missing_ok=True)
        raise _not_fetched(flag)
    return path


def _not_fetched(flag: str) -> UnusableDataset:
    return UnusableDataset(
        f"{flag} could not be downloaded",
        "try again where there is a network and room on the disk, or bring the .npz yourself",
    )


def _run(flag: str, size: int, folder: Path, cancelled: Stopper | None) -> None:
    command = [sys.executable, "-c", _SCRIPT, flag, str(size), str(folder)]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    waited = 0.0
    try:
        while True:
            try:
                code = worker.wait(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                waited += 0.2
            if cancelled is not None and cancelled():
                raise Cancelled("the download")
            if waited > _PATIENCE:
                raise _not_fetched(flag)
    finally:
        if worker.poll() is None:
            worker.kill()
            worker.wait()
    if code != 0:
        raise _not_fetched(flag)
