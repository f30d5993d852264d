"""What the way in remembers: which file was brought, what was found in it, what was said of it."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from core.home import home
from core.incoming.contract import Contract, Proposal
from core.incoming.report import Report

#: In the address while a model is being brought; holds the slug of the model that is replaced, or this.
NAME, NEW = "add", "new"


@dataclass(eq=False)
class Adding:
    """The way in of one session.

    Attributes:
        uploads: Counts files, so that the uploader and the form can be emptied.
        path: Where the file lies that was brought; None before.
        report: What is in it.
        proposal: What it seems to be for.
        said: The contract as the form had it last; a form that was not drawn for a while is filled with it again.
        trouble: What went wrong, in one sentence.
        folder: Where uploads are kept until the model is at home; gone with the session.
    """

    uploads: int = 0
    path: Path | None = None
    report: Report | None = None
    proposal: Proposal | None = None
    said: Contract | None = None
    trouble: str = ""
    folder: Path | None = field(default=None, repr=False)

    def place(self, name: str) -> Path:
        """Where an uploaded file may be written, in a folder that is this session's alone.

        Raises:
            OSError: The user's folder cannot be written.
        """
        if self.folder is None:
            home().mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix="brought-", dir=home()))
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        return self.folder / safe_name(name)

    def start_over(self) -> None:
        """Forget the file; the copy of an upload is deleted."""
        if self.folder is not None and self.path is not None and self.path.parent == self.folder:
            self.path.unlink(missing_ok=True)
        self.path, self.report, self.proposal, self.said, self.trouble = None, None, None, None, ""
        self.uploads += 1


def safe_name(name: str) -> str:
    r"""The last part of a file's name with nothing in it that a file system could take for more.

    Example:
        >>> safe_name("../a/Mein Modell.keras"), safe_name("..\\x:y.h5"), safe_name("..")
        ('Mein Modell.keras', 'x_y.h5', 'model')
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    cleaned = "".join(sign if sign.isalnum() or sign in " ._-" else "_" for sign in last).strip(" .")
    return cleaned[-100:] or "model"


def adding() -> Adding:
    """This session's."""
    if "adding-model" not in st.session_state:
        st.session_state["adding-model"] = Adding()
    found: Adding = st.session_state["adding-model"]
    return found


def open_way_in(replaced: str = "") -> None:
    """Begin to bring a model, in place of one of the user's own where it is named."""
    adding().start_over()
    st.query_params[NAME] = replaced or NEW
    st.query_params.pop("model", None)


def leave(slug: str = "") -> None:
    """Back to the table, with the card of a model open where it is named."""
    adding().start_over()
    st.query_params.pop(NAME, None)
    if slug:
        st.query_params["model"] = slug
