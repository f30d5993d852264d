"""A planted square must be outlined where it is, whatever the model's grid, and measured as large as it is."""

import numpy as np
import pytest

from core.errors import Cancelled, IncompatibleInput
from core.inference.masks import count_components
from core.inference.predict import Segmentation, predict
from core.inference.study import Study
from core.segmentation.contours import rings_of
from core.segmentation.sizes import area_text, range_text, size_notes, volume_ml
from core.segmentation.words import headline, overlap_sentence, silence_sentence

SHAPES = [((64, 64), "stretch"), ((200, 130), "letterbox"), ((90, 240), "letterbox"), ((150, 210), "crop")]


def segment(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Segmentation, **told)


@pytest.mark.parametrize(("size", "resize"), SHAPES)
def test_a_planted_square_is_outlined_within_one_pixel_of_the_models_grid(segmenter, planted, size, resize):
    centre = size[0] // 2, size[1] // 2
    box = (centre[0] - 15, centre[1] - 12, centre[0] + 17, centre[1] + 20)
    found = segment(segmenter(resize=resize), planted(size, [box]))
    mask = found.mask(0, 0)
    edges = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    tolerance = max(found.geometry.scale)
    assert np.abs([edges[0][0] - box[0], edges[0][-1] + 1 - box[2]]).max() <= tolerance
    assert np.abs([edges[1][0] - box[1], edges[1][-1] + 1 - box[3]]).max() <= tolerance
    assert mask.shape == size


def test_where_the_model_did_not_look_nothing_is_outlined(segmenter, planted):
    found = segment(segmenter(resize="crop"), planted((100, 300), [(0, 0, 100, 300)]))
    mask = found.mask(0, 0)
    assert mask[:, 150].all()
    assert not mask[:, :90].any()
    assert not mask[:, -90:].any()


def test_the_line_encloses_the_mask(segmenter, planted):
    import cv2

    mask = segment(segmenter(), planted((128, 128), [(20, 20, 80, 90), (40, 40, 60, 60, 0)])).mask(0, 0)
    rings = rings_of(mask)
    assert len(rings) == 2, "the piece and its hole"
    enclosed = abs(cv2.contourArea(rings[0])) - abs(cv2.contourArea(rings[1]))
    assert enclosed == pytest.approx(mask.sum(), rel=0.03)


def test_a_line_around_one_pixel_is_drawn_around_that_pixel():
    mask = np.zeros((9, 9), bool)
    mask[4, 6] = True
    (ring,) = rings_of(mask)
    assert ring.min(axis=0).tolist() == [6.25, 4.25]
    assert ring.max(axis=0).tolist() == [6.75, 4.75]


def test_area_and_volume_follow_the_spacing(segmenter, planted):
    scan = planted((64, 64), [(10, 10, 30, 30)], [(10, 10, 30, 40)], [], slice_spacing_mm=4.0, spacing_mm=(0.5, 2.0))
    scan = type(scan)(**{**vars(scan), "pixel_aspect": 1.0})
    found = segment(segmenter(), scan)
    assert found.pixels[:, 0].tolist() == [400, 600, 0]
    assert found.pieces[:, 0].tolist() == [1, 1, 0]
    assert area_text(400, scan) == "400 mm²"
    assert range_text(400, 12_340, scan) == "400 to 12,300 mm²"
    assert volume_ml(found.pixels[:, 0], scan) == pytest.approx(1000 * 1.0 * 4.0 / 1000)
    assert headline(found, 1, scan) == "Disc outlined: 600 mm²"
    assert headline(found, 2, scan) == "No disc outlined on this slice"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"spacing_mm": None}, "does not say how large a pixel is"),
        ({"slice_spacing_mm": None}, "how far apart"),
        ({"slice_spacing_mm": 2.0, "warnings": ("The slices are not evenly spaced: one gap.",)}, "rough"),
    ],
)
def test_what_the_file_does_not_say_about_size_is_said(planted, facts, said):
    scan = planted((8, 8), [], [], **{"slice_spacing_mm": 1.0, **facts})
    assert said in " ".join(size_notes(scan))


def test_no_volume_is_given_without_all_slices(segmenter, planted):
    scan = planted((64, 64), [(10, 10, 30, 30)], [], slice_spacing_mm=4.0)
    assert volume_ml(segment(segmenter(), scan, [0]).pixels[:, 0], scan) is None
    assert volume_ml(np.array([4, 4]), planted((8, 8), [], [], axis="time", slice_spacing_mm=4.0)) is None


def test_several_labels_are_outlined_each_by_its_own(segmenter, planted):
    scan = planted((64, 64), [(5, 5, 15, 25, 128), (40, 40, 50, 50), (40, 5, 44, 9), (5, 50, 9, 60)])
    found = segment(segmenter(labels=("Background", "Haemorrhages", "Hard exudates")), scan)
    # Where a square ends its edge passes through the middle level, which belongs to the first label.
    assert found.mask(0, 0)[7:13, 7:23].all()
    assert found.mask(0, 1)[41:49, 41:49].all()
    assert not (found.mask(0, 0) & found.mask(0, 1)).any()
    assert found.pieces[0, 1] == 3
    assert headline(found, 0, scan) == "Outlined: haemorrhages and hard exudates"


