"""Heatmaps against marks: which images take part, and what rows come to. To the model brightness is evidence."""

import base64
import csv
import json
import math
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import onnx
import pytest

from core.inference.bundle import Bundle
from core.onnx_runtime import onnxruntime
from core.training.card.heatmaps import heatmap_section
from core.training.card.localisation import choose_images, measure_localisation, parts
from core.training.data.marked_regions import UnreadableTruth, masks, read_marked
from core.training.recipe.reading import load_recipe
from core.training.recipe.schema import InvalidRecipe
from core.training.tasks.results import Choices

MASKS = {
    "name": "marks", "title": "masks of blobs", "kind": "mask", "folder": "marks", "table": "marks.csv",
    "join": {"picture": "file"}, "labels": ["Blob"], "marks": "blobs", "mask": "{picture}",
}  # fmt: skip
ALL = range(1, 96, 2)


@pytest.fixture
def data(blobs, tmp_path):
    """The blobs with a mask for each, at twice the resolution, a table of boxes and one of bits."""
    folder = tmp_path / "data"
    shutil.copytree(blobs, folder)
    (folder / "marks").mkdir()
    boxes = []
    for number in ALL:
        mask = (cv2.imread(str(folder / "blobs" / f"{number}.png"), 0) > 150).astype(np.uint8)
        boxes.append([f"{number}.png", *cv2.boundingRect(mask)])
        cv2.imwrite(str(folder / "marks" / f"{number}.png"), cv2.resize(mask * 255, (96, 80), interpolation=0))
        packed = mask | (np.eye(40, 48, dtype=np.uint8) << 2)  # bit 1 the blob, bit 4 a line
        cv2.imwrite(str(folder / "marks" / f"bits_{number}.png"), packed)
    write(folder / "marks" / "boxes.csv", ["file", "x", "y", "w", "h"], boxes)
    write(folder / "marks" / "marks.csv", ["picture", "number"], [[f"{number}.png", number] for number in ALL])
    return folder


def write(path, head, rows):
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([head, *rows])


@pytest.fixture
def recipe(entry, write_recipe):
    return lambda **changes: load_recipe(write_recipe({**entry, "localise": [{**MASKS, **changes}]}))


