"""Images of a NumPy archive are cases like files."""

import numpy as np
import pytest

from core.errors import UnreadableScan
from core.training.data import medmnist
from core.training.data.images import load_cases
from core.training.data.opened import open_image
from core.training.recipe.sources import Source

SOURCE = Source(
    name="s", folder="mnist", table="mnist.npz", file="file", label="label", split="split", classes={"0": "A", "1": "B"}
)


@pytest.fixture
def archive(tmp_path):
    """Writes arrays as `mnist/mnist.npz` and gives its path."""
    (tmp_path / "mnist").mkdir()

    def write(**arrays):
        np.savez(tmp_path / "mnist" / "mnist.npz", **arrays)
        medmnist._arrays.cache_clear()
        return tmp_path / "mnist" / "mnist.npz"

    return write


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_rows_of_the_archive_are_cases(archive, tmp_path):
    archive(val_images=images(1, 28, 28), val_labels=[[1]], test_images=images(2, 28, 28), test_labels=[[0], [1]])
    cases = load_cases(SOURCE, ("A", "B"), tmp_path)
    assert [(case.name, case.target, case.split) for case in cases] == [
        ("mnist.npz/val/0", 1, "val"), ("mnist.npz/test/0", 0, "test"), ("mnist.npz/test/1", 1, "test"),
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 28, 28, 3)])
def test_image_opens_with_its_own_pixels(archive, shape):
    made = images(*shape)
    path = archive(test_images=made, test_labels=np.zeros((3, 1), np.uint8))
    assert np.array_equal(open_image(path / "test" / "2").pixels[0], made[2])


def test_findings_of_several_columns_keep_their_order(archive):
    rows, columns = medmnist.read_rows(archive(test_images=images(1, 8, 8), test_labels=[[0, 1]]))
    assert columns == ["file", "split", "label_0", "label_1"]
    assert (rows[0]["label_0"], rows[0]["label_1"]) == ("0", "1")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"pictures": images(1, 8, 8)}, "no images of train, val or test"),
        ({"test_images": images(1, 8, 8)}, "what NumPy cannot read"),
        ({"test_images": images(2, 8, 8), "test_labels": [[1]]}, "with labels"),
        ({"test_images": np.zeros((1, 8, 8), np.float32), "test_labels": [[1]]}, "float32"),
    ],
)
def test_archive_of_another_layout_is_refused(archive, arrays, words):
    with pytest.raises(UnreadableScan, match=words):
        medmnist.read_rows(archive(**arrays))


def test_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"not an archive")
    with pytest.raises(UnreadableScan, match=r"MedMNIST in x\.npz"):
        medmnist.read_rows(tmp_path / "x.npz")


def test_image_that_is_not_there_is_named(archive):
    path = archive(test_images=images(1, 8, 8), test_labels=[[1]])
    with pytest.raises(UnreadableScan, match="no image test/7"):
        medmnist.image_file(path / "test" / "7")
