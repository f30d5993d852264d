"""The formulas of a training, with the numbers of this very run in them, and the run as a script."""

from __future__ import annotations

import math
from typing import Any

from core.lessons.sequences.text import tex_number
from core.lessons.training.data import LessonSet
from core.lessons.training.settings import VARIATIONS, LiveSettings

#: A class index of a weight's place, by the number of its axes.
_PLACES = {2: ("input", "unit"), 4: ("row", "column", "channel", "filter")}


def number(value: float) -> str:
    r"""Four significant digits for LaTeX.

    Example:
        >>> number(0.0012345), number(-3.0), number(2.5e-7)
        ('0.001234', '-3', '2.5 \\cdot 10^{-7}')
    """
    return tex_number(value, 4)


def sizes_formula(settings: LiveSettings, size: int, classes: int) -> list[str]:
    """LaTeX lines: how large each map of the chosen network is, and how many weights that makes."""
    units = 1 if classes == 2 else classes
    if settings.network == "logistic":
        return [rf"\text{{weights}} = {size} \cdot {size} \cdot {units} + {units} = {size * size * units + units:,}"]
    if settings.network == "chapter":
        map_size, pooled = size - 2, (size - 2) // 2
        inputs = pooled * pooled * 32
        return [
            rf"\text{{convolution: }} n - k + 1 = {size} - 3 + 1 = {map_size}, \quad "
            rf"3 \cdot 3 \cdot 1 \cdot 32 + 32 = 320 \text{{ weights}}",
            rf"\text{{pooling: }} \lfloor {map_size} / 2 \rfloor = {pooled}, \quad "
            rf"\text{{flat: }} {pooled} \cdot {pooled} \cdot 32 = {inputs:,}",
            rf"\text{{hidden: }} {inputs:,} \cdot 64 + 64 = {inputs * 64 + 64:,}, \quad "
            rf"\text{{logits: }} 64 \cdot {units} + {units} = {64 * units + units}",
        ]
    half, quarter = size // 2, size // 4
    return [
        rf"\text{{with a border of zeros: }} n + 2 \cdot 1 - 3 + 1 = n, \quad {size} \to {half} \to {quarter} "
        rf"\text{{ by pooling}}",
        r"\text{weights: } 9 \cdot 1 \cdot 32 + 32 = 320, \; 9 \cdot 32 \cdot 32 + 32 = 9{,}248, \; "
        r"9 \cdot 32 \cdot 64 + 64 = 18{,}496",
        rf"\text{{logits: }} 64 \cdot {units} + {units} = {64 * units + units}",
    ]


def standard_formula(level: int, mean: float, deviation: float) -> str:
    """LaTeX: one pixel's way into the network."""
    fraction = level / 255
    return (
        rf"\frac{{{level}}}{{255}} = {fraction:.3f}, \qquad \frac{{{fraction:.3f} - {mean:.3f}}}{{{deviation:.3f}}} = "
        rf"{(fraction - mean) / deviation:.2f}"
    )


def loss_formula(name: str, probability: float) -> str:
    """LaTeX: the cross-entropy of one case."""
    loss = -math.log(max(probability, 1e-12))
    return rf"-\ln p(\text{{{_plain(name)}}}) = -\ln {probability:.3f} = {loss:.3f}"


def weight_words(step: dict[str, Any]) -> str:
    """Which weight it is: `"conv1: row 1, column 3, channel 1, filter 9"`."""
    axes = _PLACES.get(len(step["place"]), ())
    places = ", ".join(f"{axis} {index + 1}" for axis, index in zip(axes, step["place"], strict=False))
    return f"{step['layer']}: {places}"


def step_formula(step: dict[str, Any], settings: LiveSettings) -> str:
    """LaTeX: one weight before and after one step of descent.

    Plain descent goes against the slope; Adam against its running mean, divided by the root of its running square
    (Kingma and Ba 2015), both corrected for their start at 0.
    """
    before, after, rate = number(step["before"]), number(step["after"]), f"{settings.learning_rate:g}"
    if settings.optimizer == "sgd":
        return rf"w - \eta \, g = {before} - {rate} \cdot ({number(step['slope'])}) = {after}"
    mean, square = number(step["momentum"]), number(step["velocity"])
    return (
        rf"w - \eta \, \frac{{\hat m}}{{\sqrt{{\hat v}}}} = {before} - {rate} \cdot "
        rf"\frac{{{mean}}}{{\sqrt{{{square}}}}} = {after}"
    )


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isalnum() or character == " ")[:30]


