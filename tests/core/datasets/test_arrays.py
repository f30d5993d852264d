"""An `.npz` as people save it: names, axes, numbers and labels."""

import gc
from collections import Counter

import numpy as np
import pytest

from core.datasets.dataset import UnusableDataset
from core.datasets.place import open_place, read_all
from core.datasets.readers import open_dataset
from core.errors import ScanLensError, TooLarge
from core.readers.memory import process_budget

COUNT = 8


def image(*shape, seed=0):
    """Eight made-up entries, uint8; channels and slices differ."""
    return np.random.default_rng(seed).integers(0, 256, (COUNT, *shape)).astype(np.uint8)


@pytest.fixture
def opened(tmp_path):
    def make(stack, truth=None, options=None, name="set", **arrays):
        truth = np.arange(len(stack)) % 3 if truth is None else truth
        path = tmp_path / f"{name}.npz"
        np.savez(path, **(arrays or {"test_images": stack, "test_labels": truth}))
        return open_dataset(path, options or {})

    return make


def asked(dataset):
    return [question.option for question in dataset.questions]


def read(dataset, index=3):
    return dataset.read(dataset.cases[index]).pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, ">u2", np.float16])
@pytest.mark.parametrize(
    ("shape", "move", "questions"),
    [
        ((24, 28), None, []), ((24, 28, 1), -1, []), ((1, 24, 28), 0, []), ((24, 28, 3), None, []),
        ((3, 24, 28), 0, ["axes"]), ((28, 28, 3), None, []), ((3, 28, 28), 0, ["axes"]),
    ],
)  # fmt: skip
def test_channels_lie_where_they_were_put(shape, move, questions, dtype, opened):
    images = image(*shape)
    dataset = opened(images.astype(dtype))
    wanted = images[3] if move is None else np.moveaxis(images[3], move, -1)
    assert np.array_equal(read(dataset)[0], wanted[..., 0] if wanted.shape[-1] == 1 else wanted)
    assert asked(dataset) == questions
    assert dataset.read(dataset.cases[3]).is_color == (3 in shape)


@pytest.mark.parametrize(
    ("shape", "questions", "axes", "slices"),
    [
        ((12, 28, 28), [], "slices", 0), ((28, 28, 28), [], "slices", 0), ((28, 28, 12), ["axes"], "last", 2),
        ((10, 20, 30), ["axes"], "slices", 0), ((1, 6, 9, 9), [], "one", None), ((6, 9, 9, 1), [], "one", None),
    ],
)  # fmt: skip
def test_slices_lie_where_they_were_put_and_are_asked_where_nobody_knows(shape, questions, axes, slices, opened):
    volumes = image(*shape)
    dataset = opened(volumes)
    wanted = volumes[3].squeeze() if axes == "one" else np.moveaxis(volumes[3], slices, 0)
    assert np.array_equal(read(dataset), wanted)
    assert asked(dataset) == questions
    if questions:
        (question,) = dataset.questions
        other = next(choice for choice in question.choices if choice != question.guess)
        assert read(opened(volumes, options={"axes": other})).shape != wanted.shape


@pytest.mark.parametrize("shape", [(24, 28, 4), (24, 28, 2), (5, 9, 9, 3), (9,), (2, 2, 5, 9, 9)])
def test_arrays_that_are_no_images_are_one_sentence(shape, opened):
    with pytest.raises(UnusableDataset, match="received"):
        opened(image(*shape))


def test_numbers_from_0_to_1_are_the_image_that_they_were_made_of(opened):
    for images in (image(24, 28), image(3, 24, 28)):
        dataset = opened(images.astype(np.float32) / 255)
        wanted = images[3] if images.ndim == 3 else np.moveaxis(images[3], 0, -1)
        assert np.array_equal(read(dataset)[0], wanted)
        assert any("from 0 to 1" in sentence for sentence in dataset.understood)


def test_truth_values_are_black_and_white(opened):
    assert set(np.unique(read(opened(image(9, 9) > 127)))) == {0, 255}


