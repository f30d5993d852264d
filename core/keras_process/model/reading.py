"""How a model takes the values of an image, put in front of it, so that the bundle takes RGB in one plain range.

Keras process only.
"""

from __future__ import annotations

from typing import Any

from core.errors import UnsupportedModel

#: Means of ImageNet in BGR order that Keras' `preprocess_input(mode="caffe")` subtracts.
CAFFE_MEANS = (103.939, 116.779, 123.68)
#: Means and deviations of ImageNet in RGB order from 0 to 1 of torchvision's models.
TORCH_MEANS, TORCH_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

#: What may be put in front: nothing, BGR for RGB, the means of Caffe's models, or those of torchvision.
READINGS = ("", "bgr", "caffe", "torch")


def with_reading(model: Any, reading: str) -> Any:
    """The model with a reading in front of its first image.

    Args:
        model: A built keras.Model.
        reading: `""` for none; `bgr` turns the channels round; `caffe` also subtracts the means of ImageNet (0 to 255
            goes in); `torch` divides by 255, subtracts means and divides by deviations.

    Raises:
        UnsupportedModel: The model has no single image of three channels last.
    """
    if not reading:
        return model
    import keras

    shape = tuple(model.inputs[0].shape[1:])
    if len(model.inputs) != 1 or len(shape) != 3 or shape[-1] != 3 or reading not in READINGS:
        raise UnsupportedModel("a model of one colour image for this reading", "another", "choose another reading")
    given = keras.Input(shape, name=str(model.inputs[0].name).replace("/", "_"))
    ready = given
    if reading in {"bgr", "caffe"}:
        ready = ready[..., ::-1]
    if reading == "caffe":
        ready = ready - keras.ops.convert_to_tensor([[[list(CAFFE_MEANS)]]], "float32")
    if reading == "torch":
        ready = ready / 255.0
        ready = ready - keras.ops.convert_to_tensor([[[list(TORCH_MEANS)]]], "float32")
        ready = ready / keras.ops.convert_to_tensor([[[list(TORCH_DEVIATIONS)]]], "float32")
    return keras.Model(given, model(ready))
