"""Convolution by hand, against SciPy, and the arithmetic of sizes."""

import cv2
import numpy as np
import pytest
from scipy.signal import correlate2d

from core.errors import IncompatibleInput, UnsupportedModel
from core.lessons.convolution.compute import convolve, products_at
from core.lessons.convolution.kernels import (
    FIXED,
    Kernel,
    box_kernel,
    fixed_kernel,
    gabor_kernel,
    gaussian_kernel,
    typed_kernel,
)
from core.lessons.convolution.model_filters import first_layer
from core.lessons.convolution.text import number_text, size_latex, sum_latex
from core.lessons.sliding import Sliding
from core.lessons.working_copy import working_copy
from core.models.card import load_cards
from core.scan import Scan, Window
from ui.cache import MODELS


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (19, 23)).astype(np.uint8)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("size", [3, 5])
def test_a_map_is_the_cross_correlation_of_scipy(image, stride, dilation, size):
    kernel = Kernel("", np.random.default_rng(1).normal(size=(size, size)), 0.7)
    spread = np.zeros((dilation * (size - 1) + 1,) * 2)
    spread[::dilation, ::dilation] = kernel.weights
    wanted = correlate2d(image.astype(float), spread, "valid")[::stride, ::stride] + 0.7
    found = convolve(image, kernel, Sliding(size, stride, "valid", dilation))
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_same_padding_keeps_the_size_and_adds_zeros_as_scipy_does(image):
    kernel = Kernel("", np.arange(9.0).reshape(3, 3))
    wanted = correlate2d(image.astype(float), kernel.weights, "same")
    np.testing.assert_array_equal(convolve(image, kernel, Sliding(3, 1, "same")), wanted)


