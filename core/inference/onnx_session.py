"""Sessions of ONNX Runtime: in this process for models that were made here, in a guest process for all others.

The only place that opens one for predictions. A session of either kind is used in the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import GuestProcessFailed, UnsafeModel
from core.inference.origin import is_made_here
from core.processes.worker_process import WorkerProcess

#: Bytes of a compiled model from elsewhere, and numbers that one case of an input or an output of it may have.
MOST_GUEST_BYTES = 256 << 20
MOST_NUMBERS = 1 << 26
#: Seconds that a guest may take to open, and to answer for a handful of cases.
OPEN_SECONDS, RUN_SECONDS = 60.0, 60.0


class Session(Protocol):
    """What the product needs of an ONNX Runtime session; inputs and outputs have `name`, `shape` and `type`."""

    def get_inputs(self) -> Sequence[Any]:
        """What it takes."""

    def get_outputs(self) -> Sequence[Any]:
        """What it gives."""

    def get_modelmeta(self) -> Any:
        """An object with `custom_metadata_map`."""

    def get_session_options(self) -> Any:
        """An object with `intra_op_num_threads`."""

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], run_options: Any = None
    ) -> Sequence[Any]:
        """The named outputs for N cases."""


def open_session(content: bytes, threads: int, origin: str = "") -> Session:
    """Open a compiled model.

    Args:
        content: The ONNX file, or a copy of one that was changed in memory.
        threads: Within one operation; 0 for one a physical core. A guest has one.
        origin: sha256 of the file that a changed copy was made from; `""` where `content` is the file itself.

    Raises:
        UnsafeModel: A model from elsewhere asks for more than a guest may have, or gives no numbers.
        GuestProcessFailed: It did not open within the limits of time and memory.
        Exception: ONNX Runtime's own, one class for each of its status codes, for a file that is broken.
    """
    if not is_made_here(origin or hashlib.sha256(content).hexdigest()):
        return GuestSession(content, guest_process(), trial=not origin)
    from core.onnx_runtime import onnxruntime

    return onnxruntime.InferenceSession(content, session_options(threads), providers=["CPUExecutionProvider"])


def session_options(threads: int) -> Any:
    """Options of every session of the product.

    Without the arena: it keeps what the largest input ever took, 750 MB after thirty models, and gains no time.
    """
    from core.onnx_runtime import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3  # errors only
    return options


class GuestProcess(WorkerProcess):
    """The one process for compiled models from elsewhere; its tasks are those of `core.inference.guest_worker`."""

    module = "core.inference.guest_worker"
    name = "the process for models from elsewhere"
    failed = GuestProcessFailed

    def __init__(self, memory_limit: int = 2 << 30, start_timeout: float = 60.0) -> None:
        super().__init__(memory_limit, start_timeout)


@cache
def guest_process() -> GuestProcess:
    """The one guest process; it starts when it is first needed."""
    return GuestProcess()


@dataclass(frozen=True)
class GuestValue:
    """An input or an output of a guest."""

    name: str
    shape: tuple[int | str | None, ...]
    type: str


@dataclass(frozen=True)
class _Meta:
    custom_metadata_map: Mapping[str, str]


@dataclass(frozen=True)
class _Options:
    intra_op_num_threads: int = 1


class GuestSession:
    """A model from elsewhere in the guest process. What it answers is checked before anyone else sees it.

    Args:
        content: The ONNX file.
        process: Where it runs.
        trial: Whether it answers for made-up cases first. A changed copy of a model that passed needs none, and its
            outputs have shapes of their own.

    Raises:
        UnsafeModel: It asks for more than a guest may have, or a trial gives other shapes, types or no numbers.
        GuestProcessFailed: It did not open or answer within the limits of time and memory.
    """

    def __init__(self, content: bytes, process: GuestProcess, trial: bool = True) -> None:
        if len(content) > MOST_GUEST_BYTES:
            raise _unsafe(f"The compiled model has {len(content) >> 20} MB, more than {MOST_GUEST_BYTES >> 20}")
        self._content, self._process, self._strict = content, process, trial
        self._key = hashlib.sha256(content).hexdigest()
        facts, arrays = self._open()
        self._inputs = tuple(_value(entry) for entry in _entries(facts, "inputs"))
        self._outputs = tuple(_value(entry) for entry in _entries(facts, "outputs"))
        text = bytes(arrays["metadata"]).decode("utf-8", "replace") if "metadata" in arrays else ""
        self._meta = _Meta({"scanlens": text} if text else {})
        if trial:
            self._try()

    def get_inputs(self) -> tuple[GuestValue, ...]:
        """What it takes."""
        return self._inputs

    def get_outputs(self) -> tuple[GuestValue, ...]:
        """What it gives."""
        return self._outputs

    def get_modelmeta(self) -> _Meta:
        """The model's metadata under the key `scanlens`, and no other."""
        return self._meta

    def get_session_options(self) -> _Options:
        """How many threads it has: one."""
        return _Options()

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, NDArray[np.generic]],
        run_options: Any = None,  # noqa: ARG002 - ONNX Runtime's signature
    ) -> list[NDArray[np.generic]]:
        """Answer for N cases.

        Raises:
            UnsafeModel: The answer has another shape or type than the model declares.
            GuestProcessFailed: It did not answer within the limits of time and memory.
        """
        names = [value.name for value in self._outputs] if output_names is None else list(output_names)
        feed = {name: np.ascontiguousarray(array) for name, array in input_feed.items()}
        asked = {"key": self._key, "names": names}
        found, arrays = self._process.call("run", asked, feed, timeout=RUN_SECONDS)
        if found.get("unknown"):  # the process was replaced, or had to make room
            self._open()
            found, arrays = self._process.call("run", asked, feed, timeout=RUN_SECONDS)
        cases = next((len(array) for array in feed.values() if array.ndim), 0)
        return [self._checked(name, arrays.get(str(place)), cases) for place, name in enumerate(names)]

    def _open(self) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
        model = {"model": np.frombuffer(self._content, np.uint8)}
        return self._process.call("open", {"key": self._key}, model, timeout=OPEN_SECONDS)

    def _checked(self, name: str, array: NDArray[np.generic] | None, cases: int) -> NDArray[np.generic]:
        declared = next((value.shape for value in self._outputs if value.name == name), None)
        if array is None or declared is None:
            raise _unsafe(f"The compiled model gives no output named {name[:60]}")
        wanted = (cases, *declared[1:]) if self._strict else array.shape
        fits = array.ndim == len(wanted) and all(
            not isinstance(size, int) or size == found for size, found in zip(wanted, array.shape, strict=True)
        )
        if not fits or array.dtype.kind != "f":
            raise _unsafe(
                f"The output {name[:60]} is {array.dtype} {array.shape}"[:140]
                + ", not floats of the shape that the model declares"
            )
        return array

    def _try(self) -> None:
        """Let it answer for two made-up cases, once: a model that gives no numbers is refused before it is chosen."""
        rng = np.random.default_rng(0)
        feed: dict[str, NDArray[np.generic]] = {}
        for value in self._inputs:
            sizes = [size for size in value.shape[1:] if isinstance(size, int)]
            if value.type != "tensor(float)" or len(sizes) != len(value.shape) - 1 or min(sizes, default=0) < 1:
                raise _unsafe(
                    f"The input {value.name[:60]} {value.shape}"[:130]
                    + " is no float array of fixed sizes but for the number of cases",
                )
            feed[value.name] = rng.random((2, *sizes), np.float32)
        if not all(np.isfinite(array.astype(np.float64)).all() for array in self.run(None, feed)):
            raise _unsafe("The compiled model answers a made-up image with values that are infinite or no numbers")


def _entries(facts: Mapping[str, Any], name: str) -> list[Any]:
    found = facts.get(name)
    if not isinstance(found, list) or not 0 < len(found) <= 64:
        raise _unsafe(f"The compiled model does not list its {name}")
    return found


def _value(entry: Any) -> GuestValue:
    try:
        name, shape, kind = entry
        sizes = tuple(size if isinstance(size, int) and not isinstance(size, bool) else None for size in shape)
    except (TypeError, ValueError) as error:
        raise _unsafe("The compiled model does not say what its inputs and outputs are") from error
    return GuestValue(str(name)[:200], sizes, str(kind)[:40])


def _unsafe(wrong: str) -> UnsafeModel:
    return UnsafeModel(wrong, "export the model again, or choose another")
