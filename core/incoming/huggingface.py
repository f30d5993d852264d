"""Models from Hugging Face by `hf://owner/name`: plain HTTPS, a list of files, one model and its card. Nothing else.

No library of theirs is used and nothing that is fetched is opened here; see https://huggingface.co/docs/hub/api.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from core.bounded import parse_json
from core.errors import ScanLensError
from core.keras_process.model.file_check import MAX_FILE

PREFIX = "hf://"
#: Where repositories lie; `HF_ENDPOINT` names a mirror, as for their own tools.
ENDPOINT = "https://huggingface.co"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_MOST_LIST, _MOST_CARD = 4 << 20, 1 << 20
_SECONDS = 30.0
_KINDS = (".keras", ".onnx", ".h5")


class Unreachable(ScanLensError):
    """A repository that cannot be had."""


def download(
    address: str, folder: Path, progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:  # fmt: skip
    """The one model of a repository, with its card beside it in a zip.

    Args:
        address: `hf://owner/name`, or `hf://owner/name/path/of/the/file` where there are several.
        folder: Where the zip goes.
        progress: Called with the fraction done and a few words.
        cancelled: Asked after each megabyte.

    Raises:
        Unreachable: There is no network, no such repository, or no one model of Keras or ONNX in it.
    """
    inside = address.removeprefix(PREFIX).strip("/")
    parts = inside.split("/")
    repository, wanted = "/".join(parts[:2]), "/".join(parts[2:])
    if not _NAME.fullmatch(repository) or ".." in parts:
        raise Unreachable(f"{PREFIX}owner/name", repr(address[:80]), "copy both from the page of the model")
    names = [name for name in _files(repository) if name.lower().endswith(_KINDS)]
    chosen = [name for name in names if name == wanted] if wanted else names
    if len(chosen) != 1:
        listed = ", ".join(names[:8]) or "none"
        raise Unreachable(f"one .keras, .onnx or .h5 in {repository}", listed, f"name it: {PREFIX}{repository}/FILE")
    content = _get(f"/{repository}/resolve/main/{quote(chosen[0])}", MAX_FILE, progress, cancelled)
    target = folder / f"{repository.replace('/', '_')}.zip"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(chosen[0].rpartition("/")[2], content)
        with contextlib.suppress(Unreachable):  # a model without a card is still a model
            archive.writestr("README.md", _get(f"/{repository}/resolve/main/README.md", _MOST_CARD))
    target.write_bytes(packed.getvalue())
    return target


def _files(repository: str) -> list[str]:
    try:
        found: Any = parse_json(_get(f"/api/models/{repository}", _MOST_LIST))
        return [str(entry["rfilename"]) for entry in found["siblings"]][:5000]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable("a list of files", "something else", "try again later") from error


def _get(
    path: str, most: int, progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> bytes:  # fmt: skip
    base = os.environ.get("HF_ENDPOINT", ENDPOINT).rstrip("/")
    if urlsplit(base).scheme != "https":
        raise Unreachable("an address with https", base[:80], "correct HF_ENDPOINT")
    request = urllib.request.Request(base + path, headers={"User-Agent": "scanlens"})
    content = bytearray()
    try:
        with _OPENER.open(request, timeout=_SECONDS) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            while part := answer.read(1 << 20):
                content += part
                if max(len(content), total) > most:
                    raise Unreachable(f"a file of at most {most >> 20:,} MB", "a larger one", "choose another model")
                if cancelled is not None and cancelled():
                    raise Unreachable("You stopped the download", "start again when you need it")
                if progress is not None:
                    progress(len(content) / total if total else 0.5, "Downloading")
    except urllib.error.HTTPError as error:
        raise Unreachable("There is no such repository, or it is not open to all", "look at its page") from error
    except (OSError, ValueError) as error:
        raise Unreachable("Hugging Face cannot be reached", "download the file yourself and add it") from error
    return bytes(content)


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows redirects to other places on the network by HTTPS only, never to files or plain HTTP."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError("a redirect to another kind of address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_OnlyHttps)
