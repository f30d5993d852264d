import numpy as np
import pytest

from core.datasets.dataset import UnusableDataset
from core.datasets.readers import DATASET_READERS, open_dataset
from core.errors import Cancelled, ScanLensError

TABLE = "path,label,split,patient,age,sex\na.png,ill,train,p1,50,F\nb.png,well,test,p2,60,M\n"


def classes():
    return {"ill/a.png": 1, "ill/b.png": 2, "well/c.png": 3, "README.txt": "about", "ill/notes.txt": "no image"}


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def example(layout, lay):
    if layout == "folders":
        return lay(classes())
    if layout == "table":
        return lay({"a.png": 1, "b.png": 2, "labels.csv": TABLE})
    images = np.arange(4 * 28 * 28, dtype=np.uint8).reshape(4, 28, 28)
    return npz(lay({"x": "x"}) / "a.npz", test_images=images, test_labels=np.array([[0], [1], [1], [0]]))


@pytest.mark.parametrize("layout", DATASET_READERS)
def test_each_layout_is_recognised_and_gives_one_scan_a_case(layout, lay):
    dataset = open_dataset(example(layout, lay))
    assert dataset.layout == layout
    assert dataset.cases
    assert len({case.name for case in dataset.cases}) == len(dataset.cases)
    assert all(dataset.read(case).pixels.shape[0] == 1 for case in dataset.cases)
    assert {label for case in dataset.cases for label in case.labels} <= set(dataset.labels)
    assert all(sentence.endswith(".") for sentence in (*dataset.understood, *dataset.warnings))


@pytest.mark.parametrize("layout", DATASET_READERS)
def test_a_zip_of_any_layout_opens_like_the_folder(layout, lay, pack):
    path = example(layout, lay)
    plain, packed = open_dataset(path), open_dataset(pack(path if path.is_dir() else path.parent))
    assert [(c.name, c.labels, c.split) for c in packed.cases] == [(c.name, c.labels, c.split) for c in plain.cases]
    assert np.array_equal(packed.read(packed.cases[0]).pixels, plain.read(plain.cases[0]).pixels)


def test_class_folders_may_lie_below_splits_and_a_wrapper(lay):
    dataset = open_dataset(lay({"x/Train/a/1.png": 1, "x/Train/b/2.png": 2, "x/valid/a/3.png": 3, "x/TEST/b/4.png": 4}))
    assert [(case.labels[0], case.split) for case in dataset.cases] == [
        ("b", "test"), ("a", "train"), ("b", "train"), ("a", "val")
    ]  # fmt: skip


def test_files_in_class_folders_that_are_no_images_are_left_out_and_said(lay):
    dataset = open_dataset(lay(classes()))
    assert [case.name for case in dataset.cases] == ["ill/a.png", "ill/b.png", "well/c.png"]
    assert "1 files are no images" in dataset.warnings[0]


def test_masks_beside_their_images_are_no_cases(lay):
    dataset = open_dataset(lay({"a/1.png": 1, "a/1_mask.png": 2, "a/1_mask_1.png": 2, "b/2.png": 3}))
    assert len(dataset.cases) == 2
    assert "2 masks" in dataset.warnings[0]


def test_folders_inside_class_folders_are_asked_to_be_patients(lay):
    dataset = open_dataset(lay({"a/p1/1.png": 1, "a/p1/2.png": 2, "b/p2/1.png": 3}))
    assert [question.option for question in dataset.questions] == ["patient"]
    assert [case.patient for case in dataset.cases] == ["p1", "p1", "p2"]
    assert not open_dataset(dataset.location, {"patient": ""}).cases[0].patient


def test_an_image_is_told_by_its_content_and_not_by_its_ending(lay, png):
    dataset = open_dataset(lay({"a/1": png(1), "a/2": png(2), "b/3": png(3), "b/4.jpg": "text"}))
    assert [case.name for case in dataset.cases] == ["a/1", "a/2", "b/3"]


def test_medmnist_labels_have_their_names_and_others_are_asked(lay):
    path = example("medmnist", lay)
    unnamed = open_dataset(path)
    assert [question.option for question in unnamed.questions] == ["positive"]
    assert unnamed.labels == ("negative", "positive")
    assert open_dataset(path, {"positive": "0"}).cases[0].labels == ("positive",)
    named = open_dataset(path.rename(path.with_name("breastmnist.npz")))
    assert named.cases[0].labels == ("malignant",)
    assert named.questions == ()


