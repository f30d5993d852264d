"""The user's own mask: every format gives the same pixels, another size is refused, agreement is what it should be."""

import gc
import io
import struct
import zlib

import cv2
import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from core.errors import ScanLensError, TooLarge
from core.inference.predict import Segmentation, predict
from core.inference.study import Study
from core.readers import Source, open_sources
from core.readers.mask import read_reference
from core.readers.memory import process_budget
from core.segmentation.agreement import frame_agreement, matched_masks, volume_agreement


def segment(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Segmentation, **told)


def png(mask, mode=None):
    target = io.BytesIO()
    image = Image.fromarray(mask)
    if mode == "P":
        image = Image.fromarray(mask, "P")
        image.putpalette([0, 0, 0, 200, 0, 0, 0, 90, 0] + [7] * 759)
    image.save(target, "PNG")
    return Source("mask.png", target.getvalue())


def nifti(mask, affine):
    """(x, y, z) as a file."""
    return Source("mask.nii", nib.Nifti1Image(mask, affine).to_bytes())


@pytest.fixture
def square():
    mask = np.zeros((40, 60), np.uint8)
    mask[5:15, 20:45] = 1
    return mask


@pytest.mark.parametrize("kind", ["0 and 255", "0 and 1", "bits", "16 bit", "colour", "palette"])
def test_every_kind_of_png_gives_the_same_mask(square, planted, kind):
    source = {
        "0 and 255": lambda: png(square * 255),
        "0 and 1": lambda: png(square),
        "bits": lambda: png(square.astype(bool)),
        "16 bit": lambda: Source("mask.png", cv2.imencode(".png", square.astype(np.uint16) * 9)[1].tobytes()),
        "colour": lambda: png(np.stack([square * 0, square * 200, square * 0], axis=-1)),
        "palette": lambda: png(square * 2, "P"),
    }[kind]()
    reference = read_reference(source, planted((40, 60), []))
    assert np.array_equal(reference.of()[0], square.astype(bool))


def test_a_nifti_mask_is_turned_like_its_scan(planted):
    rng = np.random.default_rng(0)
    volume, mask = rng.integers(1, 200, (2, 30, 20, 4)).astype(np.uint8)
    mask = (mask > 100).astype(np.uint8)
    affine = np.array([[-2.0, 0, 0, 9], [0, 1.0, 0, 4], [0, 0, 3.0, 1], [0, 0, 0, 1]])  # stored from right to left
    scan = open_sources([nifti(volume * mask, affine)]).scans[0]
    reference = read_reference(nifti(mask, affine), scan)
    assert np.array_equal(reference.of(), scan.pixels > 0)


def test_a_mask_of_one_image_belongs_to_the_slice_on_the_page(square, planted):
    reference = read_reference(png(square), planted((40, 60), [], [], []), frame=2)
    assert reference.frames == (2,)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (lambda mask: png(mask[:30]), "one of 30 × 60 pixels"),
        (lambda mask: png(mask * 0), "has no pixel"),
        (lambda mask: Source("mask.png", png(mask).data[:50]), "PNG is broken"),
        (lambda mask: png(np.arange(2400, dtype=np.uint8).reshape(40, 60)), "values"),
        (lambda mask: Source("mask.txt", b"no mask at all, only words"), "holds no mask"),
        (lambda mask: nifti(np.ones((60, 40, 3), np.uint8), np.eye(4)), "one of 3 images of 40 × 60"),
    ],
)
def test_what_is_no_mask_of_this_scan_gets_one_sentence(square, planted, source, said):
    with pytest.raises(ScanLensError, match=said) as raised:
        read_reference(source(square), planted((40, 60), []))
    assert str(raised.value).endswith(".")
    assert str(raised.value).count(": ") == 1


