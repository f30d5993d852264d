import cv2
import numpy as np
import pytest

from core.datasets.dataset import Case, UnusableDataset
from core.datasets.digest import changed_since, with_digest
from core.datasets.stress.levels import (
    STRENGTHS,
    STRESSES,
    grey_range,
    stress_scan,
    stressed,
)
from core.inference.prepare import prepare
from core.models.card import InputSpec
from core.scan import Scan

CASE = Case("a.png", ("ill",))


def levels(edge=256, color=False):
    """A smooth image with fine structure and dark borders, 0 to 1."""
    draw = np.random.default_rng(5)
    shape = (edge, edge, 3) if color else (edge, edge)
    coarse = cv2.resize(draw.random((8, 8, 3) if color else (8, 8)).astype(np.float32), (edge, edge))
    fine = cv2.GaussianBlur(draw.random(shape).astype(np.float32), (0, 0), edge / 128)
    image = 0.7 * coarse + 0.8 * (fine - fine.mean()) * 4
    image[: edge // 8] = image[-edge // 8 :] = 0
    return np.clip(image, 0, 1)


def scan_of(kind):
    if kind == "colour":
        return make((levels(color=True) * 255).astype(np.uint8), "")
    if kind == "HU":
        return make((levels() * 1500 - 1000).astype(np.int16), "HU")
    if kind == "16 bits":
        return make((levels() * 4095).astype(np.uint16), "")
    if kind == "float":
        return make(levels() * 3.0 - 1.0, "")
    return make((levels() * 255).astype(np.uint8), "")


def make(pixels, units):
    return Scan(pixels[None], "single", "digest", "PNG", "picture", units=units)


KINDS = ("8 bits", "16 bits", "HU", "float", "colour")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STRESSES)
def test_the_distance_from_the_original_grows_with_the_strength(name, kind):
    scan = scan_of(kind)
    low, high = grey_range(scan)
    distances = []
    for strength in STRENGTHS:
        worse = stress_scan(scan, name, strength, CASE)
        distances.append(float(np.sqrt(np.mean((worse.frame(0) - scan.frame(0)) ** 2))) / (high - low))
    assert all(first < second for first, second in zip([0.0, *distances], distances, strict=False))
    assert distances[0] > 0.002


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STRESSES)
def test_a_stressed_scan_keeps_its_contract(name, kind):
    scan = scan_of(kind)
    worse = stress_scan(scan, name, 4, CASE)
    assert (worse.pixels.shape, worse.pixels.dtype, worse.units) == (scan.pixels.shape, scan.pixels.dtype, scan.units)
    assert worse.digest != scan.digest
    assert worse.provenance[-1].detail.startswith(STRESSES[name].title.lower())
    spec = InputSpec("image", "image", (64, 64), 1, (0.0, 1.0), "percentile", "letterbox", ())
    batch = prepare(worse, spec).batch["image"]
    assert np.isfinite(batch).all()
    assert batch.std() > 0.02


@pytest.mark.parametrize("edge", [7, 28, 900])
@pytest.mark.parametrize("name", STRESSES)
def test_small_and_large_images_are_stressed(name, edge):
    scan = make((levels(edge) * 255).astype(np.uint8), "")
    assert stress_scan(scan, name, 5, CASE).pixels.shape == scan.pixels.shape


@pytest.mark.parametrize("name", STRESSES)
def test_a_strip_is_stressed(name):
    scan = make(np.arange(300).astype(np.uint8).reshape(3, 100), "")
    assert stress_scan(scan, name, 5, CASE).pixels.shape == (1, 3, 100)


