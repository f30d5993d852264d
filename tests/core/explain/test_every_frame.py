"""Maps of sampled frames become maps of all frames."""

import numpy as np

from core.explain.every_frame import on_every_frame
from core.explain.explanation import Explanation
from core.inference.prepare import Geometry

WHOLE = Geometry((2, 2), (2, 2), (1.0, 1.0), (0.0, 0.0), (0, 0, 2, 2))


def maps_of(frames, values):
    grids = np.asarray(values, np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    return Explanation(grids, tuple(frames), WHOLE, "grad-cam", "yes", "layer", opposing=2 * grids)


def test_frames_between_are_mixed_by_distance():
    found = on_every_frame(maps_of([0, 2, 6], [0.0, 4.0, 8.0]), 8)
    assert found.frames == tuple(range(8))
    assert found.grids[:, 0, 0].tolist() == [0.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 8.0]
    np.testing.assert_array_equal(found.opposing, 2 * found.grids)


def test_a_frame_seen_twice_has_the_mean_of_its_maps():
    assert on_every_frame(maps_of([0, 0, 1, 1], [1.0, 3.0, 5.0, 7.0]), 2).grids[:, 0, 0].tolist() == [2.0, 6.0]


def test_nothing_changes_where_every_frame_was_seen():
    explanation = maps_of([0, 1, 2], [1.0, 2.0, 3.0])
    assert on_every_frame(explanation, 3) is explanation
