"""What a look into a model file found, in plain data that may cross a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

#: What kind of file it is; `""` for one that is no model at all.
Format = Literal["", "keras", "h5", "saved_model", "onnx", "bundle"]
#: What is found at the end of a model; `""` where that cannot be told without Keras.
Ending = Literal["", "softmax", "sigmoid", "linear"]

FORMAT_WORDS: Mapping[str, str] = {
    "": "no model file",
    "keras": "Keras 3 (.keras)",
    "h5": "Keras 2 (.h5)",
    "saved_model": "TensorFlow SavedModel",
    "onnx": "ONNX",
    "bundle": "ScanLens bundle",
}


@dataclass(frozen=True)
class Tensor:
    """An input or an output.

    Attributes:
        name: As the file calls it.
        shape: Without the axis of cases; None for a size that is open.
        dtype: `"float32"`, …, or `""` where the file does not say.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str = ""


@dataclass(frozen=True)
class Report:
    """What is in a model file, found without Keras, TensorFlow or ONNX Runtime.

    Attributes:
        name: Of the file.
        size: Its bytes.
        sha256: Of its content, by which the same file is known again.
        format: What kind of file.
        producer: What wrote it, with its version, as the file says.
        layers: Kind of layer or operator to how many there are, the most frequent first.
        layer_names: (name, kind) in the file's order, those of nested models as `backbone/layer`; at most 2,000.
        weights: Numbers in its weights.
        weights_bytes: Their bytes.
        inputs: In order.
        outputs: In order; a size that only Keras knows is None.
        ending: What its final activation is.
        channels_first: Whether images go in as (channels, rows, columns).
        value_range: Values of black and white that go in, where what is inside tells it.
        preprocessing: Sentences on what was found inside before the first layer with weights.
        backbone: A known architecture that it holds, e.g. `"MobileNetV2"`, or `""`.
        labels: Names of the classes that came with it.
        card: Front matter of a model card that came with it.
        suspicious: Sentences on what is unusual and was still let pass.
        refused: Why it is not opened, in one sentence that ends with what to do; `""` where it may be.
    """

    name: str
    size: int
    sha256: str
    format: Format = ""
    producer: str = ""
    layers: Mapping[str, int] = field(default_factory=dict)
    layer_names: tuple[tuple[str, str], ...] = ()
    weights: int = 0
    weights_bytes: int = 0
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    ending: Ending = ""
    channels_first: bool = False
    value_range: tuple[float, float] | None = None
    preprocessing: tuple[str, ...] = ()
    backbone: str = ""
    labels: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    suspicious: tuple[str, ...] = ()
    refused: str = ""

    @property
    def format_words(self) -> str:
        """The format for people, e.g. `"Keras 3 (.keras)"`."""
        return FORMAT_WORDS[self.format]

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Report:
        """The way back; what came through a pipe has lists where there were tuples.

        Raises:
            KeyError: A part is missing.
            TypeError: A part is something else.
            ValueError: A part has a value that it cannot have.
        """
        low_high = plain["value_range"]
        return cls(
            name=str(plain["name"]),
            size=int(plain["size"]),
            sha256=str(plain["sha256"]),
            format=plain["format"] if plain["format"] in FORMAT_WORDS else "",
            producer=str(plain["producer"])[:80],
            layers={str(kind)[:120]: int(count) for kind, count in plain["layers"].items()},
            layer_names=tuple((str(name), str(kind)) for name, kind in plain["layer_names"]),
            weights=int(plain["weights"]),
            weights_bytes=int(plain["weights_bytes"]),
            inputs=_tensors(plain["inputs"]),
            outputs=_tensors(plain["outputs"]),
            ending=plain["ending"] if plain["ending"] in {"softmax", "sigmoid", "linear"} else "",
            channels_first=bool(plain["channels_first"]),
            value_range=None if low_high is None else (float(low_high[0]), float(low_high[1])),
            preprocessing=tuple(map(str, plain["preprocessing"])),
            backbone=str(plain["backbone"]),
            labels=tuple(map(str, plain["labels"])),
            card=dict(plain["card"]),
            suspicious=tuple(map(str, plain["suspicious"])),
            refused=str(plain["refused"]),
        )


def _tensors(plain: Any) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            str(entry["name"])[:200],
            tuple(int(size) if size is not None else None for size in entry["shape"]),
            str(entry["dtype"])[:40],
        )
        for entry in plain
    )
