"""Look into a model file without Keras, TensorFlow or ONNX Runtime. Never runs what is in it.

Runs in a process of its own (`core.incoming.look_worker`), for the libraries that read HDF5 and protocol buffers are
written in C and a file may be made to break them.
"""

from __future__ import annotations

import hashlib
import io
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.bounded import parse_json
from core.errors import ScanLensError, UnsafeModel
from core.incoming.archive import read_archive
from core.incoming.keras_config import (
    backbone_of,
    inputs_of,
    is_channels_first,
    layers_of,
    outputs_of,
    treatment_of,
)
from core.incoming.onnx_look import look_into_onnx
from core.incoming.report import Report
from core.incoming.saved_model_look import look_into_saved_model
from core.keras_process.model.file_check import CONFIG, MAX_CONFIG, MAX_FILE, check_model_file
from core.keras_process.model.legacy_check import check_legacy_file
from core.models.card import split_front_matter

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
#: First bytes of what is never opened, and what to say of it.
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_EXPORT = "export the model to ONNX, or save it with Keras 3"


def look(path: Path) -> Report:
    """What is in a model file; where it is refused the report says why, and what of it could be read before.

    Args:
        path: A `.keras`, `.h5`, `.onnx` or `.zip` file, by content and not by name.
    """
    report = Report(path.name[:120], 0, "")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnsafeModel("A folder or device is no model file", "choose the file itself, or a zip of the folder")
        size = path.stat().st_size
        if size > MAX_FILE:
            raise UnsafeModel(f"a file of at most {MAX_FILE >> 20:,} MB", f"one of {size >> 20:,} MB", _EXPORT)
        report = replace(report, size=size, sha256=_sha256(path))
        return _look(path, report)
    except ScanLensError as error:
        return replace(report, refused=str(error))
    except OSError:
        return replace(report, refused="The file cannot be read: choose it again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _look(path: Path, report: Report) -> Report:
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith(_HDF5):
        return look_into_h5(path, report)
    if head.startswith(_ZIP):
        return _zip(path, report)
    if head.startswith(_PICKLES) or path.suffix.lower() in {
        ".pt",
        ".pth",
        ".pkl",
        ".pickle",
        ".joblib",
        ".ckpt",
        ".bin",
    }:
        raise UnsafeModel(
            "a model as data", "a pickle or a PyTorch checkpoint, which runs code when it is opened", _EXPORT
        )
    if not head:
        raise UnsafeModel("The file is empty", "choose another")
    try:
        return replace(report, **look_into_onnx(path.read_bytes()))
    except UnsafeModel as error:
        if error.wrong == "The file is not ONNX" and not report.name.lower().endswith(".onnx"):
            kinds = "a model as .keras, .h5, .onnx or a zip of a SavedModel"
            raise UnsafeModel(kinds, "a file of another kind", _EXPORT) from error
        raise


def _zip(path: Path, report: Report) -> Report:
    content = path.read_bytes()
    names = _names(content)
    if CONFIG in names or "model.weights.h5" in names:
        return look_into_keras(content, report)
    if any(name.endswith(("data.pkl", ".pkl", "constants.pkl")) for name in names):
        raise UnsafeModel(
            "a model as data", "a PyTorch checkpoint, which runs code when it is opened", "export the model to ONNX"
        )
    members = read_archive(content)
    if "saved_model.pb" in {name.rpartition("/")[2] for name in members}:
        return replace(report, **look_into_saved_model(members))
    return _packed(members, report)


def _names(content: bytes) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, zlib.error, NotImplementedError, EOFError) as error:
        raise UnsafeModel("a whole archive", "a damaged one", "pack or copy it again") from error