@pytest.fixture
def bundle(entry, recipe):
    """One channel of 8 × 8 cells, the brightness of the image; the logit is its mean less what blobs have."""
    make, shape = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    constants = {"dark": np.float32([0.4]), "less": np.float32([0.01]), "places": np.int64([1, 2])}
    graph = onnx.helper.make_graph(
        [
            make("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
            make("AveragePool", ["first"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
            make("Transpose", ["pooled"], ["last"], perm=[0, 2, 3, 1]),
            make("Sub", ["last", "dark"], ["bright"]),
            make("Relu", ["bright"], ["activations"]),
            make("ReduceMean", ["activations", "places"], ["features"], keepdims=0),
            make("Sub", ["features", "less"], ["logits"]),
        ],
        "brightness",
        [shape("image", 1, ["n", 32, 32, 1])],
        [shape("logits", 1, ["n", 1]), shape("activations", 1, ["n", 8, 8, 1]), shape("features", 1, ["n", 1])],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    weights = {"shape": [1, 1], "float32": base64.b64encode(np.float32([1]).tobytes()).decode()}
    onnx.helper.set_model_props(model, {"scanlens": json.dumps({"cam_weights": weights, "explain_layer": "cells"})})
    card = SimpleNamespace(
        labels=tuple(entry["labels"]),
        task="binary",
        title="Brightness",
        explain_layer="cells",
        inputs=(recipe().input,),
    )
    return Bundle(card, onnxruntime.InferenceSession(model.SerializeToString()))


def measured(bundle, recipe, data):
    return measure_localisation(bundle, recipe, recipe.localise[0], Choices(threshold=0.5), data)


def test_only_test_images_with_the_label_take_part_and_the_others_are_counted(recipe, data):
    made = recipe()
    chosen, left_out = choose_images(made, made.localise[0], data)
    assert [each.case.name for each in chosen] == [f"{number}.png" for number in range(77, 96, 2)]
    assert left_out == {"in the train split": 28, "in the val split": 10}
    made = recipe(labels=["Empty"])
    assert choose_images(made, made.localise[0], data)[1]["with another label"] == 10


def test_marks_of_unknown_images_are_left_out_unless_their_label_is_known(recipe, data):
    shutil.copy(data / "blobs" / "95.png", data / "marks" / "new.png")
    write(data / "marks" / "marks.csv", ["picture", "own"], [["new.png", ""], ["new.png", ""], ["95.png", "95.png"]])
    made = recipe(join={"own": "file"})
    assert choose_images(made, made.localise[0], data)[1] == {"not among the model's images": 2}
    made = recipe(join={"own": "file"}, others_are=["Blob"], file="{picture}")
    chosen, left_out = choose_images(made, made.localise[0], data)
    assert [(each.case.name, each.case.split) for each in chosen] == [("new.png", "unseen")] * 2 + [("95.png", "test")]
    assert left_out == {}
    assert chosen[0].explained(np.array([0.9, 0.1])) == (1,)


def test_map_that_follows_the_blob_beats_chance_and_centre(bundle, recipe, data):
    entry = measured(bundle, recipe(), data).entry()
    whole = entry["parts"][0]
    assert (whole["group"], whole["n"], entry["patients"]) == ({"marks": "blobs"}, 10, 10)
    for measure in whole["measures"].values():
        assert measure["value"] > max(measure["centre"], measure["chance"])
        assert measure["low"] <= measure["value"] <= measure["high"]
    assert whole["measures"]["hit"]["value"] == 1.0


def test_boxes_and_bits_mark_what_they_say(bundle, recipe, data):
    boxes = measured(bundle, recipe(kind="boxes", table="boxes.csv", join={"file": "file"}, box=list("xywh")), data)
    masks = measured(bundle, recipe(), data)
    area = boxes.table["area"] / masks.table["area"]
    assert area.between(1.4, 1.5).all()  # a square around a disc
    bits = measured(bundle, recipe(kind="bits", mask="bits_{picture}", bits={"Blob": 1, "Line": 4}), data)
    assert set(bits.table["marks"]) == {"Blob", "Line"}
    assert np.allclose(bits.table.query("marks == 'Blob'")["area"].to_numpy(), masks.table["area"], atol=0.01)


def test_boxes_are_moved_into_images_that_were_cut_out(recipe, data):
    whole = cv2.imread(str(data / "blobs" / "95.png"), 0)  # 40 rows, 48 columns
    cv2.imwrite(str(data / "blobs" / "cut.png"), cv2.resize(whole[10:40, 12:48], (72, 60)))
    head = ["file", "label", "patient", "split", "side", "whole", "l", "t", "w", "h"]
    rows = [[f"{n}.png", "none", f"q{n}", split, "", "", "", "", "", ""] for n, split in ((0, "train"), (2, "val"))]
    cut = ["cut.png", "blob", "p", "test", "", "95.png", 0.25, 0.25, 0.75, 0.75]
    write(data / "blobs" / "labels.csv", head, [*rows, cut])
    write(data / "blobs" / "boxes.csv", ["file", "x", "y", "w", "h"], [["95.png", 20, 18, 6, 9]])
    made = recipe(
        kind="boxes", folder="blobs", table="boxes.csv", join={"file": "whole"}, box=list("xywh"), cut=list("ltwh"),
        file="{file}",
    )  # fmt: skip
    (chosen,), _ = choose_images(made, made.localise[0], data)
    (mask,) = masks(made.localise[0], chosen.marked, chosen.own, data, (60, 72)).values()
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (16, 34, 16, 28)


def test_parts_tell_called_from_missed_and_small_groups_are_left_to_the_whole(bundle, recipe, data):
    table = measured(bundle, recipe(), data).table
    table["called"] = [True] * 7 + [False] * 3
    assert [(group, len(part)) for group, part in parts(table)] == [
        ({"marks": "blobs"}, 10), ({"marks": "blobs", "called": True}, 7),
    ]  # fmt: skip


def test_section_says_every_number_of_its_entry(bundle, recipe, data):
    entry = measured(bundle, recipe(), data).entry()
    text = heatmap_section(entry, "Blobs are found.")
    for part in entry["parts"]:
        for measure in part["measures"].values():
            for name in ("value", "low", "high", "chance", "centre"):
                assert math.isnan(measure[name]) or f"{measure[name]:.3f}" in text
    assert "28 in the train split" in text
    assert text.rstrip().endswith("Blobs are found.")


def test_empty_masks_are_counted_and_left_out(bundle, recipe, data):
    cv2.imwrite(str(data / "marks" / "95.png"), np.zeros((80, 96), np.uint8))
    found = measured(bundle, recipe(), data)
    assert len(found.table) == 9
    assert found.left_out["with an empty mask"] == 1


def test_missing_files_and_columns_are_one_sentence(bundle, recipe, data):
    (data / "marks" / "95.png").unlink()
    with pytest.raises(UnreadableTruth, match=r"95\.png is no image of one channel"):
        measured(bundle, recipe(), data)
    with pytest.raises(UnreadableTruth, match="lacks the columns count"):
        read_marked(recipe(join={"count": "file"}).localise[0], data)
    with pytest.raises(InvalidRecipe, match="no table"):
        read_marked(recipe(table="none.csv").localise[0], data)


@pytest.mark.parametrize(
    "changes", [{"mask": ""}, {"kind": "boxes"}, {"kind": "bits"}, {"kind": "guess"}, {"labels": ["Blub"]},
                {"others_are": ["Blob"]}, {"others_are": ["Blub"], "file": "{picture}"}, {"tolerance": 1}],
)  # fmt: skip
def test_faulty_marks_are_refused_with_the_recipe(recipe, changes):
    with pytest.raises(InvalidRecipe, match=r"blobs\.yaml"):
        recipe(**changes)
