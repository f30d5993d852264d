"""The U-Net of the outline models (Ronneberger et al. 2015, MICCAI, doi:10.1007/978-3-319-24574-4_28)."""

from __future__ import annotations

from collections.abc import Sequence

import keras


def _convolve(tensor: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    """3 × 3 convolution, batch normalisation, ReLU."""
    made = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv")(tensor)
    made = keras.layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(made)
    return keras.layers.ReLU(name=name)(made)


def _with_local_contrast(image: keras.KerasTensor) -> keras.KerasTensor:
    """The image, and how far each pixel is above its surroundings of about 40 pixels, eight times enlarged.

    Photographs are lit unevenly by far more than a small lesion differs from its ground.
    """
    around = keras.layers.AveragePooling2D(8, name="around_coarse")(image)
    around = keras.layers.AveragePooling2D(5, 1, "same", name="around_wide")(around)
    around = keras.layers.UpSampling2D(8, interpolation="bilinear", name="around")(around)
    above = keras.layers.Subtract(name="above_surroundings")([image, around])
    above = keras.layers.Rescaling(8.0, name="enlarged")(above)
    return keras.layers.Concatenate(name="with_local_contrast")([image, above])


def unet(
    shape: tuple[int, int, int],
    units: int,
    filters: Sequence[int] = (12, 24, 48, 96),
    dropout: float = 0.0,
    stem: int = 1,
    local_contrast: bool = False,
    input_name: str = "image",
) -> keras.Model:
    """A U-Net with two convolutions a level, transposed convolutions on the way up, and as many logits a pixel.

    Unlike in the original, convolutions are padded, so that the answer is as large as the image, and normalised.

    Args:
        shape: (rows, columns, channels); rows and columns are multiples of `stem` times 2 to the number of levels
            below the first.
        units: 1 for a sigmoid, which speaks for the second label, else a softmax over so many labels.
        filters: Of each level, the bottom last.
        dropout: At the bottom, in training only; leaves out whole channels.
        stem: Step of a first convolution; 2 halves the grid of everything but the answer, which suits large findings.
        local_contrast: Whether the network also gets each pixel's difference from its surroundings; rows and columns
            are then multiples of 8.
        input_name: Of the Keras input.

    Returns:
        (N, rows, columns, channels) to probabilities (N, rows, columns, units); the final layer is `logits`, the
        bottom `bottom`, the last layer before the logits `fine`.

    Raises:
        ValueError: The size does not halve as often as needed.
    """
    step = max(stem * 2 ** (len(filters) - 1), 8 if local_contrast else 1)
    if shape[0] % step or shape[1] % step:
        raise ValueError(f"Expected rows and columns that are multiples of {step}. Received {shape[:2]}.")
    image = keras.Input(shape, name=input_name)
    tensor = _with_local_contrast(image) if local_contrast else image
    if stem > 1:
        tensor = keras.layers.Conv2D(filters[0], 2 * stem - 1, stem, "same", use_bias=False, name="stem_conv")(tensor)
    kept = []
    for level, count in enumerate(filters[:-1]):
        tensor = _convolve(_convolve(tensor, count, f"down{level}_a"), count, f"down{level}_b")
        kept.append(tensor)
        tensor = keras.layers.MaxPooling2D(2, name=f"down{level}_pool")(tensor)
    tensor = _convolve(_convolve(tensor, filters[-1], "bottom_a"), filters[-1], "bottom")
    if dropout:
        tensor = keras.layers.SpatialDropout2D(dropout, name="dropout")(tensor)
    for level in reversed(range(len(kept))):
        tensor = keras.layers.Conv2DTranspose(filters[level], 2, 2, name=f"up{level}")(tensor)
        tensor = keras.layers.Concatenate(name=f"up{level}_join")([kept[level], tensor])
        last = "fine" if level == 0 else f"up{level}_b"
        tensor = _convolve(_convolve(tensor, filters[level], f"up{level}_a"), filters[level], last)
    if stem > 1:
        tensor = keras.layers.Conv2DTranspose(8, stem, stem, activation="relu", name="enlarge")(tensor)
    activation = "sigmoid" if units == 1 else "softmax"
    answer = keras.layers.Conv2D(units, 1, activation=activation, name="logits")(tensor)
    return keras.Model(image, answer)