@pytest.mark.parametrize("name", STRESSES)
def test_the_same_case_is_always_stressed_in_the_same_way(name):
    scan = scan_of("8 bits")
    first, second = (stress_scan(scan, name, 3, CASE).pixels for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", ["noise", "bias"])
def test_other_cases_meet_other_chances(name):
    scan = scan_of("8 bits")
    other = stress_scan(scan, name, 3, Case("b.png", ())).pixels
    assert not np.array_equal(stress_scan(scan, name, 3, CASE).pixels, other)


def test_padding_outside_the_image_is_left_alone():
    scan = scan_of("HU")
    pixels = scan.pixels.copy()
    pixels[0, :20] = -2000
    padded = Scan(pixels, "single", "d", "DICOM", "t", units="HU", padding=-2000)
    for name in STRESSES:
        assert (stress_scan(padded, name, 5, CASE).pixels[0, :20] == -2000).all()


def test_bone_beyond_the_range_is_not_clipped():
    pixels = scan_of("HU").pixels.copy()
    pixels[0, 100:140, 100:140] = 2500
    scan = Scan(pixels, "single", "d", "DICOM", "t", units="HU")
    for name in ("noise", "gamma", "jpeg", "bias"):
        assert stress_scan(scan, name, 1, CASE).pixels[0, 110:130, 110:130].mean() > 2300


def test_noise_is_stronger_where_it_is_dense():
    flat = np.full((256, 256), 40, np.uint8)
    flat[:, 128:] = 200
    difference = stress_scan(make(flat, ""), "noise", 3, CASE).frame(0) - flat
    assert difference[:, 128:].std() > 1.5 * difference[:, :128].std()
    assert abs(difference.mean()) < 1.0


def test_the_strongest_inversion_is_the_negative():
    scan = scan_of("8 bits")
    assert np.array_equal(stress_scan(scan, "inverted", 5, CASE).pixels, 255 - scan.pixels)


def test_low_resolution_goes_down_to_28_pixels():
    scan = scan_of("8 bits")
    image = stress_scan(scan, "resolution", 5, CASE).pixels[0].astype(np.float32)
    original = scan.pixels[0].astype(np.float32)
    small = [cv2.resize(p, (28, 28), interpolation=cv2.INTER_AREA) for p in (image, original)]
    assert np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1] > 0.98
    assert np.abs(cv2.Laplacian(image, -1)).mean() < 0.2 * np.abs(cv2.Laplacian(original, -1)).mean()


def test_all_slices_are_turned_alike_and_noise_differs():
    stack = np.repeat(scan_of("8 bits").pixels, 2, axis=0)
    volume = Scan(stack, "slice", "d", "NIfTI", "t")
    assert np.array_equal(*stress_scan(volume, "rotation", 3, CASE).pixels)
    assert not np.array_equal(*stress_scan(volume, "noise", 3, CASE).pixels)


def test_a_stressed_dataset_is_one_of_its_own(dataset_of, png):
    dataset = with_digest(dataset_of([("ill", png(1), {}), ("well", png(2), {})]))
    worse = stressed(dataset, "blur", 2)
    assert changed_since(worse) == ""
    assert (worse.name, worse.variant) == ("made~blur-2", "blur-2")
    assert worse.cases == dataset.cases
    assert worse.digest not in {"", dataset.digest, stressed(dataset, "blur", 3).digest}
    assert not np.array_equal(worse.read(worse.cases[0]).pixels, dataset.read(dataset.cases[0]).pixels)


def test_the_digest_of_a_stressed_dataset_is_not_the_originals_however_it_is_taken(dataset_of, png):
    plain = dataset_of([("ill", png(1), {})])
    before = with_digest(stressed(plain, "blur", 2)).digest
    after = with_digest(stressed(with_digest(plain), "blur", 2)).digest
    assert before == after == stressed(with_digest(plain), "blur", 2).digest
    assert before != with_digest(plain).digest


@pytest.mark.parametrize(("name", "strength"), [("fog", 1), ("blur", 0), ("blur", 6)])
def test_an_unknown_stress_gives_one_sentence(name, strength, dataset_of, png):
    with pytest.raises(UnusableDataset, match="strengths 1 to 5"):
        stressed(dataset_of([("ill", png(1), {})]), name, strength)


def test_a_stressed_dataset_is_not_stressed_again(dataset_of, png):
    with pytest.raises(UnusableDataset, match="stressed already"):
        stressed(stressed(dataset_of([("ill", png(1), {})]), "blur", 1), "noise", 1)


def test_each_stress_says_what_it_stands_for_and_where_it_is_from():
    for name, stress in STRESSES.items():
        assert stress.name == name
        assert stress.meaning.endswith(".")
        assert stress.source