PRINTED = """\
model.add(Conv2D(32, (3, 3), activation="relu",
                 input_shape=(32, 32, 3)))      # the images are 28 × 28 × 1
model.compile(optimizer="adam",
              loss="categorical_crossentropy")  # the labels are 0 … 9
model.fit(x_train, y_train)                     # stops here
"""

WHY_SHAPE = (
    "MNIST's images are 28 × 28 with one grey channel, so the first layer must expect (28, 28, 1), and the array "
    "needs that last axis: `x[..., None]`. A network for 32 × 32 × 3 refuses them before the first step."
)

WHY_LOSS = (
    "The labels are integers, one for each image, while the network gives ten probabilities. "
    "`categorical_crossentropy` compares ten numbers with ten: it wants each label as ten zeros with a one. "
    "`sparse_categorical_crossentropy` takes the integer and looks up its probability. Both are the same −ln p."
)


def script(settings: LiveSettings, lesson_set: LessonSet, size: int) -> str:
    """The chosen network and training as a Keras script that runs by itself, on scikit-learn's digits.

    On another set the lines that read the images are the reader's own; the rest is the same.
    """
    lines = [
        "import cv2",
        "import keras",
        "import numpy as np",
        "from keras import layers",
        "from sklearn.datasets import load_digits",
        "from sklearn.model_selection import train_test_split",
        "",
        f"keras.utils.set_random_seed({settings.seed})",
        *_data_lines(lesson_set, size),
        "x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=0)",
        "",
        *_model_lines(settings, size),
        f"model.compile(keras.optimizers.{_optimizer(settings)},",
        '              loss="sparse_categorical_crossentropy",  # integer labels',
        '              metrics=["accuracy"])',
        f"model.fit(x_train, y_train, batch_size={settings.batch_size}, epochs={settings.epochs}, "
        "validation_data=(x_val, y_val))",
    ]
    return "\n".join(lines) + "\n"


def _data_lines(lesson_set: LessonSet, size: int) -> list[str]:
    first = (
        []
        if lesson_set.key == "digits"
        else [f"# In place of {_plain(lesson_set.title)}, which this script cannot reach:"]
    )
    return [
        *first,
        "digits = load_digits()",
        f"x = np.stack([cv2.resize(p, ({size}, {size})) for p in digits.images / 16.0])[..., None]  # one channel",
        "y = digits.target  # integers",
    ]


def _optimizer(settings: LiveSettings) -> str:
    return f"{'Adam' if settings.optimizer == 'adam' else 'SGD'}({settings.learning_rate:g})"


def _model_lines(settings: LiveSettings, size: int) -> list[str]:
    lines = [
        "model = keras.Sequential([",
        f"    keras.Input(({size}, {size}, 1)),",
        "    layers.Rescaling(1 / x_train.std(), -x_train.mean() / x_train.std()),",
        *_variation_lines(settings),
        *(f"    {line}," for line in _BODIES[settings.network]),
    ]
    if settings.dropout:
        lines.append(f"    layers.Dropout({settings.dropout:g}),")
    return [*lines, '    layers.Dense(10, activation="softmax"),', "])"]


def _variation_lines(settings: LiveSettings) -> list[str]:
    """The nearest layers that Keras has; the lesson varies images by functions of its own."""
    layers = {
        "shift": "layers.RandomTranslation(0.08, 0.08)",
        "turn": "layers.RandomRotation(12 / 360)",
        "zoom": "layers.RandomZoom(0.12)",
        "mirror": 'layers.RandomFlip("horizontal")',
        "grey": "layers.RandomContrast(0.2)",
        "noise": "layers.GaussianNoise(0.06)",
    }
    return [f"    {layers[key]}," for key in VARIATIONS if key in settings.variations]


def _deeper_lines(normalised: bool) -> list[str]:
    lines = []
    for block, filters in enumerate((32, 32, 64), start=1):
        lines.append(f'layers.Conv2D({filters}, 3, padding="same", kernel_initializer="he_normal")')
        lines += ["layers.BatchNormalization(momentum=0.9)"] if normalised else []
        lines += ["layers.ReLU()"] + (["layers.MaxPooling2D(2)"] if block < 3 else [])
    return [*lines, "layers.GlobalAveragePooling2D()"]


_BODIES = {
    "chapter": [
        'layers.Conv2D(32, 3, activation="relu")',
        "layers.MaxPooling2D(2)",
        "layers.Flatten()",
        'layers.Dense(64, activation="relu")',
    ],
    "deeper": _deeper_lines(False),
    "normalised": _deeper_lines(True),
    "logistic": ["layers.Flatten()"],
}
