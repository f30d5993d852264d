"""The field found by going backwards is the field that a changed pixel shows."""

import numpy as np
import pytest

from core.lessons.inside.probe import Probe
from core.lessons.inside.receptive_field import field_of, reaches


def footprint(probe, number, cell, size):
    """Where a changed pixel changes the cell: the truth, one pixel at a time."""
    base = np.full((size, size), 0.5, np.float32)
    tensor = probe.network.boxes[number].tensor
    before = probe._session.run([tensor], {"image": base[None, ..., None]})[0]
    changed = np.repeat(base[None], size * size, axis=0)
    changed[np.arange(size * size), np.arange(size * size) // size, np.arange(size * size) % size] = 100.0
    after = probe._session.run([tensor], {"image": changed[..., None]})[0]
    first = probe.network.steps.maps(tensor, after)[..., cell[0], cell[1]]
    same = probe.network.steps.maps(tensor, before)[..., cell[0], cell[1]]
    return np.abs(first - same).max(axis=1).reshape(size, size) > 1e-4


@pytest.mark.parametrize("name", ["plain", "branched"])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.0, 0.0), (0.99, 0.4)])
def test_every_box_of_a_network_without_averages_sees_exactly_the_pixels_that_change_it(models, name, place):
    probe = Probe(models[name])
    for box in probe.network.boxes:
        if box.has_map:
            cell = int(place[0] * box.grid[0]), int(place[1] * box.grid[1])
            field = field_of(probe.network, box.number, cell)
            np.testing.assert_array_equal(field.paths > 0, footprint(probe, box.number, cell, 21), err_msg=box.name)
            assert not field.whole


def test_dilated_branches_leave_holes_that_a_bounding_box_would_hide(models):
    probe = Probe(models["branched"])
    field = field_of(probe.network, len(probe.network.boxes) - 3, (10, 10))
    top, left, bottom, right = field.box
    assert (bottom - top, right - left) == (9, 9)
    assert (field.paths > 0).sum() == 9 + 8 + 8  # 3 × 3 with steps of 1, 2 and 4 share their centre


def test_channel_attention_lets_every_pixel_in_and_is_told_apart_from_the_way_through_kernels(models):
    probe = Probe(models["attended"])
    heat = probe.network.heat
    field = field_of(probe.network, heat, (5, 5))
    assert field.whole
    assert footprint(probe, heat, (5, 5), 21).all()
    assert field.fraction < 0.05


def test_the_rule_of_thumb_is_the_width_of_the_field_inside_a_large_image(builder):
    b = builder(size=96)
    x = b.conv(b.first, "stem", out=2, stride=2)
    x = b.conv(b.pool(x, "pool"), "wide", kernel=5, dilation=2)
    probe = Probe(b.finish(b.plus(x, b.conv(x, "again"), "sum")))
    rules = reaches(probe.network)
    for box in probe.network.boxes:
        if box.has_map:
            top, left, bottom, right = field_of(probe.network, box.number, (box.grid[0] // 2, box.grid[1] // 2)).box
            assert rules[box.number].size == bottom - top == right - left, box.name
    stem, pool, wide = (rules[n] for n in (1, 2, 3))
    assert (stem.size, stem.jump) == (3, 2)
    assert (pool.size, pool.jump) == (3 + 1 * 2, 4)
    assert (wide.size, wide.kernel, wide.dilation, wide.before) == (5 + 4 * 2 * 4, 5, 2, (5, 4))


def test_paths_through_two_kernels_of_three_are_counted(builder):
    b = builder()
    probe = Probe(b.finish(b.conv(b.conv(b.first, "first"), "second")))
    row = field_of(probe.network, 2, (10, 10)).paths[10, 8:13] / 3
    assert row.tolist() == [1, 2, 3, 2, 1]


def test_half_of_the_paths_run_through_far_fewer_pixels(models):
    probe = Probe(models["plain"])
    field = field_of(probe.network, probe.network.heat, (2, 2))
    assert 0 < field.half < field.fraction / 2
