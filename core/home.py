"""Where a user's own results and models are kept: never beside the program, which may be read-only or shared."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "SCANLENS_HOME"


def home() -> Path:
    """The user data folder: `SCANLENS_HOME` where it is set, else the system's place for such data.

    It is not made here; who writes makes it.
    """
    chosen = os.environ.get(HOME_VARIABLE, "").strip()
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("scanlens", appauthor=False)