def test_the_same_outline_agrees_fully_and_a_shifted_one_by_its_overlap(segmenter, planted):
    scan = planted((64, 64), [(10, 10, 30, 30)])
    found = segment(segmenter(), scan)
    mask = found.mask(0, 0)
    same = frame_agreement(found, 0, mask, 0, scan)
    assert (same.dice, same.hausdorff, same.unit) == (1.0, 0.0, "mm")
    shifted = frame_agreement(found, 0, np.roll(mask, 4, axis=1), 0, scan)
    assert shifted.dice == pytest.approx(0.8)
    assert shifted.hausdorff == pytest.approx(4 * 0.5)
    bare = frame_agreement(found, 0, np.roll(mask, 4, axis=1), 0, planted((64, 64), [], spacing_mm=None))
    assert (bare.hausdorff, bare.unit) == (4.0, "pixels")


def test_a_volume_is_compared_in_three_dimensions(segmenter, planted):
    scan = planted((64, 64), *[[(10, 10, 30, 30)]] * 3, [], slice_spacing_mm=3.0)
    found = segment(segmenter(), scan)
    truth = np.zeros((4, 64, 64), bool)
    truth[1:, 10:30, 10:30] = True
    whole = volume_agreement(found, truth, 0, scan)
    assert whole.dice == pytest.approx(2 / 3)
    assert whole.hausdorff == pytest.approx(3.0), "one slice too low"
    assert np.isnan(volume_agreement(found, truth, 0, planted((64, 64), *[[]] * 4)).hausdorff)


def test_values_are_labels_only_where_they_can_be(square, planted):
    scan = planted((40, 60), [])
    labels = square.copy()
    labels[20:25] = 2
    assert sorted(matched_masks(read_reference(png(labels), scan), 3, 0)) == [0, 1, 2]
    assert list(matched_masks(read_reference(png(square * 255), scan), 3, 1)) == [1]
    everything = matched_masks(read_reference(png(labels), scan), 1, 0)
    assert everything[0].sum() == (labels > 0).sum()


def test_distances_in_space_follow_a_tilted_gantry(segmenter, planted):
    origins = np.array([[3.0 * n, 2.0 * n, 0.0] for n in range(4)])
    boxes = [[(10, 10, 30, 30)], [], [], []]
    straight = planted((64, 64), *boxes, slice_spacing_mm=3.0, spacing_mm=(1.0, 1.0))
    aslant = planted((64, 64), *boxes, slice_spacing_mm=3.0, spacing_mm=(1.0, 1.0), slice_origins_mm=origins)
    found = segment(segmenter(), straight)
    truth = np.zeros((4, 64, 64), bool)
    truth[1] = found.mask(0, 0)
    assert volume_agreement(found, truth, 0, straight).hausdorff == pytest.approx(3.0)
    # The same rows lie 2 mm further down: the edge is √(3² + 2²) off, the middle only 3.
    assert volume_agreement(found, truth, 0, aslant).hausdorff == pytest.approx(np.hypot(3, 2))


@pytest.mark.parametrize(("side", "said"), [(9_000, "9000 × 9000 pixels"), (60_000, "a far larger image")])
def test_a_png_of_another_size_is_refused_before_it_is_unpacked(planted, side, said):
    head = struct.pack(">2L5B", side, side, 8, 0, 0, 0, 0)
    chunk = struct.pack(">L", len(head)) + b"IHDR" + head + struct.pack(">L", zlib.crc32(b"IHDR" + head))
    source = Source("mask.png", b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">L", 0) + b"IDAT" + struct.pack(">L", 0))
    with pytest.raises(ScanLensError, match=said):
        read_reference(source, planted((40, 60), []))


def test_what_a_mask_holds_is_counted_until_it_is_gone(square, planted):
    gc.collect()  # what earlier tests let go of
    before = process_budget().claimed
    reference = read_reference(png(square), planted((40, 60), []))
    assert process_budget().claimed == before + 40 * 60
    del reference
    gc.collect()
    assert process_budget().claimed == before


def test_a_mask_beyond_the_memory_of_the_process_is_refused(square, planted, monkeypatch):
    gc.collect()  # what earlier tests let go of
    monkeypatch.setattr(process_budget(), "total", process_budget().claimed + 2000)
    with pytest.raises(TooLarge, match="memory"):
        read_reference(png(square), planted((40, 60), []))
