"""The headers of every answer: what the page may load, and who may show it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from streamlit import file_util

#: Content-security policy, Level 3. Nothing comes from elsewhere: scripts are files of this server, or text that they
#: made into a blob (Streamlit's components); styles may stand in the page, for that is how React and Plotly set them.
#: No script inside a page runs, but the one that Streamlit's own page begins with, and no event handler.
_DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' blob:",
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "frame-src": "'none'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


def headers_for(host: str) -> dict[str, str]:
    """Headers for an answer to a browser that reached this server as `host`.

    Args:
        host: A Host header that was found to be one of the server's; named because not every browser takes `'self'`
            for websockets as well.
    """
    scripts = " ".join([_DIRECTIVES["script-src"], *_inline_hashes()])
    directives = {**_DIRECTIVES, "script-src": scripts, "connect-src": f"'self' ws://{host} wss://{host}"}
    return {
        "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in directives.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()",
    }


@cache
def _inline_hashes() -> tuple[str, ...]:
    """Sources that allow the scripts that stand in the page of the installed Streamlit, to the byte, and no others."""
    try:
        page = (Path(file_util.get_static_dir()) / "index.html").read_bytes()
    except OSError:
        return ()
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    return tuple(f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in scripts)
