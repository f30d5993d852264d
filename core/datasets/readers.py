"""Open a dataset where it lies.

Each reader looks at a listed place and says whether it is its layout. To add a layout, write a module with
`accepts(place) -> bool` and an opener, and put it into `DATASET_READERS`; the first that accepts wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from core.datasets import folders
from core.datasets.arrays import medmnist
from core.datasets.dataset import Dataset, UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.place import Place, Progress, Stopper, open_place
from core.datasets.tables import layout as tables
from core.datasets.tables.table import other_tables

Opener = Callable[[Place, Inquiry, Progress | None, Stopper | None], Dataset]


@dataclass(frozen=True)
class DatasetReader:
    """One layout.

    Attributes:
        name: Short, as in `Dataset.layout`.
        title: For people.
        accepts: Whether a listed place has it.
        open: Opens such a place; what was asked and noticed goes to the inquiry.
    """

    name: str
    title: str
    accepts: Callable[[Place], bool]
    open: Opener


#: In order of asking: what says most about itself comes first.
DATASET_READERS: dict[str, DatasetReader] = {
    reader.name: reader
    for reader in (
        DatasetReader(medmnist.LAYOUT, "MedMNIST arrays", medmnist.accepts, medmnist.open_medmnist),
        DatasetReader(tables.LAYOUT, "Images with a table", tables.accepts, tables.open_table),
        DatasetReader(folders.LAYOUT, "A folder of classes", folders.accepts, folders.open_folders),
    )
}


def open_dataset(
    path: Path,
    options: Mapping[str, str] = MappingProxyType({}),
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
) -> Dataset:
    """Open a folder, a zip of one, a table or an `.npz`. Files are listed; no image is read.

    What could not be known is in `Dataset.questions`; open again with the answers in `options`.

    Args:
        path: Where it lies.
        options: Answers by option of a question; `layout` chooses a reader where several would do.
        progress: Called with a fraction from 0 to 1 and a few words.
        cancelled: Asked between files.

    Raises:
        UnusableDataset: There is no dataset there, or an answer does not fit.
        Cancelled: `cancelled` said so.
    """
    place = open_place(Path(path), progress, cancelled)
    if not place.files:
        raise UnusableDataset("The folder is empty", "choose the folder that holds the images")
    inquiry = Inquiry(dict(options))
    reader = _reader(place, options)
    dataset = reader.open(place, inquiry, progress, cancelled)
    unread = other_tables(place.files) if dataset.layout != tables.LAYOUT else {}
    if unread:
        inquiry.warnings.append(
            f"{', '.join(unread)} {'was' if len(unread) == 1 else 'were'} not read: save it as CSV if it holds labels."
        )
    return replace(
        dataset,
        questions=tuple(inquiry.questions),
        decided=tuple(inquiry.decided),
        understood=(*inquiry.understood, *place.notes),
        warnings=(*place.warnings, *inquiry.warnings),
        options=dict(options),
    )


def _reader(place: Place, options: Mapping[str, str]) -> DatasetReader:
    if "layout" in options and options["layout"] not in DATASET_READERS:
        raise UnusableDataset(
            f"There is no layout called {options['layout']!r}", f"choose one of {', '.join(DATASET_READERS)}"
        )
    if "layout" in options:
        return DATASET_READERS[options["layout"]]
    found = next((reader for reader in DATASET_READERS.values() if reader.accepts(place)), None)
    if found is None and (unread := other_tables(place.files)):
        words = " and ".join(f"{name}, which is {what}" for name, what in unread.items())
        raise UnusableDataset(
            "images with a table of their labels as CSV", words, "save it as CSV (UTF-8) beside the images"
        )
    if found is None:
        raise UnusableDataset(
            "images in one folder a class, images with a table of their labels, or an .npz of images and labels",
            f"{len(place.files):,} files in another order" if len(place.files) > 1 else "one file",
            "arrange them in one of these ways",
        )
    return found
