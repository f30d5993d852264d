"""What a .keras file asks for, looked at before Keras does.

Keras' own security notes say to sandbox model files: archives could run code with safe_mode on (CVE-2025-1550, -8747,
-9906), read other files (CVE-2025-12058, CVE-2026-1669), write outside their folder (CVE-2025-12060) and exhaust memory
by declared shapes (CVE-2026-0897). Hence a list of what is allowed; anything else is refused. Runs in the Keras process
only, and needs h5py but not Keras.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from core.bounded import parse_json
from core.errors import UnsafeModel

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
#: Room for the largest of keras.applications, ConvNeXtXLarge with 1.3 GiB of weights.
MAX_FILE = 3 << 29
MAX_CONFIG = 16 << 20
MAX_NUMBER = 1_000_000
MAX_ELEMENTS = 1 << 27
MAX_DEPTH = 60

_LAYERS = """
Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention
AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose
ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Discretization
Dot Dropout ELU EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise
GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization
LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MultiHeadAttention Multiply Normalization
PReLU Permute RMSNormalization RNN RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast
RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert
RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation
RandomZoom ReLU RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell
Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells Subtract
TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
""".split()  # noqa: SIM905
_INITIALIZERS = """
Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
""".split()  # noqa: SIM905

#: Operations of keras.ops that only calculate, by the module they come from.
_OPERATIONS = {
    "numpy": """
    Abs Absolute Add All Amax Amin Any Argmax Argmin Average BroadcastTo Ceil Clip Concatenate Cos Cumsum Diff
    Divide DivideNoNan Dot Dstack Einsum Equal Exp ExpandDims Expm1 Flip Floor FloorDivide FullLike GetItem Greater
    GreaterEqual Hstack Less LessEqual Log Log10 Log1p Log2 Logaddexp LogicalAnd LogicalNot LogicalOr Matmul Max
    Maximum Mean Median Min Minimum Mod Moveaxis Multiply NanToNum Negative NotEqual OnesLike Outer Pad Power Prod
    Ptp Ravel Reciprocal Repeat Reshape Roll Rot90 Round Sign Sin Split Sqrt Square Squeeze Stack Std Subtract Sum
    Swapaxes Take Tanh Tensordot Tile Transpose TrueDivide Var Vstack Where ZerosLike
    """,
    "nn": """
    AveragePool BatchNorm Celu Conv DepthToSpace DepthwiseConv DotProductAttention Elu Gelu Glu HardShrink
    HardSigmoid HardSilu HardSwish HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments Normalize
    OneHot RMSNorm Relu Relu6 Selu Sigmoid Silu SoftShrink Softmax Softplus Softsign SpaceToDepth SparseSigmoid
    Sparsemax Squareplus Swish Tanh TanhShrink Threshold
    """,
    "core": "Cast StopGradient",
    "image": "CropImages PadImages RGBToGrayscale RGBToHSV Resize",
    "linalg": "Norm",
    "math": "Erf Logsumexp Rsqrt",
}

#: Every class that may be named in config.json, with the module it must come from.
ALLOWED: frozenset[tuple[str, str]] = frozenset(
    [("keras.layers", name) for name in _LAYERS]
    + [("keras.initializers", name) for name in _INITIALIZERS]
    + [("keras.regularizers", name) for name in ("L1", "L1L2", "L2", "OrthogonalRegularizer")]
    + [("keras.constraints", name) for name in ("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm")]
    + [(f"keras.src.ops.{module}", name) for module, names in _OPERATIONS.items() for name in names.split()]
    + [("keras.src.applications.convnext", name) for name in ("LayerScale", "StochasticDepth")]
    + [("keras.src.applications.inception_resnet_v2", "CustomScaleLayer")]
    + [(module, "DTypePolicy") for module in ("keras", "keras.dtype_policies")]
    + [(module, name) for module in ("keras", "keras.models") for name in ("Functional", "Model", "Sequential")]
    + [("keras.src.models.functional", "Functional"), ("keras.src.models.sequential", "Sequential")]
)

#: Names that a layer may carry as its activation.
ACTIVATIONS = frozenset(
    """
    celu elu exponential gelu glu hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid log_softmax
    mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign swish tanh
    """.split()  # noqa: SIM905
)

#: Values that Keras writes as plain data.
PLAIN = frozenset(["__keras_tensor__", "__slice__", "__ellipsis__", "__tuple__"])

#: Constants that Keras writes out number by number, and the types they may have.
CONSTANTS = frozenset(["__numpy__", "__tensor__"])
_TYPES = frozenset(
    "bfloat16 bool float16 float32 float64 int16 int32 int64 int8 uint16 uint32 uint64 uint8".split()  # noqa: SIM905
)

#: Numbers that stand for themselves and not for a size.
_FREE_NUMBERS = frozenset(["seed", "shared_object_id"])
_SHAPES = frozenset(["batch_shape", "batch_input_shape", "input_shape", "shape", "target_shape", "output_shape"])
_ACTIVATION_KEYS = frozenset(["activation", "recurrent_activation"])

#: Most copies that may be made of an array along one axis.
MAX_COPIES = 4096


@dataclass(frozen=True)
class ModelFileFacts:
    """What was found in a file that passed.

    Attributes:
        layers: Class names of its layers and how many there are of each.
        weights_bytes: Size of all weights.
        keras_version: As the file says, or `""`.
    """

    layers: dict[str, int]
    weights_bytes: int
    keras_version: str


def check_model_file(content: bytes) -> ModelFileFacts:
    """Look at the archive, its configuration and its weights without Keras.

    Args:
        content: A .keras file.

    Raises:
        UnsafeModel: The file asks for anything beyond plain layers of bounded size.
    """
    members = _members(content)
    try:
        config = parse_json(members[CONFIG], MAX_CONFIG)
        metadata = parse_json(members.get(METADATA, b"{}"), MAX_CONFIG)
    except ValueError as error:
        raise _unsafe("The configuration is no JSON, too large or too deep") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise _unsafe("The configuration describes no model")
    layers: dict[str, int] = {}
    # Optimiser, losses and metrics are never built, see `load_checked`, so their names are no concern.
    for name in _check_config({key: value for key, value in config.items() if key != "compile_config"}):
        layers[name] = layers.get(name, 0) + 1
    version = metadata.get("keras_version", "") if isinstance(metadata, dict) else ""
    return ModelFileFacts(layers, _check_weights(members[WEIGHTS]), str(version)[:40])


def _members(content: bytes) -> dict[str, bytes]:
    """The archive's files, if they are the three of Keras and nothing more."""
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _unsafe("The file is no .keras archive") from error
    with archive:
        names = [entry.filename for entry in archive.infolist()]
        if len(names) != len(set(names)) or not {CONFIG, WEIGHTS} <= set(names) <= {CONFIG, METADATA, WEIGHTS}:
            raise _unsafe(
                f"The archive holds {len(names)} files that are not {CONFIG}, {METADATA} and {WEIGHTS} once each"
            )
        for entry in archive.infolist():
            limit = MAX_FILE if entry.filename == WEIGHTS else MAX_CONFIG
            if entry.file_size > limit or entry.file_size > 100 * max(entry.compress_size, 1) or entry.flag_bits & 1:
                raise _unsafe(
                    f"{entry.filename} is encrypted, or unpacks to over {limit >> 20} MiB or a hundred times its size"
                )
        try:
            return {name: archive.read(name) for name in names}
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
            raise _unsafe("The archive is damaged") from error


