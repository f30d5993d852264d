"""From a model file and what was agreed on to a bundle in the user's folder: compiled apart, tried, kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, KerasProcessFailed, UnsafeModel, UnsupportedModel
from core.incoming.archive import read_archive
from core.incoming.card_draft import sha256_of, write_card
from core.incoming.contract import Contract
from core.incoming.inspect import LookProcess, inspect
from core.incoming.library import free_slug, import_zip, publish, staged
from core.incoming.report import Report
from core.inference.bundle import Bundle, open_bundle
from core.inference.origin import note_made_here
from core.models.card import InputSpec, ModelCard, load_card
from core.processes.worker_process import WorkerProcess

Progress = Callable[[float, str], None]
Stopper = Callable[[], bool]

#: Memory of the process that compiles, and what it may have more for each byte of a model.
MEMORY, MEMORY_PER_BYTE = 2 << 30, 14
#: Seconds without an answer, and more for each MB of a model beyond the first 20.
SECONDS, SECONDS_PER_MB = 110.0, 1.5
#: Spread of the logits, as a fraction of the largest, up to which they are the same but for rounding; and of the
#: probabilities of logits so large that all are 0 or 1, as where 0 to 255 goes into a model of 0 to 1.
LEAST_CHANGE, SATURATED = 1e-6, 10.0


class CompileProcess(WorkerProcess):
    """One model's own process; its task is that of `core.keras_worker.apart`.

    Args:
        folder: Empty; the only one that it may write to.
        size: Bytes of the model.
    """

    module = "core.keras_worker.apart"
    name = "the process that compiles models from elsewhere"
    failed = KerasProcessFailed
    environment = {  # noqa: RUF012 - a class variable of the base
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=-1",
    }

    def __init__(self, folder: Path, size: int) -> None:
        super().__init__(MEMORY + MEMORY_PER_BYTE * max(size - (20 << 20), 0), 120.0, folder)


def add(
    path: Path,
    contract: Contract,
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
    *,
    report: Report | None = None,
    replacing: ModelCard | None = None,
) -> Path:
    """Make a bundle of a model file in the user's folder.

    The file is looked into, opened and compiled in a process that can do no harm, compared with Keras' own answer to
    1e-5, and tried: an answer that is the same for every image is refused.

    Args:
        path: The file.
        contract: As agreed on.
        progress: Called with the fraction done and a few words.
        cancelled: Asked ten times a second.
        report: Of this file, where it was looked into already; it is compared by its hash.
        replacing: One of the user's models whose place the new version takes; its folder's name stays.

    Returns:
        The bundle's folder.

    Raises:
        UnsafeModel: The file asks for more than it may.
        UnsupportedModel: It cannot be compiled, or gives the same answer for every image.
        InvalidCard: The contract is incomplete or does not fit the model.
        KerasProcessFailed: It needed more memory or time than it may have.
        Cancelled: `cancelled` said so.
    """
    stop, tell = cancelled or (lambda: False), progress or (lambda _fraction, _words: None)
    contract.check()
    tell(0.0, "Looking into the file")
    if report is None or report.sha256 != sha256_of(path):
        report = inspect(path, stop)
    if report.refused:
        raise UnsafeModel(*_sentence(report.refused))
    if report.format == "bundle":
        return import_zip(path.read_bytes(), replacing).folder
    slug = replacing.slug if replacing is not None else free_slug(contract.title)
    with staged(slug) as made:
        compiled = compile_into(path, report, contract, made, lambda done: tell(0.1 + 0.7 * done, "Compiling"), stop)
        if stop():
            raise Cancelled("adding the model")
        tell(0.85, "Trying the answers")
        write_card(made, contract, report, compiled)
        bundle = open_bundle(load_card(made))
        check_answers_change(bundle)
        tell(0.95, "Writing the card")
        folder = publish(made, slug)
    tell(1.0, "Done")
    return folder


def _sentence(text: str) -> tuple[str, str]:
    """A refusal in its two parts."""
    wrong, _, action = text.rpartition(": ")
    return (wrong, action.rstrip(".")) if wrong else (text.rstrip("."), "choose another file")


def compile_into(
    path: Path, report: Report, contract: Contract, made: Path, tell: Callable[[float], None], stop: Stopper
) -> dict[str, Any]:
    """Put `model.onnx`, and `model.keras` where there is one, into a folder.

    Returns:
        What was found: `explain_layer`, `units`, `activation`, `max_difference`, `layers`.
    """
    with tempfile.TemporaryDirectory(prefix="scanlens-") as outside, tempfile.TemporaryDirectory() as inside:
        source, kind = _source(path, report, Path(outside))
        if kind == "onnx":
            return _adapt(source, contract, made, tell, stop)
        if kind not in {"keras", "h5"}:
            raise UnsupportedModel(
                f"{report.format_words} is only looked into", "save the model with Keras 3 as .keras"
            )
        process = CompileProcess(Path(inside), report.weights_bytes)
        asked = {
            "source": str(source), "format": kind, "layer": contract.explain_layer, "reading": contract.reading,
            "seconds": int(2 * _seconds(report)),
        }  # fmt: skip
        try:
            facts, _ = process.call("compile", asked, samples(contract), _seconds(report), tell, stop)
        finally:
            process.close()
        for name in ("model.keras", "model.onnx"):
            shutil.copyfile(Path(inside) / name, made / name)
    # Layers of fixed size that only calculate cost the same each time, and the limits above held while they ran.
    note_made_here(sha256_of(made / "model.onnx"), made.name)
    return facts


def _adapt(
    source: Path, contract: Contract, made: Path, tell: Callable[[float], None], stop: Stopper
) -> dict[str, Any]:
    """An ONNX file as a bundle's; it stays one from elsewhere, and runs in the guest process."""
    process = LookProcess()
    asked = {
        "path": str(source), "layer": contract.explain_layer, "reading": contract.reading,
        "maps": contract.task == "segmentation",
    }  # fmt: skip
    try:
        facts, arrays = process.call("adapt", asked, samples(contract), SECONDS, tell, stop)
    finally:
        process.close()
    (made / "model.onnx").write_bytes(arrays["model"].tobytes())
    return facts