def _packed(members: Mapping[str, bytes], report: Report) -> Report:
    """One model in a zip, with its labels or its card beside it: Teachable Machine's export, or a bundle."""
    by_name = {name.rpartition("/")[2].lower(): name for name in members}
    models = [name for name in members if name.lower().endswith((".keras", ".h5", ".hdf5", ".onnx"))]
    card = _card(members.get(by_name.get("readme.md", ""), b""))
    if "scanlens" in card and "model.onnx" in by_name:
        inner = _inner(members[by_name["model.onnx"]], report)
        return replace(inner, format="bundle", card=card)
    if len(models) != 1:
        what = f"{len(models)} of them" if models else f"{len(members):,} other files"
        raise UnsafeModel("a zip with one model", what, "pack one .keras, .h5, .onnx or SavedModel")
    content = members[models[0]]
    report = replace(
        report, sha256=hashlib.sha256(content).hexdigest()
    )  # the model is known again, however it is packed
    return replace(_inner(content, report), labels=_labels(members, by_name), card=card)


def _inner(content: bytes, report: Report) -> Report:
    if content.startswith(_HDF5):
        with tempfile.TemporaryDirectory(prefix="scanlens-") as folder:
            path = Path(folder) / "model.h5"
            path.write_bytes(content)
            return look_into_h5(path, report)
    if content.startswith(_ZIP):
        return look_into_keras(content, report)
    return replace(report, **look_into_onnx(content))


def _labels(members: Mapping[str, bytes], by_name: Mapping[str, str]) -> tuple[str, ...]:
    """Lines of `labels.txt`, which Teachable Machine numbers: `0 Normal`."""
    text = members.get(by_name.get("labels.txt", ""), b"")[:20_000].decode("utf-8", "replace")
    found = []
    for line in text.splitlines()[:200]:
        number, _, rest = line.strip().partition(" ")
        word = rest if number.isdecimal() and rest else line.strip()
        if word:
            found.append("".join(char for char in word if char.isprintable())[:80])
    return tuple(found)


def _card(content: bytes) -> dict[str, Any]:
    try:
        return split_front_matter(content[: 2 << 20].decode("utf-8-sig").replace("\r\n", "\n"))[0] if content else {}
    except ValueError:
        return {}


def look_into_keras(content: bytes, report: Report) -> Report:
    """A `.keras` archive of Keras 3."""
    report = replace(report, format="keras")
    try:
        facts = check_model_file(content)
    except UnsafeModel as error:
        return replace(_described(_config(content), report), refused=str(error))
    described = replace(
        report, producer=f"Keras {facts.keras_version}".strip(), weights_bytes=facts.weights_bytes,
        weights=facts.weights_bytes // 4,
    )  # fmt: skip
    return _described(_config(content), described)


def _config(content: bytes) -> dict[str, Any]:
    """The configuration as JSON, `{}` where it cannot be read: it is described even where it is refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(CONFIG) as stream:
            found = parse_json(stream.read(MAX_CONFIG + 1), MAX_CONFIG)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def look_into_h5(path: Path, report: Report) -> Report:
    """An `.h5` of Keras 2, Teachable Machine's among them."""
    facts, config = check_legacy_file(str(path))
    described = replace(
        report, format="h5", producer=f"Keras {facts.keras_version}".strip(), weights_bytes=facts.weights_bytes,
        weights=facts.weights_bytes // 4,
    )  # fmt: skip
    return _described(config, described)


def _described(config: Mapping[str, Any], report: Report) -> Report:
    """What the configuration says beside what is allowed."""
    try:
        layers = list(layers_of(config))
        outputs, ending = outputs_of(config)
        inputs, treatment = inputs_of(config), treatment_of(layers)
    except (TypeError, ValueError, AttributeError, RecursionError):
        return replace(report, suspicious=(*report.suspicious, "Its configuration is in an order of its own."))
    kinds = Counter(layer.kind for layer in layers)
    return replace(
        report,
        layers=dict(kinds.most_common(200)),
        layer_names=tuple((layer.path, layer.kind) for layer in layers[:2000]),
        inputs=inputs,
        outputs=outputs,
        ending=ending,
        channels_first=is_channels_first(layers),
        value_range=treatment.value_range,
        preprocessing=treatment.sentences,
        backbone=backbone_of([layer.path for layer in layers]),
        suspicious=(*report.suspicious, *_unusual(layers)),
    )


def _unusual(layers: list[Any]) -> list[str]:
    found = []
    if not any(layer.kind.startswith(("Conv", "Depthwise", "Separable", "Dense", "LSTM", "GRU")) for layer in layers):
        found.append("It has no layer with weights that a model of images usually has.")
    return found