def test_colour_findings_and_volumes_of_medmnist(lay):
    path = lay({"x": "x"}) / "sets.npz"
    colour = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), np.uint8)
    dataset = open_dataset(npz(path, train_images=colour, train_labels=np.array([[0, 1, 1], [0, 0, 0]])))
    assert (dataset.multilabel, dataset.cases[0].labels) == (True, ("finding 1", "finding 2"))
    assert np.array_equal(dataset.read(dataset.cases[1]).pixels[0], colour[1])
    volume = np.random.default_rng(0).integers(0, 255, (2, 5, 6, 7), np.uint8)
    scan_set = open_dataset(npz(path, val_images=volume, val_labels=np.array([3, 4])))
    assert np.array_equal(scan_set.read(scan_set.cases[1]).pixels, volume[1])


def test_large_arrays_are_read_through_a_window_in_any_order(lay, monkeypatch):
    images = np.random.default_rng(0).integers(0, 255, (20, 8, 8), np.uint8)
    dataset = open_dataset(npz(lay({"x": "x"}) / "a.npz", test_images=images, test_labels=np.arange(20) % 3))
    monkeypatch.setattr("core.datasets.arrays.container._WHOLE", 1)
    monkeypatch.setattr("core.datasets.arrays.container._WINDOW", 3 * 64)
    for index in (0, 1, 7, 3, 19, 18, 2):
        assert np.array_equal(dataset.read(dataset.cases[index]).pixels[0], images[index])


def test_arrays_that_could_carry_code_are_refused(lay):
    objects = np.array([{"a": 1}, {"b": 2}], dtype=object)
    path = npz(lay({"x": "x"}) / "a.npz", test_images=objects, test_labels=np.array([0, 1]))
    with pytest.raises(UnusableDataset, match="Python objects"):
        open_dataset(path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({".hidden": "x"}, "folder is empty"),
        ({"a.png": 1, "b.png": 2}, "2 files in another order"),
        ({"a.txt": "x"}, "one file"),
    ],
)
def test_a_place_without_a_dataset_gives_one_sentence(files, words, lay):
    with pytest.raises(UnusableDataset, match=words):
        open_dataset(lay(files))


def test_a_missing_place_and_a_strange_file_give_one_sentence(tmp_path):
    with pytest.raises(UnusableDataset, match="nowhere does not exist") as error:
        open_dataset(tmp_path / "nowhere")
    assert str(tmp_path) not in str(error.value)
    (tmp_path / "film").write_bytes(b"\x1a\x45\xdf\xa3\0\0")
    with pytest.raises(UnusableDataset, match="film is no folder, zip"):
        open_dataset(tmp_path / "film")


def test_links_out_of_the_folder_are_not_followed(lay, tmp_path, png):
    folder = lay(classes())
    (tmp_path / "secret.png").write_bytes(png(9))
    (folder / "ill" / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "ill" / "away").symlink_to(tmp_path)
    dataset = open_dataset(folder)
    assert len(dataset.cases) == 3
    assert "2 links lead out of the folder" in dataset.warnings[0]


def test_a_file_that_became_a_link_out_is_not_read(lay, tmp_path, png):
    folder = lay(classes())
    dataset = open_dataset(folder)
    (tmp_path / "secret.png").write_bytes(png(9))
    (folder / "ill" / "a.png").unlink()
    (folder / "ill" / "a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(ScanLensError, match="leads out"):
        dataset.read(dataset.cases[0])


def test_a_zip_bomb_is_refused_when_it_is_read(lay, pack):
    folder = lay({"a/1.png": 1, "b/2.png": 2, "b/3.png": b"\x89PNG\r\n\x1a\n" + bytes(64 * 1024 * 1024)})
    dataset = open_dataset(pack(folder))
    with pytest.raises(ScanLensError, match="as large as an image"):
        dataset.read(dataset.cases[2])
    assert dataset.read(dataset.cases[0]).rows == 48


def test_a_broken_zip_gives_one_sentence(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(UnusableDataset, match="broken or cut short"):
        open_dataset(tmp_path / "a.zip")


def test_an_image_that_is_broken_or_gone_gives_the_reason(lay):
    folder = lay(classes() | {"well/d.png": "text"})
    dataset = open_dataset(folder)
    with pytest.raises(ScanLensError, match="text file"):
        dataset.read(dataset.cases[-1])
    (folder / "ill" / "a.png").unlink()
    with pytest.raises(ScanLensError, match="check that it is there"):
        dataset.read(dataset.cases[0])


def test_listing_can_be_stopped(lay):
    with pytest.raises(Cancelled):
        open_dataset(lay(classes()), cancelled=lambda: True)


def test_opening_reads_no_image(lay, monkeypatch):
    folder = lay({f"{kind}/{n}.png": n for kind in "ab" for n in range(40)})
    heads = []
    real_head = __import__("core.datasets.folders", fromlist=["read_head"]).read_head
    monkeypatch.setattr("core.datasets.folders.read_head", lambda p, n: heads.append(n) or real_head(p, n))
    monkeypatch.setattr("core.datasets.reading.read_all", lambda *_: pytest.fail("read an image"))
    assert len(open_dataset(folder).cases) == 80
    assert len(heads) < 30