def _check_config(node: Any, key: str = "", depth: int = 0) -> Iterator[str]:
    """Class names of the layers below a node of the configuration; refuses what is not allowed."""
    if depth > MAX_DEPTH:
        raise _unsafe(f"The configuration is more than {MAX_DEPTH} levels deep")
    if isinstance(node, dict) and node.get("class_name") in CONSTANTS:
        check_constant(node)
    elif isinstance(node, dict):
        if {"class_name", "registered_name", "module"} & node.keys():
            yield from _check_class(node)
        for name, value in node.items():
            check_named(name, value)
            yield from _check_config(value, name, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from _check_config(value, key, depth + 1)
    elif isinstance(node, float) and key in {"args", "kwargs"}:  # what is added or multiplied, such as -1e9 for a mask
        return
    elif isinstance(node, (int, float)) and key not in _FREE_NUMBERS and abs(node) > MAX_NUMBER and math.isfinite(node):
        raise _unsafe(f"The number {node:g} for {key} is beyond {MAX_NUMBER}")


def check_constant(node: dict[str, Any]) -> None:
    """Refuse a constant that is more than an array of numbers in the file itself."""
    config = node.get("config")
    value, kind = (config.get("value"), config.get("dtype")) if isinstance(config, dict) else (None, None)
    plain = len(node) == 2 and isinstance(config, dict) and len(config) == 2 and isinstance(kind, str)
    if not plain or kind not in _TYPES or not _are_numbers(value, 0):
        raise _unsafe("A constant in the model is not an array of numbers")


def _are_numbers(value: Any, depth: int) -> bool:
    if isinstance(value, list):
        return depth < 8 and all(_are_numbers(part, depth + 1) for part in value)
    return isinstance(value, (int, float))


def _numbers(value: Any) -> list[float]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, (int, float))]


