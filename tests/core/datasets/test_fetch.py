import sys

import numpy as np
import pytest

from core.datasets import fetch
from core.datasets.dataset import UnusableDataset
from core.datasets.fetch import fetch_medmnist
from core.datasets.readers import open_dataset
from core.errors import Cancelled

FAKE = """
INFO = {{"pneumoniamnist": {{"python_class": "PneumoniaMNIST"}}}}
def PneumoniaMNIST(split, download, root, size):
    {body}
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that takes the place of medmnist, also in processes that are started."""

    def make(body):
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / "medmnist.py").write_text(FAKE.format(body=body))
        monkeypatch.setenv("PYTHONPATH", str(folder))
        monkeypatch.setattr(fetch, "is_available", lambda: True)

    return make


SAVES = (
    "import numpy as np; np.savez(root + '/pneumoniamnist_64.npz', test_images=np.zeros((2, 64, 64), np.uint8), "
    "test_labels=np.array([[0], [1]]))"
)


def test_what_the_package_fetches_is_opened(package, tmp_path):
    package(SAVES)
    path = fetch_medmnist("pneumoniamnist", tmp_path / "sets", 64)
    assert open_dataset(path).labels == ("normal", "pneumonia")


def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_run", lambda *_: pytest.fail("fetched again"))
    np.savez(tmp_path / "pneumoniamnist.npz", test_images=np.zeros((1, 2, 2), np.uint8))
    assert fetch_medmnist("pneumoniamnist", tmp_path).name == "pneumoniamnist.npz"


@pytest.mark.parametrize(
    "body", ["raise RuntimeError('no network')", "open(root + '/pneumoniamnist.npz', 'w').write('x')"]
)
def test_a_failed_download_gives_one_sentence_and_leaves_nothing(body, package, tmp_path):
    package(body)
    with pytest.raises(UnusableDataset, match="could not be downloaded"):
        fetch_medmnist("pneumoniamnist", tmp_path / "sets")
    assert not list((tmp_path / "sets").iterdir())


def test_a_missing_package_gives_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    with pytest.raises(UnusableDataset, match="pip install medmnist"):
        fetch_medmnist("pneumoniamnist", tmp_path)


def test_a_download_can_be_stopped(package, tmp_path):
    package("import time; time.sleep(60)")
    with pytest.raises(Cancelled):
        fetch_medmnist("pneumoniamnist", tmp_path, cancelled=lambda: True)


@pytest.mark.parametrize(("flag", "size"), [("mnist", 28), ("pneumoniamnist", 29), ("nodulemnist3d", 224)])
def test_an_unknown_set_or_size_gives_one_sentence(flag, size, tmp_path):
    with pytest.raises(UnusableDataset, match="one of MedMNIST's datasets"):
        fetch_medmnist(flag, tmp_path, size)


def test_the_package_is_not_imported_here():
    assert "medmnist" not in sys.modules
