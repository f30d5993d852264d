"""Adding a dataset where it lies, and opening one that was added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.datasets.arrays.medmnist_names import LABELS
from core.datasets.dataset import Dataset, UnusableDataset
from core.datasets.digest import changed_since
from core.datasets.fetch import SIZES, fetch_medmnist, is_available
from core.datasets.readers import open_dataset
from core.evaluation.store.datasets import Remembered
from core.home import home
from ui.background import Progress, Stopper, show_under_way
from ui.datasets.records import Records, remember
from ui.datasets.shelf import Key, Opening, Shelf, key_of, place_key
from ui.serving.folders import FOLDERS_VARIABLE, may_open, named_folders
from ui.serving.visitor import is_at_hand, machine
from ui.show import show_error

KINDS = (
    "A folder of classes, images or DICOM with a table (CSV) of their labels, a zip of these, or an .npz of images "
    "and labels, as MedMNIST's. It is read where it lies and never copied."
)
NO_PACKAGE = (
    "The medmnist package, which fetches these sets, is not installed here: install it with `pip install medmnist`, "
    "or download the .npz yourself and add it above."
)

NONE_NAMED = (
    "Folders of {machine} are opened by who sits at it. Whoever runs ScanLens can offer some to everybody: "
    f"list them in {FOLDERS_VARIABLE}."
)
NOT_NAMED = "Expected a folder that was offered, received another: choose one of the list."

STOPPED = "Opening it was stopped."

#: Seconds to wait before a progress bar is drawn: most places open at once.
PATIENCE = 0.5


def show_adding(state: Shelf, first: bool) -> None:
    """The field for a path, and MedMNIST.

    Args:
        state: Of the page.
        first: Whether there is no dataset yet, so that there is nothing to go back to.
    """
    if not first:
        st.button("Back", icon=":material/arrow_back:", on_click=_add, args=(state, False), key="back-to-dataset")
    if not is_at_hand():
        _show_named(state)
        return
    with st.form("add", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Folder or file on this computer", placeholder="/data/chest-xrays", key="add-path", width="stretch"
        )
        st.form_submit_button("Add", type="primary", icon=":material/add:", on_click=_added, args=(state,))
    st.caption(KINDS)
    if state.trouble:
        show_error(state.trouble)
    with st.expander("Fetch a set from MedMNIST"):
        _show_medmnist(state)


def _show_named(state: Shelf) -> None:
    """What who sits elsewhere may add: no path is typed, so none can lead where it should not."""
    named = named_folders()
    if not named:
        st.info(NONE_NAMED.format(machine=machine()), icon=":material/lock:")
        return
    with st.form("add", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(f"Folder of {machine()}", list(named), key="add-name", width="stretch")
        st.form_submit_button("Add", type="primary", icon=":material/add:", on_click=_added_by_name, args=(state,))
    if state.trouble:
        st.error(state.trouble, icon=":material/error:")


def _added_by_name(state: Shelf) -> None:
    path = named_folders().get(str(st.session_state.get("add-name", "")))
    if path is not None:
        open_in_background(state, path, {})


def _add(state: Shelf, adding: bool) -> None:
    state.adding, state.trouble = adding, ""


def _added(state: Shelf) -> None:
    state.trouble = ""
    try:
        path = named_path(st.session_state.get("add-path", ""))
    except UnusableDataset as problem:
        state.trouble = str(problem)
        return
    open_in_background(state, path, {})


def named_path(text: str) -> Path:
    """The place that somebody typed or pasted, with quotes or `~`.

    Raises:
        UnusableDataset: It is empty, not a whole path, or nothing is there.
    """
    cleaned = text.strip().strip("\"'").removeprefix("file://").strip()
    if not cleaned or "\0" in cleaned:
        raise UnusableDataset("No path was typed", "type or paste the path of a folder or file")
    try:
        path = Path(cleaned).expanduser()
    except RuntimeError:
        path = Path(cleaned)
    if not path.is_absolute():
        raise UnusableDataset("a whole path, such as /data/chest-xrays", repr(cleaned), "start it at the top folder")
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnusableDataset(f"{cleaned} does not exist", "check the path") from error
    except OSError:
        pass  # opening it says why it cannot be read
    return path


def open_in_background(
    state: Shelf,
    path: Path,
    options: Mapping[str, str],
    known: Remembered | None = None,
    instead_of: Key | None = None,
) -> None:
    """Start opening a place.

    Args:
        state: Of the page.
        path: Where it lies.
        options: Answers to its questions.
        known: What the database knows of it, to tell whether it changed.
        instead_of: Key of the dataset that it replaces, the same place with other answers.
    """

    def work(progress: Progress, cancelled: Stopper) -> tuple[Dataset, str]:
        return opened(path, options, known, progress, cancelled)

    state.jobs.drop("dataset")
    state.trouble = ""
    if not may_open(path):
        state.trouble = NOT_NAMED
        return
    key = place_key(path, options)
    was_added = known is not None or key in state.added
    asked = Opening(key, was_added, instead_of)
    state.jobs.start("dataset", asked, f"Opening {path.name}", work, patience=PATIENCE)


def opened(
    path: Path,
    options: Mapping[str, str],
    known: Remembered | None,
    progress: Callable[[float, str], None],
    cancelled: Stopper,
) -> tuple[Dataset, str]:
    """A dataset as it is now, with its hash where that still holds, and a sentence where it does not.

    Raises:
        UnusableDataset: There is none.
        Cancelled: The user stopped it.
    """
    # A table that was pointed at is the place, not its folder: opened again, it must be the same table.
    dataset = replace(open_dataset(path, options, progress, cancelled), location=path)
    if known is None or not known.digest:
        return dataset, ""
    progress(0.99, "Looking for changes")
    hashed = replace(dataset, digest=known.digest, fingerprint=known.fingerprint)
    changed = changed_since(hashed)
    return (dataset, changed) if changed else (hashed, "")


def show_opening(state: Shelf) -> bool:
    """Draw an opening that is under way, and take one that is done; whether the page should wait."""
    if show_under_way("dataset"):
        return True
    job = state.jobs.take("dataset")
    if job is None:
        return False
    opening = job.key
    assert isinstance(opening, Opening)  # as `open_in_background` starts it
    if job.error is None:
        dataset, changed = job.hand_over()
        _take(state, dataset, changed, opening.instead_of)
        return False
    state.trouble = job.trouble
    if job.was_cancelled and opening.was_added:
        state.trouble = STOPPED
    if opening.instead_of is not None:
        state.wanted = opening.instead_of
    elif not opening.was_added:
        state.adding = True
    return False


def _take(state: Shelf, dataset: Dataset, changed: str, instead_of: Key | None) -> None:
    if instead_of is not None and instead_of != key_of(dataset):
        state.forget(instead_of)
    state.put(dataset)
    state.added[key_of(dataset)] = dataset.title
    state.answers += 1
    state.changed.pop(key_of(dataset), None)
    if changed:
        state.changed[key_of(dataset)] = changed


def keep_in_database(state: Shelf, found: Records) -> str:
    """Remember the dataset on the page once nothing is open about it; a sentence where that fails."""
    dataset = state.dataset
    if dataset is None or dataset.questions or found.fault or found.of(key_of(dataset)) is not None:
        return ""
    return remember(dataset)


def _show_medmnist(state: Shelf) -> None:
    if not is_available():
        st.markdown(NO_PACKAGE)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        flag = st.selectbox("Set", list(LABELS), key="medmnist-set", width=260)
        sizes = SIZES[:2] if flag.endswith("3d") else SIZES
        size = st.selectbox("Pixels", sizes, key="medmnist-size", width=120)
        st.button("Fetch", icon=":material/download:", on_click=_fetch, args=(state, flag, size), key="medmnist-fetch")
    st.caption("Comes over the network, through MedMNIST's own package, into ScanLens' folder on this computer.")


def _fetch(state: Shelf, flag: str, size: int) -> None:
    folder = home() / "datasets"

    def work(progress: Progress, cancelled: Stopper) -> tuple[Dataset, str]:
        progress(0.0, f"Fetching {flag} in {size} pixels")
        path = fetch_medmnist(flag, folder, size, cancelled)
        return opened(path, {}, None, progress, cancelled)

    state.trouble = ""
    asked = Opening(place_key(folder / f"{flag}.npz", {}))
    state.jobs.start("dataset", asked, f"Fetching {flag}", work, is_long=True)
