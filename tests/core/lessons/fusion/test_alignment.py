import numpy as np
import pytest

from core.lessons.fusion.alignment import (
    Pose,
    checkerboard,
    distance,
    joint_histogram,
    moved,
    mutual_information,
    register,
)
from core.lessons.phantom import phantom


@pytest.fixture(scope="module")
def head():
    return phantom(3, 96)


@pytest.mark.parametrize("shift", [(5.0, -4.0, 6.0), (-9.0, 7.0, -11.0), (0.0, 0.0, 0.0)])
def test_another_contrast_is_laid_back_to_within_a_pixel(head, shift):
    """Two contrasts of one head do not look alike; a difference of brightness would not find the way."""
    moving = moved(head.images["flair"], Pose(*shift))
    found = register(head.images["pre"], moving)
    back = moved(moved(head.images["flair"], Pose(*shift)), found.pose)
    inner = np.s_[20:76, 20:76]
    assert np.abs(back - head.images["flair"])[inner].mean() < 0.06
    assert found.after >= found.before
    if any(shift):
        assert found.after > 1.1 * found.before


def test_shift_and_turn_go_the_way_they_say():
    dot = np.zeros((21, 21), np.float32)
    dot[10, 15] = 1
    assert np.unravel_index(moved(dot, Pose(down=3)).argmax(), dot.shape) == (13, 15)
    assert np.unravel_index(moved(dot, Pose(across=-2)).argmax(), dot.shape) == (10, 13)
    assert np.unravel_index(moved(dot, Pose(degrees=90)).argmax(), dot.shape) == (5, 10)


def test_distance_of_poses_is_that_of_their_pixels():
    assert distance(Pose(), Pose(3, 4), (100, 100)) == pytest.approx(5)
    assert distance(Pose(), Pose(degrees=2), (100, 100)) == pytest.approx(25 * np.deg2rad(2), rel=1e-3)


def test_mutual_information_is_scikit_learns():
    from sklearn.metrics import mutual_info_score

    rng = np.random.default_rng(0)
    first = rng.random((40, 40)).astype(np.float32)
    second = np.clip(first**2 + rng.normal(0, 0.1, first.shape), 0, 1)
    binned = [np.minimum((p * 32).astype(int), 31).ravel() for p in (first, second)]
    assert mutual_information(first, second) == pytest.approx(mutual_info_score(*binned) / np.log(2), abs=1e-9)
    assert joint_histogram(first, second).sum() == pytest.approx(1)


def test_a_checkerboard_takes_turns():
    board = checkerboard(np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32), 4)
    assert board[0, 0] == 0
    assert board[0, 2] == 1
    assert board.mean() == 0.5
