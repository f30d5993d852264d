"""Images of the lesson's sets, put together to strips."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray


def show_strip(pictures: Sequence[NDArray[np.uint8]], captions: Sequence[str], side: int = 104) -> None:
    """Small (rows, columns[, 3]) images side by side with a line under each."""
    big = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_NEAREST) for picture in pictures]
    with st.container(horizontal=True, gap="small"):
        for picture, caption in zip(big, captions, strict=True):
            st.image(picture, caption=caption, width=side, alt=caption)


def png_of(picture: NDArray[np.uint8]) -> bytes:
    """A (rows, columns[, 3]) image as a PNG file."""
    return cv2.imencode(".png", picture)[1].tobytes()
