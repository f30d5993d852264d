"""Operations become boxes that people know, and boxes find their place."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from core.lessons.inside.network import read_network
from core.lessons.inside.network_layout import lay_out
from core.lessons.inside.onnx_steps import layer_path, read_steps


@pytest.fixture
def network(models):
    return lambda name: read_network(read_steps(models[name]))


def test_a_convolution_takes_its_activation_with_it(network):
    boxes = network("plain").boxes
    assert [box.kind for box in boxes] == [
        "input",
        "convolution",
        "depthwise",
        "pool",
        "convolution",
        "average",
        "dense",
    ]
    assert [box.details for box in boxes] == ["", "stride 2, ReLU", "ReLU", "stride 2", "dilation 2, ReLU", "", ""]
    assert [box.grid for box in boxes] == [(21, 21), (11, 11), (11, 11), (5, 5), (5, 5), None, None]
    assert boxes[4].output_words == "5 × 5 places, 3 channels"
    assert boxes[1].weights == 4 * 9
    assert boxes[6].weights == 3 + 1
    assert boxes[1].kernel.shape == (4, 1, 3, 3)


def test_branches_and_shortcuts_stay_what_they_are(network):
    found = network("branched")
    join = next(box for box in found.boxes if box.kind == "join")
    assert [found.boxes[p].name for p in join.parents] == ["every 1", "every 2", "every 4"]
    shortcut = next(box for box in found.boxes if box.kind == "sum")
    assert set(shortcut.parents) == {join.number, 1}
    assert found.heat == shortcut.number
    assert found.children(1) == (2, 3, 4, shortcut.number)


def test_gates_are_products_of_a_map_and_what_weighs_it(network):
    found = network("attended")
    gates = [box for box in found.boxes if box.kind == "gate"]
    assert [found.boxes[gate.parents[1]].details for gate in gates] == ["sigmoid", "sigmoid"]
    assert [found.boxes[gate.parents[1]].has_map for gate in gates] == [False, True]


def test_swish_is_one_activation_and_no_gate(builder):
    b = builder()
    x = b.conv(b.first, "stem", relu=False)
    y = b.plus(x, b.bend(x, "swish", "Sigmoid"), "swish", "Mul")
    boxes = read_network(read_steps(b.finish(y))).boxes
    assert [box.kind for box in boxes] == ["input", "convolution", "average", "dense"]
    assert boxes[1].details == "swish"


def test_a_flattened_map_is_a_station_of_its_own():
    nodes = [
        helper.make_node("Transpose", ["image"], ["m_1/a_1/t:0"], perm=[0, 3, 1, 2]),
        helper.make_node("Reshape", ["m_1/a_1/t:0", "shape"], ["m_1/flat_1/r:0"]),
        helper.make_node("MatMul", ["m_1/flat_1/r:0", "weights"], ["logits"]),
    ]
    constants = [
        helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 16]),
        helper.make_tensor("weights", TensorProto.FLOAT, [16, 2], np.ones(32)),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 4, 4, 1])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])
    graph = helper.make_graph(nodes, "flat", [image], [logits], constants)
    boxes = read_network(read_steps(helper.make_model(graph))).boxes
    assert [(box.kind, box.channels) for box in boxes] == [("input", 1), ("row", 16), ("dense", 2)]


@pytest.mark.parametrize(
    ("name", "path"),
    [("m_1/net_1/conv_12/BiasAdd:0", "net/conv"), ("m_1/logits_1/MatMul:0", "logits"), ("Conv__2:0", "")],
)
def test_layer_names_are_read_from_tensor_names(name, path):
    assert layer_path(name) == path


@pytest.mark.parametrize("name", ["plain", "branched", "attended"])
@pytest.mark.parametrize("widest", [3, 11])
def test_boxes_stand_behind_what_they_read_and_never_on_each_other(network, name, widest):
    found = network(name)
    spots = lay_out(found, widest)
    assert len({(spot.column, spot.lane) for spot in spots}) == len(spots)
    for box, spot in zip(found.boxes, spots, strict=True):
        for parent in box.parents:
            before = spots[parent]
            assert (before.row, before.column) < (spot.row, spot.column)
            assert before.row < spot.row or before.column < spot.column


def test_a_new_row_begins_where_the_map_shrinks(network):
    found = network("plain")
    rows = [spot.row for spot in lay_out(found)]
    assert rows[1] == rows[2] == 0
    assert rows[3] == rows[4] == 1


def test_branches_of_one_block_share_a_row(network):
    found = network("branched")
    spots = lay_out(found, widest=2)
    assert len({spots[n].row for n in range(2, 7)}) == 1
    assert len({spots[n].lane for n in (2, 3, 4)}) == 3
