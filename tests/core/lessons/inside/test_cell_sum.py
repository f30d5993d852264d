import numpy as np
import pytest

from core.lessons.inside.probe import Probe
from core.lessons.sequences.cell_sum import cell_sum


@pytest.mark.parametrize("cell", [(0, 0), (4, 3), (10, 10)])
def test_the_sum_of_products_is_what_the_network_computes(models, cell):
    """Strides, groups and borders, on a network whose convolutions end in a ReLU that nothing falls under."""
    probe = Probe(models["plain"])
    image = {"image": np.random.default_rng(0).random((1, 21, 21, 1), np.float32)}
    for number in (1, 2, 4):
        box = probe.network.boxes[number]
        at = min(cell[0], box.grid[0] - 1), min(cell[1], box.grid[1] - 1)
        maps = probe.run(image, [box.parents[0], number])
        for channel in range(box.channels):
            found = cell_sum(box, maps[box.parents[0]], channel, at)
            assert found.total == pytest.approx(float(maps[number][channel][at]), rel=1e-4)
    assert cell_sum(probe.network.boxes[3], maps[2] if 2 in maps else maps[number], 0, (0, 0)) is None