@pytest.mark.parametrize(
    ("length", "window", "stride", "pads"),
    [(224, 3, 2, (0, 1)), (160, 5, 2, (1, 2)), (7, 3, 2, (1, 1)), (28, 3, 1, (1, 1)), (5, 2, 2, (0, 1))],
)
def test_same_padding_with_a_stride_is_tensorflows(length, window, stride, pads):
    sliding = Sliding(window, stride, "same")
    assert sliding.pads(length) == pads
    assert sliding.output(length) == -(-length // stride)


def test_the_chapters_example_is_30_and_15_and_not_28():
    assert Sliding(3).output(32) == 30
    assert Sliding(2, stride=2).output(30) == 15
    assert Sliding(5).output(32) == 28
    assert r"\frac{32 + 0 - 3}{1}" in size_latex(Sliding(3), 32)
    assert r"\mathbf{30}" in size_latex(Sliding(3), 32)


@pytest.mark.parametrize(
    "sliding", [Sliding(3), Sliding(3, 2, "same"), Sliding(5, 3, "valid", 2), Sliding(7, 2, "same", 3)]
)
def test_the_terms_of_each_pixel_add_up_to_the_map(image, sliding):
    kernel = Kernel("", np.random.default_rng(2).normal(size=(sliding.window,) * 2), -1.5)
    found = convolve(image, kernel, sliding)
    for place in [(0, 0), (found.shape[0] - 1, found.shape[1] - 1), (found.shape[0] // 2, 0)]:
        products = products_at(image, kernel, sliding, place)
        assert products.total == pytest.approx(found[place], abs=1e-9)
        assert (products.terms[~products.patch.inside] == 0).all()


def test_every_output_is_reached_from_the_pixel_in_the_middle_of_its_window():
    for sliding in (Sliding(3), Sliding(3, 2, "same"), Sliding(5, 3, "valid", 2), Sliding(7, 1, "same", 3)):
        for place in range(sliding.output(40)):
            assert sliding.place(40, sliding.center(40, place)) == place


def test_a_window_larger_than_the_image_is_refused():
    with pytest.raises(IncompatibleInput, match="does not fit into 8"):
        convolve(np.zeros((8, 8)), gaussian_kernel(7), Sliding(7, dilation=3))


@pytest.mark.parametrize("kernel", [fixed_kernel(name) for name in ("Sobel x", "Sobel y", "Laplacian")])
def test_edge_kernels_give_nothing_on_an_even_area(kernel):
    assert not convolve(np.full((9, 9), 201.0), kernel, Sliding(3)).any()


@pytest.mark.parametrize("size", [3, 5, 7])
def test_blurs_and_gabor_are_normalised_and_gabor_is_opencvs_without_its_mean(size):
    assert box_kernel(size).weights.sum() == pytest.approx(1)
    assert gaussian_kernel(size).weights.sum() == pytest.approx(1)
    assert abs(gabor_kernel(size, 30, 4).weights.sum()) < 1e-12
    theirs = cv2.getGaborKernel((size, size), 2.0, np.deg2rad(30), 4.0, 0.5, 0.0)[::-1, ::-1]
    theirs = theirs - theirs.mean()
    np.testing.assert_allclose(gabor_kernel(size, 30, 4).weights, theirs * 2 / np.abs(theirs).sum(), atol=1e-9)


def test_sobel_x_is_positive_where_it_gets_brighter_to_the_right():
    step = np.tile([0.0, 0, 0, 9, 9, 9], (5, 1))
    assert convolve(step, fixed_kernel("Sobel x"), Sliding(3)).tolist() == [[0.0, 36, 36, 0]] * 3
    assert set(FIXED) == {"Sobel x", "Sobel y", "Laplacian", "Sharpen"}


def test_a_typed_kernel_is_read_with_commas_semicolons_and_empty_lines():
    assert typed_kernel("0 -1 0\n\n−1 5,5 -1; 0 -1 0").weights[1].tolist() == [-1, 5.5, -1]


@pytest.mark.parametrize("text", ["", "1 2\n3 4", "1 2 3\n4 5\n6 7 8", "a b c\n1 2 3\n4 5 6", "1 2 3", "nan 1 2\n" * 3])
def test_a_kernel_that_cannot_be_is_refused_in_words(text):
    with pytest.raises(IncompatibleInput, match=r"Expected 3, 5 or 7 lines|no number between"):
        typed_kernel(text)


def test_the_formula_holds_the_numbers_of_this_pixel():
    image = np.arange(25.0).reshape(5, 5)
    products = products_at(image, fixed_kernel("Sobel x"), Sliding(3), (1, 1))
    written = sum_latex(products)
    assert r"6\cdot(-1) + 7\cdot0 + 8\cdot1" in written
    assert r"\mathbf{8}" in written
    assert number_text(-0.00012) == "−0.00012"


@pytest.mark.parametrize("card", load_cards(MODELS)[0].values(), ids=lambda card: card.slug)
def test_the_first_filters_of_each_shipped_model_are_read_or_refused(card):
    try:
        layer = first_layer(card)
    except UnsupportedModel:
        return
    assert layer.weights.shape[0] == len(layer.biases) >= 8
    assert layer.weights.shape[1] in {3, 5, 7}
    assert np.abs(layer.weights).max() > 0


def test_models_of_each_design_show_their_filters():
    read = {"pneumonia-small-cnn", "pneumonia-chest-xray", "pneumonia-multiscale", "retinopathy-grading"}
    assert all(first_layer(load_cards(MODELS)[0][slug]).kernel(0).size == 3 for slug in read)


def test_the_first_map_of_a_shipped_model_is_the_one_that_onnx_runtime_computes():
    import onnx

    from core.onnx_runtime import onnxruntime

    card = load_cards(MODELS)[0]["pneumonia-small-cnn"]
    proto = onnx.load(card.folder / "model.onnx")
    node = next(node for node in proto.graph.node if node.op_type == "Conv")
    proto.graph.output.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(3).random((64, 64)).astype(np.float32)
    (maps,) = session.run([node.output[0]], {session.get_inputs()[0].name: image[None, :, :, None]})
    found = convolve(image, first_layer(card).kernel(5), Sliding(3, 1, "same"))
    np.testing.assert_allclose(found, maps[0, 5], atol=1e-5)


def make_scan(pixels, **facts):
    return Scan(pixels, "single", "ab" * 32, "PNG", "an image", **facts)


def test_a_copy_is_the_middle_square_and_each_pixel_the_mean_of_those_under_it():
    pixels = np.zeros((1, 64, 128), np.uint8)
    pixels[:, ::2, 64:] = 200
    copy = working_copy(make_scan(pixels, windows=(Window(127.5, 255, "LINEAR_EXACT"),)), edge=32)
    assert copy.levels.shape == (32, 32)
    assert (copy.levels[:, :16] == 0).all()
    assert (copy.levels[:, 16:] == 100).all()
    assert copy.sentence.startswith("The lesson works on the middle square of the scan's 64 × 128 pixels")


def test_a_copy_has_square_pixels():
    pixels = np.arange(40 * 40, dtype=np.uint16).reshape(1, 40, 40)
    copy = working_copy(make_scan(pixels, pixel_aspect=2.0), edge=20)
    assert copy.was_cut  # twice as high as wide
    assert int(copy.levels[-1, 0]) - int(copy.levels[0, 0]) < 140  # half of the rows only


def test_a_small_scan_is_not_enlarged_and_colour_becomes_luma():
    colour = np.zeros((1, 20, 20, 3), np.uint8)
    colour[..., 1] = 100
    copy = working_copy(make_scan(colour), edge=256)
    assert copy.levels.shape == (20, 20)
    assert (copy.levels == 59).all()
    assert "colours turned to grey" in copy.sentence