def test_wide_integers_keep_their_values(opened):
    wide = image(9, 9).astype(np.int32) * 16 - 1024
    assert np.array_equal(read(opened(wide))[0], wide[3])


def test_normalised_images_are_told_and_in_colour_refused(opened):
    normal = (image(9, 9) / 127.5 - 1).astype(np.float32)
    dataset = opened(normal)
    assert np.allclose(read(dataset)[0], normal[3])
    assert any("normalised before they were saved" in sentence for sentence in dataset.warnings)
    with pytest.raises(UnusableDataset, match="colours from 0 to 255"):
        opened((image(9, 9, 3) / 127.5 - 1).astype(np.float32))


def test_an_image_with_a_gap_is_one_case_less_and_not_black(opened):
    images = image(9, 9) / 255
    images[3, 4, 4] = np.nan
    dataset = opened(images)
    with pytest.raises(ScanLensError, match="NaN"):
        read(dataset)
    assert read(dataset, 2).shape == (1, 9, 9)


@pytest.mark.parametrize(
    "names",
    [
        ("X_train", "y_train"), ("x_train", "y_train"), ("train_x", "train_y"), ("trainImages", "trainLabels"),
        ("xtrain", "ytrain"), ("X_tr", "y_tr"), ("images_training", "targets_training"), ("train_data", "train_target"),
    ],
)  # fmt: skip
def test_arrays_are_known_by_the_names_that_people_use(names, opened):
    test = {name.replace("training", "test").replace("train", "test").replace("_tr", "_test"): name for name in names}
    arrays = dict(zip(names, (image(9, 9), np.arange(COUNT) % 3), strict=True))
    dataset = opened((), **arrays, **{other: arrays[name] for other, name in test.items()})
    assert Counter(case.split for case in dataset.cases) == {"train": COUNT, "test": COUNT}
    assert dataset.labels == ("0", "1", "2")


@pytest.mark.parametrize(
    "names", [("images", "labels"), ("x", "y"), ("X", "Y"), ("data", "target"), ("arr_0", "arr_1")]
)
def test_a_pair_without_a_split_is_a_dataset(names, opened):
    dataset = opened((), **dict(zip(names, (image(9, 9), np.arange(COUNT) % 3), strict=True)))
    assert [case.split for case in dataset.cases] == [""] * COUNT
    assert read(dataset).shape == (1, 9, 9)


def test_one_file_a_split_is_one_dataset(tmp_path):
    for split in ("train", "test"):
        np.savez(tmp_path / f"{split}.npz", images=image(9, 9), labels=np.arange(COUNT) % 3)
    dataset = open_dataset(tmp_path)
    assert Counter(case.split for case in dataset.cases) == {"train": COUNT, "test": COUNT}
    assert dataset.questions == ()
    assert all(dataset.stamp(case) != "missing" for case in dataset.cases)


