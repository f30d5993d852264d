"""Images of the lesson's sets, put together to strips."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray


def show_strip(images: Sequence[NDArray[np.uint8]], captions: Sequence[str], side: int = 104) -> None:
    """Small (rows, columns[, 3]) images side by side with a line under each."""
    big = [cv2.resize(image, (side, side), interpolation=cv2.INTER_NEAREST) for image in images]
    with st.container(horizontal=True, gap="small"):
        for image, caption in zip(big, captions, strict=True):
            st.image(image, caption=caption, width=side, alt=caption)


def png_of(image: NDArray[np.uint8]) -> bytes:
    """A (rows, columns[, 3]) image as a PNG file."""
    return cv2.imencode(".png", image)[1].tobytes()
