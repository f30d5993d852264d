"""Faults of our own, logged without what they quote: a message of a foreign error may hold a patient's data."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

LOGGER = logging.getLogger("scanlens")


def log_fault(what: str, error: BaseException) -> None:
    """Write the error's type and the places it came through, never its message."""
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    LOGGER.error("%s failed with %s at %s", what, type(error).__name__, " < ".join(reversed(places[-6:])))