@pytest.mark.parametrize("shape", [(COUNT,), (COUNT, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64, bool, "U3", "S3"])
def test_labels_come_in_many_types(shape, dtype, opened):
    truth = (np.arange(COUNT) % 2).astype(np.int64)
    dataset = opened(image(9, 9), truth.astype(dtype).reshape(shape))
    if dtype in ("U3", "S3"):
        dataset = opened(image(9, 9), np.array(["no", "yes"])[truth].astype(dtype).reshape(shape))
        assert dataset.labels == ("no", "yes")
        return
    assert asked(dataset) == ["positive"]
    assert [case.labels[0] for case in dataset.cases] == ["negative", "positive"] * 4


def test_texts_that_say_nothing_are_no_label(opened):
    dataset = opened(image(9, 9), np.array(["ill", "nan", "well", "", "ill", "NA", "well", "ill"]))
    assert Counter(case.labels for case in dataset.cases) == {("ill",): 3, ("well",): 2, (): 3}
    assert "3 cases have no label and count in no metric." in dataset.warnings


@pytest.mark.parametrize("order", ["C", "F"])
def test_one_column_a_class_is_one_class(order, opened):
    truth = np.arange(COUNT) % 3
    dataset = opened(image(9, 9), np.asarray(np.eye(3)[truth], order=order))
    assert (dataset.multilabel, asked(dataset)) == (False, ["several"])
    assert [case.labels[0] for case in dataset.cases] == [str(n) for n in truth]
    told = opened(image(9, 9), np.eye(3)[truth], {"several": "several findings"})
    assert (told.multilabel, told.cases[1].labels) == (True, ("finding 1",))


def test_findings_that_nobody_knows_stay_unknown(opened):
    truth = np.array([[0, 1, -1], [1, 1, 0], [0, 0, 0], [-1, 0, 1]] * 2)
    dataset = opened(image(9, 9), truth)
    assert [(case.labels, case.unknown) for case in dataset.cases[:4]] == [
        (("finding 1",), ("finding 2",)), (("finding 0", "finding 1"), ()), ((), ()), (("finding 2",), ("finding 0",)),
    ]  # fmt: skip
    assert any("4 findings of 4 cases are -1 or NaN" in sentence for sentence in dataset.warnings)


def test_labels_that_nobody_knows_count_in_no_metric(opened):
    for gap in (np.nan, -1):
        dataset = opened(image(9, 9), np.array([0, 1, gap, 1, 0, 1, gap, 0.0]))
        assert Counter(case.labels for case in dataset.cases) == {("negative",): 3, ("positive",): 3, (): 2}
        assert "2 cases have no label and count in no metric." in dataset.warnings
    assert asked(opened(image(9, 9), np.array([0, 1, 2, 1, 99, 1, 2, 0]))) == ["gap"]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.linspace(0, 1, COUNT), "look like probabilities"),
        (np.full((COUNT, 3), 1 / 3), "look like probabilities"),
        (np.tile([0, 1, 2], (COUNT, 1)), "3 columns of labels hold other numbers"),
        (np.zeros((COUNT, 2, 2)), "a label for each of the 8 images"),
        (np.zeros(COUNT + 1), "a label for each of the 8 images"),
        (np.full(COUNT, np.nan), "has a label that is known"),
        (np.array([{"a": 1}] * COUNT, dtype=object), "never unpacked"),
    ],
)
def test_labels_that_are_none_are_one_sentence(labels, words, opened):
    with pytest.raises(UnusableDataset, match=words):
        opened(image(9, 9), labels)


@pytest.mark.parametrize("names", [("test_images", "test_labels"), ("x", "y")])
def test_objects_are_refused_and_never_unpacked(names, opened):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("unpacked",)

    arrays = dict(zip(names, (np.array([Trap()] * COUNT, dtype=object), np.arange(COUNT)), strict=True))
    with pytest.raises(UnusableDataset, match="Python objects, which can carry code"):
        opened((), **arrays)


def test_what_is_held_of_arrays_is_claimed_and_given_back_with_the_dataset(opened):
    gc.collect()  # what earlier tests let go of
    before = process_budget().claimed
    dataset = opened(image(24, 28))
    read(dataset)
    assert process_budget().claimed >= before + COUNT * 24 * 28
    del dataset
    gc.collect()
    assert process_budget().claimed == before


def test_an_array_beyond_the_memory_of_the_process_is_one_sentence(opened, monkeypatch):
    gc.collect()
    monkeypatch.setattr(process_budget(), "total", process_budget().claimed)
    with pytest.raises(TooLarge, match="memory"):
        read(opened(image(24, 28)))


def test_a_file_of_a_dataset_is_claimed_while_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"x" * 1000)
    place = open_place(tmp_path)
    gc.collect()  # what earlier tests let go of
    before = process_budget().claimed
    assert read_all(place, "a.png") == b"x" * 1000
    gc.collect()
    assert process_budget().claimed == before
    monkeypatch.setattr(process_budget(), "total", before + 1999)
    with pytest.raises(TooLarge, match="memory"):
        read_all(place, "a.png")


def test_more_labels_than_any_set_has_are_one_sentence(opened, monkeypatch):
    monkeypatch.setattr("core.datasets.arrays.container._LABELS", COUNT - 1)
    with pytest.raises(UnusableDataset, match="more than 7 labels"):
        opened(image(24, 28))
