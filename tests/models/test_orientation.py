"""A heart is laid before a model as in training, however its file stores it; the answer is the same to the bit."""

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest

from core.inference.bundle import open_bundle
from core.inference.predict import Prediction, predict
from core.inference.study import Study
from core.models.card import load_card
from core.readers import Source, open_sources
from core.training.data.acdc import scan_of

MODELS = Path(__file__).parents[2] / "models"
HEARTS = ["heart-cine-gru", "heart-cine-lstm", "heart-single-frame"]
#: A short axis in (right, front, head): along a row to the left and back, down a column to the right, back and feet.
_COLUMNS, _ROWS = np.array([-0.639, -0.769, 0.0]), np.array([0.385, -0.32, -0.866])


def classify(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Prediction, **told)


@pytest.fixture(scope="module")
def beating():
    """(frames, rows, columns) uint8: a ring that beats, with a crescent on its left, as training images lie."""
    down, across = np.mgrid[:60, :64]
    frames = []
    for phase in np.linspace(0, 2 * np.pi, 14, endpoint=False):
        distance = np.hypot(down - 28, across - 38)
        inner = 11 + 3 * np.cos(phase)
        frame = np.where(distance < inner, 220, np.where(distance < inner + 6, 70, 20))
        frame[(np.hypot(down - 31, across - 26) < 13) & (distance > inner + 6)] = 180
        frame[50:, :] = 110
        frames.append(frame + across // 16)
    return np.array(frames, np.uint8)


def _affine():
    rows = _ROWS - (_ROWS @ _COLUMNS) * _COLUMNS / (_COLUMNS @ _COLUMNS)
    columns, rows = _COLUMNS / np.linalg.norm(_COLUMNS), rows / np.linalg.norm(rows)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([columns * 1.5, rows * 1.5, np.cross(columns, rows) * 8], axis=1)
    return affine


def _scan(frames, affine, order=(0, 1, 2), signs=(1, 1, 1)):
    voxels = frames.transpose(2, 1, 0)[:, :, None, :].transpose(*order, 3)
    turned = affine[:, [*order, 3]].copy()
    for axis, sign in enumerate(signs):
        if sign < 0:
            voxels = np.flip(voxels, axis)
            turned[:3, 3] += turned[:3, axis] * (voxels.shape[axis] - 1)
            turned[:3, axis] *= -1
    (scan,) = open_sources(
        [Source("cine.nii", nibabel.Nifti1Image(np.ascontiguousarray(voxels), turned).to_bytes())]
    ).scans
    return scan


@pytest.mark.parametrize("slug", HEARTS)
def test_all_48_ways_to_store_a_cine_get_the_answer_that_training_would_give(slug, beating):
    bundle = open_bundle(load_card(MODELS / slug), threads=1)
    expected = classify(bundle, scan_of(beating, "as in training"), [0] if slug == "heart-single-frame" else None)
    for order, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)):
        scan = _scan(beating, _affine(), order, signs)
        assert np.array_equal(scan.pixels, beating), (order, signs)
        if sum(signs) == -1:  # the pixels are the same, so a few answers do for all
            found = classify(bundle, scan, [0] if slug == "heart-single-frame" else None)
            assert np.array_equal(found.probabilities, expected.probabilities)


@pytest.mark.parametrize("slug", HEARTS)
def test_a_heart_model_says_how_its_images_lay(slug):
    assert "right ventricle on the left" in load_card(MODELS / slug).inputs[0].lies