def _check_class(node: dict[str, Any]) -> Iterator[str]:
    name, module, registered = node.get("class_name"), node.get("module"), node.get("registered_name")
    if name in PLAIN and module is None and registered is None:
        return
    if name == "function" and module == "builtins" and node.get("config") in ACTIVATIONS:
        return
    if (module, name) not in ALLOWED or registered not in {None, name}:
        raise _unsafe(f"{module or registered}.{name}"[:120] + " is no layer of Keras itself that only calculates")
    if module == "keras.layers":
        yield str(name)


def check_named(name: str, value: Any) -> None:
    """Bounds on shapes, and names of functions that are written as plain text."""
    if name in _SHAPES and isinstance(value, list):
        sizes = [size for size in value if isinstance(size, int) and size > 0]
        if math.prod(sizes) > MAX_ELEMENTS:
            raise _unsafe(f"A layer declares the shape {value}"[:120] + f", more than {MAX_ELEMENTS} values")
    if name == "repeats" and any(count > MAX_COPIES for count in _numbers(value)):
        raise _unsafe(f"A layer makes more than {MAX_COPIES} copies of an array")
    if name in _ACTIVATION_KEYS and isinstance(value, str) and value not in ACTIVATIONS:
        raise _unsafe(f"{value[:60]} is no activation of Keras itself")


def _check_weights(content: bytes) -> int:
    """Bytes of all weights, if the HDF5 tree holds plain arrays of its own and nothing else."""
    import h5py

    try:
        with h5py.File(BytesIO(content), "r") as file:
            total = sum(weights_below(file, 0))
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _unsafe("The weights are no whole HDF5 file") from error
    # Keras writes weights uncompressed; a claim far beyond the file is meant to exhaust memory.
    if total > MAX_FILE or total > 4 * len(content):
        raise _unsafe(f"The weights claim {total >> 20} MiB, more than the file can hold or {MAX_FILE >> 20} MiB")
    return total


def weights_below(group: Any, depth: int) -> Iterator[int]:
    """Bytes of each array below a group; refuses links, other files, virtual and external data."""
    import h5py

    if depth > MAX_DEPTH:
        raise _unsafe(f"The weights lie more than {MAX_DEPTH} levels deep")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise _unsafe("The weights link to another place")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from weights_below(item, depth + 1)
        elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual or item.dtype.kind not in "fiub":
            raise _unsafe("The weights are not all plain arrays of numbers inside the file")
        else:
            yield int(item.size) * item.dtype.itemsize


def _unsafe(wrong: str) -> UnsafeModel:
    return UnsafeModel(wrong, "use a model saved by Keras 3 that is made of its own layers")
