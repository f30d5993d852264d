"""A model bundle in the web process: `model.onnx` in ONNX Runtime, checked against its card.

The only place that imports ONNX Runtime for predictions; the Keras file beside it is never opened here.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.bounded import Unbounded, parse_json, read_regular
from core.errors import Cancelled, IncompatibleInput, InvalidCard, UnsafeModel, WorkerFailed
from core.inference.onnx_session import Session, open_session
from core.inference.ood import (
    Reference,
    Similarity,
    read_reference,
    similarity,
)
from core.models.card import ModelCard
from core.models.link import Link, class_probabilities, link_of

#: Bytes of one file of a bundle.
MOST_BYTES = 1 << 30

ONNX_FILE = "model.onnx"
REFERENCE_FILE = "similarity.npz"
OUTPUTS = ("logits", "activations", "features")

#: The model's own final output, which the link of the logits gives as well, see `Bundle.probabilities`; for comparison.
FINAL_OUTPUT = "output"

#: Threads within one operation; 0 is ONNX Runtime's own choice, one for each physical core. Two threads on two cores
#: took 3.9 ms for a MobileNetV2 at 224 px where one took 7.2 ms; beside a training run on both cores, 7.1 and 7.5 ms.
INTRA_THREADS = 0

#: Frames that go through the model at once. More gains nothing on a CPU and costs memory.
CHUNK = 8

#: As many of these as there are processors are under way at once where there are many frames.
SMALL_CHUNK = 4


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """What a model gave for N inputs.

    Attributes:
        logits: (N, units) float32, before the final activation.
        activations: (N, [frames,] h, w, C) float32 of the explained layer, or None if not asked for or not there.
        features: (N, D) float32, the activations' mean over the positions, or None likewise.
        output: (N, units) float32, the final output as Keras gives it, or None likewise.
    """

    logits: NDArray[np.float32]
    activations: NDArray[np.float32] | None = None
    features: NDArray[np.float32] | None = None
    output: NDArray[np.float32] | None = None


class Bundle:
    """An opened model. May be used from several threads at once, as ONNX Runtime's sessions may.

    Attributes:
        card: The contract.
        outputs: Which of `OUTPUTS` the model has, and `FINAL_OUTPUT`.
        units: Number of logits, which is one less than the labels where one unit speaks for two.
        link: What makes probabilities of the logits, as the compiled file says.
        explain_layer: The layer of the activations as the compiled file names it.
        cam_weights: (units, C) float32 constant Grad-CAM weights, or None where the head is not affine.
        reference: What the model has seen, in the space of its features, or None where the bundle does not say.
        threads: Within one operation; 0 for ONNX Runtime's own choice.
        randomised: (share, seed) of a copy whose weights were drawn anew, see `core.inference.randomised`; else None.
    """

    def __init__(
        self,
        card: ModelCard,
        session: Session,
        reference: Reference | None = None,
        open_single: Callable[[], Session] | None = None,
    ) -> None:
        """Take an opened model.

        Args:
            card: The contract.
            session: The model.
            reference: What it has seen.
            open_single: Opens the same model with one thread within an operation, for many frames; None where that is
                what `session` has, or where only one may be open.
        """
        from core.onnx_runtime import onnxruntime

        self.card = card
        self._open_single = open_single
        self.reference = reference
        self.threads = int(session.get_session_options().intra_op_num_threads)
        self.randomised: tuple[float, int] | None = None
        self.outputs = tuple(value.name for value in session.get_outputs())
        self.units = int(session.get_outputs()[0].shape[-1])
        self._session = session
        self._shapes = {value.name: tuple(value.shape[1:]) for value in session.get_inputs()}
        self._only_asked = onnxruntime.RunOptions()
        self._only_asked.only_execute_path_to_fetches = True
        facts = _metadata(session, card)
        self.link = _link(facts, card, self.units)
        self.explain_layer = str(facts.get("explain_layer", card.explain_layer))
        self.cam_weights = _cam_weights(facts)

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Input name to its shape without the first axis."""
        return dict(self._shapes)

    def run(
        self,
        batch: Mapping[str, NDArray[np.float32]],
        outputs: Collection[str] = OUTPUTS,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> ModelOutput:
        """Run the model on N inputs, `CHUNK` at a time.

        Where there are more, several smaller chunks are under way at once, each with one thread: two threads of one
        operation wait for each other by spinning, which took 8 ms of processor time for an image where one took 4.

        Args:
            batch: Input name to (N, …), as `prepare` makes it.
            outputs: Which of `OUTPUTS`, or `FINAL_OUTPUT`, to compute; logits always are, and what the model lacks is
                None.
            progress: Called with the fraction done after each chunk.
            cancelled: Asked before each chunk.

        Raises:
            IncompatibleInput: An input is missing or has another shape.
            Cancelled: `cancelled` said so.
        """
        count = self._checked_length(batch)
        asked = (*OUTPUTS[1:], FINAL_OUTPUT)
        names = ["logits", *(name for name in asked if name in outputs and name in self.outputs)]
        if count <= CHUNK and cancelled is None:
            found = self._session.run(names, dict(batch), self._only_asked)
            if progress is not None:
                progress(1.0)
        else:
            found = self._run_chunks(batch, count, names, progress, cancelled)
        return ModelOutput(**dict(zip(names, found, strict=True)))

    def probabilities(self, logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float32]:
        """One column a label: at temperature 1 the numbers that the Keras model itself gives.

        Args:
            logits: (cases, units) as `run` gives them.
            temperature: Divides the logits, for calibration.
        """
        return class_probabilities(logits, self.card.task, temperature, self.link)

    @cached_property
    def pooled_head(self) -> bool:
        """Whether the logits are the activations' sum over the positions times the Grad-CAM weights, plus a bias.

        Then the gradient is the same at every position. Found out by numbers, once: with random inputs what is left of
        the logits without that product must be the same for all.
        """
        if self.cam_weights is None or "features" not in self.outputs:
            return False
        rng = np.random.default_rng(0)
        batch = {name: rng.random((6, *shape), np.float32) for name, shape in self._shapes.items()}
        batch = {name: array * rng.random((6, *[1] * (array.ndim - 1)), np.float32) for name, array in batch.items()}
        found = self.run(batch)
        assert found.activations is not None  # a bundle with weights has them
        total = found.activations.sum(axis=tuple(range(1, found.activations.ndim - 1)), dtype=np.float64)
        rest = found.logits - total @ self.cam_weights.T.astype(np.float64)
        return bool(np.ptp(rest, axis=0).max() <= 1e-3 * max(1.0, float(np.ptp(found.logits, axis=0).max())))

    def similarity(self, features: NDArray[np.float32] | None) -> tuple[Similarity, ...]:
        """How near each frame is to what the model has seen; empty where the bundle cannot tell.

        Args:
            features: (N, D) as `run` gives them.
        """
        if self.reference is None or features is None:
            return ()
        return similarity(self.reference, features)

    def _run_chunks(
        self,
        batch: Mapping[str, NDArray[np.float32]],
        count: int,
        names: list[str],
        progress: Callable[[float], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> list[NDArray[np.float32]]:
        workers = _processors() if count > CHUNK and self._open_single is not None else 1
        session = self._single if workers > 1 else self._session
        size = SMALL_CHUNK if workers > 1 else CHUNK

        def run(start: int) -> Sequence[Any]:
            chunk = {name: array[start : start + size] for name, array in batch.items()}
            return session.run(names, chunk, self._only_asked)

        parts: list[Sequence[Any]] = []
        starts = range(0, count, size)
        with ThreadPoolExecutor(workers, thread_name_prefix="predict") as pool:
            # A wave at a time: what was cancelled is given up after the chunks that are under way.
            for first in range(0, len(starts), workers):
                if cancelled is not None and cancelled():
                    raise Cancelled("the prediction")
                wave = starts[first : first + workers]
                parts += pool.map(run, wave) if workers > 1 else map(run, wave)
                if progress is not None:
                    progress(min(wave[-1] + size, count) / count)
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    @cached_property
    def _single(self) -> Session:
        assert self._open_single is not None  # asked for only where there is one
        return self._open_single()

    def _checked_length(self, batch: Mapping[str, NDArray[np.float32]]) -> int:
        if batch.keys() != self._shapes.keys():
            raise IncompatibleInput(
                f"The model takes {', '.join(self._shapes)}, and was given {', '.join(batch) or 'nothing'}",
                "choose another model",
            )
        for name, array in batch.items():
            if array.shape[1:] != self._shapes[name]:
                raise IncompatibleInput(
                    f"{name} of shape {_shape_words(self._shapes[name])}",
                    _shape_words(array.shape[1:]),
                    "choose another model",
                )
        lengths = {len(array) for array in batch.values()}
        if len(lengths) != 1 or 0 in lengths:
            raise IncompatibleInput("The inputs have no frames, or not all the same number", "choose a frame")
        return lengths.pop()


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_bundle(card: ModelCard, threads: int = INTRA_THREADS) -> Bundle:
    """Open the model that a card describes.

    Args:
        card: The contract.
        threads: Within one operation. One suits many images best, of which several are under way at once: two threads
            of one operation wait for each other by spinning and took 8.2 ms of processor time where one took 4.0.

    Raises:
        InvalidCard: The file is missing, is not the one the card was written for, or does not fit its contract.
    """
    content = verified_bytes(card, ONNX_FILE)
    try:
        session = open_session(content, threads)
    except (UnsafeModel, WorkerFailed) as error:  # a model from elsewhere, and what was wrong with it
        words = f"The compiled file of the model {card.slug} cannot be run. {error.wrong}"
        raise InvalidCard(words, "restore the model's folder") from error
    except Exception as error:  # ONNX Runtime has an exception class for each of its status codes
        raise _invalid(card, f"ONNX Runtime cannot open {ONNX_FILE}") from error
    try:
        return _checked(card, session, None if _is_single(session) else partial(_open_again, card))
    except InvalidCard:
        raise
    except Exception as error:  # outputs, metadata and weights can be anything in a file that anyone may have made
        raise _invalid(card, f"the outputs or metadata of {ONNX_FILE} are broken") from error


def _is_single(session: Session) -> bool:
    """Whether its operations have one thread: by choice, or in the guest process, where one may be open."""
    return int(session.get_session_options().intra_op_num_threads) == 1


def _open_again(card: ModelCard) -> Session:
    return open_session(verified_bytes(card, ONNX_FILE), 1)


def _checked(card: ModelCard, session: Session, open_single: Callable[[], Session] | None) -> Bundle:
    inputs, named = {value.name for value in session.get_inputs()}, {spec.name for spec in card.inputs}
    if inputs != named:
        raise _invalid(card, f"it takes {', '.join(sorted(inputs))}, and its card names {', '.join(sorted(named))}")
    first = session.get_outputs()[0]
    if first.name != "logits" or not isinstance(first.shape[-1], int):
        raise _invalid(card, f"the first output of {ONNX_FILE} is not logits of a fixed size")
    return Bundle(card, session, _reference(card), open_single)


def _reference(card: ModelCard) -> Reference | None:
    if REFERENCE_FILE not in card.sha256:
        return None
    try:
        return read_reference(verified_bytes(card, REFERENCE_FILE))
    except (KeyError, ValueError) as error:
        raise _invalid(card, f"{REFERENCE_FILE} is broken") from error


def verified_bytes(card: ModelCard, name: str) -> bytes:
    """Content of one file of the bundle, whose sha256 is the card's. What was hashed is what is returned.

    Raises:
        InvalidCard: The file is missing, not on the card, or another one.
    """
    try:
        content = read_regular(Path(card.folder) / name, MOST_BYTES)
    except OSError as error:
        raise _invalid(card, f"there is no file {name}") from error
    except Unbounded as error:
        raise _invalid(card, f"{name} is {error}") from error
    wanted, found = str(card.sha256.get(name, "")), hashlib.sha256(content).hexdigest()
    if wanted.lower() != found:
        wrong = f"{name} is not the one that its card was written for" if wanted else f"its card does not list {name}"
        raise _invalid(card, wrong)
    return content


def _invalid(card: ModelCard, wrong: str) -> InvalidCard:
    return InvalidCard(f"The model {card.slug} cannot be opened, because {wrong}", "restore the model's folder")


def _metadata(session: Session, card: ModelCard) -> dict[str, Any]:
    try:
        facts = parse_json(session.get_modelmeta().custom_metadata_map.get("scanlens", "{}"))
    except ValueError as error:
        raise _invalid(card, f"the metadata of {ONNX_FILE} are no JSON") from error
    return facts if isinstance(facts, dict) else {}


def _link(facts: Mapping[str, Any], card: ModelCard, units: int) -> Link:
    """The link of what was compiled, if it can answer what the card asks."""
    try:
        return link_of(str(facts.get("activation", "linear")), card.task, units, len(card.labels))
    except ValueError as error:
        raise InvalidCard(
            f"The model {card.slug} does not answer the task {card.task} ({str(error).rstrip('.')})",
            "correct the task on its card",
        ) from error


def _cam_weights(facts: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """(units, channels) from the metadata that `core.keras_process.model.compile` wrote, or None."""
    stored = facts.get("cam_weights")
    if stored is None:
        return None
    values = np.frombuffer(base64.b64decode(stored["float32"]), "<f4")
    return values.reshape(stored["shape"]).astype(np.float32)


def _shape_words(shape: tuple[int | str, ...]) -> str:
    return " × ".join(str(size) for size in shape)