def _seconds(report: Report) -> float:
    return SECONDS + SECONDS_PER_MB * max((report.weights_bytes >> 20) - 20, 0)


def _source(path: Path, report: Report, folder: Path) -> tuple[Path, str]:
    """The model file itself, out of the zip that it may have come in, and its kind."""
    with path.open("rb") as stream:
        packed = stream.read(4) == b"PK\x03\x04"
    if report.format == "keras" and packed:
        members = _members(path)
        packed_in = [name for name in members if name.lower().endswith(".keras")]
        if len(packed_in) == 1:
            (folder / "model.keras").write_bytes(members[packed_in[0]])
            return folder / "model.keras", "keras"
    for kind, ends in (("h5", (".h5", ".hdf5")), ("onnx", (".onnx",))):
        if report.format == kind and packed:
            members = _members(path)
            inner = next(name for name in members if name.lower().endswith(ends))
            (folder / f"model.{kind}").write_bytes(members[inner])
            return folder / f"model.{kind}", kind
    return path.resolve(), report.format


def _members(path: Path) -> Mapping[str, bytes]:
    return read_archive(path.read_bytes())


def samples(contract: Contract, count: int = 6) -> dict[str, NDArray[np.float32]]:
    """Made-up cases for each input: images of squares, stripes and ramps between black and white, and noise.

    Args:
        contract: Says sizes and values.
        count: Cases.

    Returns:
        Input name to (count, …) float32.
    """
    rng = np.random.default_rng(0)
    return {spec.name: _sample(spec, count, rng) for spec in contract.inputs}


def _sample(spec: InputSpec, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    if spec.kind == "table":
        least, most = (np.array([getattr(feature, end) for feature in spec.features]) for end in ("low", "high"))
        return (least + (most - least) * rng.random((count, len(spec.features)))).astype(np.float32)
    low, high = spec.value_range
    shape = spec.shape
    levels = 0.2 * rng.random((count, *shape))
    rows, columns = spec.size
    down, across = np.mgrid[0:rows, 0:columns]
    for case in range(count):
        board = (down // max(rows // 8, 1) + across // max(columns // 8, 1)) % 2
        image = (down / rows, across / columns, board)[case % 3]
        square = (abs(down - rows * (case + 1) / (count + 2)) < rows / 5) & (abs(across - columns / 2) < columns / 5)
        levels[case] += np.asarray(0.5 * image + 0.3 * square)[..., None]
    return (low + (high - low) * np.clip(levels, 0, 1)).astype(np.float32)


def check_answers_change(bundle: Bundle) -> None:
    """Refuse a model whose answer does not depend on what it is shown.

    Raises:
        UnsupportedModel: All made-up cases have the same answer, or one that is no number.
    """
    card = bundle.card
    rng = np.random.default_rng(0)
    batch = {spec.name: _sample(spec, 6, rng) for spec in card.inputs}
    logits = np.concatenate([bundle.run(_one(batch, case), outputs=("logits",)).logits for case in range(6)])
    if not np.isfinite(logits).all():
        raise UnsupportedModel("The answers are no numbers", "load the trained weights before saving the model")
    spread, largest = float(np.ptp(logits, axis=0).max()), float(np.abs(logits).max())
    answers = bundle.probabilities(logits.reshape(-1, logits.shape[-1])).reshape(6, -1)
    saturated = largest > SATURATED and float(np.ptp(answers, axis=0).max()) < LEAST_CHANGE
    if spread <= LEAST_CHANGE * largest or saturated:
        raise UnsupportedModel(
            "The answer is the same whatever the image shows",
            "choose another value range, or load the trained weights before saving the model",
        )


def _one(batch: Mapping[str, NDArray[np.float32]], case: int) -> dict[str, NDArray[np.float32]]:
    return {name: array[case : case + 1] for name, array in batch.items()}
