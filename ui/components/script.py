"""The scripts of our components, each with what unpacks the server's messages before it.

Streamlit serves a component as one script. It is put together here, so that a browser fetches nothing else and the
content-security policy has nothing more to allow.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def script(name: str) -> str:
    """The script of a component whose messages `ui.packing.pack` makes.

    Args:
        name: Of the component's folder and of the script in it: `"viewer"`.
    """
    parts = (_HERE / "message.js", _HERE / name / f"{name}.js")
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)
