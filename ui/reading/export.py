"""Files of an answer, made only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from core.models.card import ModelCard
from core.scan import Scan
from ui.downloads import show_download


@dataclass(frozen=True, eq=False)
class File:
    """One file that can be saved.

    Attributes:
        mime: Type of its content.
        make: Makes the content, in another thread.
        ending: Of its name, `""` for the kind in small letters.
    """

    mime: str
    make: Callable[[], bytes]
    ending: str = ""


def show_export(card: ModelCard, scan: Scan, files: Mapping[str, File]) -> None:
    """A button for each kind of file.

    Args:
        card: Of the model, for the names of the files.
        scan: That was read; no name of a patient is in the file's name.
        files: Kind, as on the button, to the file.
    """
    name = f"scanlens-{card.slug}-{scan.digest[:8]}"
    st.caption("Export")
    with st.container(horizontal=True):
        for kind, file in files.items():
            ending = file.ending or kind.lower()
            show_download(kind, file.make, f"{name}.{ending}", file.mime, key=f"export-{kind}")