def test_the_cards_threshold_decides(segmenter, planted):
    scan = planted((64, 64), [(10, 10, 30, 30, 129)])  # a probability of 0.58
    assert segment(segmenter(threshold=0.5), scan).pixels[0, 0] == 400
    assert segment(segmenter(slug="strict", threshold=0.7), scan).pixels[0, 0] == 0


def test_a_stack_tells_how_far_it_is_and_can_be_stopped(segmenter, planted):
    scan, bundle, told = planted((16, 16), *[[(2, 2, 6, 6)]] * 20), segmenter(), []
    whole = segment(bundle, scan, progress=told.append)
    assert told[-1] == 1.0
    assert len(told) == 3
    assert whole.probabilities.shape == (20, 64, 64, 1)
    with pytest.raises(Cancelled):
        segment(bundle, scan, cancelled=lambda: True)


def test_one_frame_answers_as_it_does_in_its_stack(segmenter, planted):
    scan, bundle = planted((40, 40), [(2, 2, 6, 6)], [(10, 10, 30, 21)], [(5, 5, 9, 9)]), segmenter()
    assert np.array_equal(segment(bundle, scan, [1]).mask(0, 0), segment(bundle, scan).mask(1, 0))


def test_a_scan_of_another_kind_carries_a_warning(segmenter, planted):
    assert "expects a made-up image" in segment(segmenter(), planted((16, 16), [], modality="CT")).warning


def test_a_model_that_does_not_outline_is_refused(segmenter, planted):
    bundle = segmenter()
    bundle.card = type(bundle.card)(**{**vars(bundle.card), "task": "binary"})
    with pytest.raises(IncompatibleInput, match="only a model that segments"):
        segment(bundle, planted((16, 16), []))


def test_pieces_that_touch_by_a_corner_are_one():
    assert count_components(np.eye(4, dtype=bool)) == 1
    assert count_components(np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]], bool)) == 4


def test_the_cards_overlap_is_quoted_with_its_interval(segmenter):
    card = segmenter().card
    said = overlap_sentence(card)
    assert said.startswith("On its own test patients its segmentation overlapped the expert's by 0.81 (0.77 to 0.85):")
    assert silence_sentence(card) == "Of the test images without disc it left 0.75 without an outline."


def test_overlaps_of_several_labels_are_told_apart(segmenter):
    card = segmenter(labels=("Background", "Haemorrhages", "Hard exudates")).card
    assert overlap_sentence(card) == "", "the one number of this card is of no label"
    index = card.front_matter["model-index"][0]["results"][0]["metrics"]
    index += [
        {"type": "dice", "label": "Haemorrhages", "value": 0.4},
        {"type": "dice_patient", "label": "Haemorrhages", "value": 0.5},
        {"type": "dice", "label": "Hard exudates", "value": float("nan")},
    ]
    assert "by 0.50 for haemorrhages: Dice" in overlap_sentence(card)


def at_places(*heights, aslant=0.0):
    """(slices, 3) origins of slices at these heights in mm, each shifted down by a part of its height."""
    return np.array([[height, aslant * height, 0.0] for height in heights])


@pytest.mark.parametrize(
    ("heights", "millilitres"),
    [
        ([0, 4, 8], 4.8),
        ([0, 4, 4, 8], 4.8),
        ([0, 0, 4, 8], 4.8),
        ([0, 4, 8, 8, 8], 4.8),
        ([0, 4, 8, 16], 0.4 * (4 + 4 + 6 + 6)),
    ],
)
def test_slices_at_a_shared_place_count_once_in_a_volume(heights, millilitres, planted):
    facts = {"slice_spacing_mm": 4.0, "spacing_mm": (1.0, 1.0), "slice_origins_mm": at_places(*heights)}
    scan = planted((8, 8), *[[]] * len(heights), **facts)
    assert volume_ml(np.full(len(heights), 400), scan) == pytest.approx(millilitres)
    assert ("lies where another" in " ".join(size_notes(scan))) == (len(heights) - len(set(heights)) == 1)


def test_masks_at_a_shared_place_count_by_their_mean(planted):
    facts = {"slice_spacing_mm": 2.0, "spacing_mm": (1.0, 1.0), "slice_origins_mm": at_places(0, 2, 2)}
    scan = planted((8, 8), [], [], [], **facts)
    assert volume_ml(np.array([100, 100, 300]), scan) == pytest.approx((100 + 200) * 2 / 1000)


def test_a_tilted_gantry_does_not_change_a_volume(planted):
    facts = {"slice_spacing_mm": 4.0, "spacing_mm": (1.0, 1.0), "slice_origins_mm": at_places(0, 4, 8, aslant=0.3)}
    assert volume_ml(np.full(3, 400), planted((8, 8), [], [], [], **facts)) == pytest.approx(4.8)
