"""File names that are the same to people and not to a table, and files that nobody put there."""

import unicodedata
import zipfile

import pytest

from core.datasets.dataset import UnusableDataset
from core.datasets.readers import open_dataset
from core.readers.strange import is_clutter


@pytest.fixture
def joined(lay):
    """The dataset of a table whose texts are to name files; half of the rows are ill."""

    def make(files, texts, heading="file"):
        rows = [f"{text};{'ill' if number % 2 else 'well'}" for number, text in enumerate(texts)]
        lines = "\n".join([f"{heading};label", *rows])
        return open_dataset(lay({name: number for number, name in enumerate(files)} | {"t.csv": lines}))

    return make


def nfd(text):
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("images/{}.png", "{}.PNG"), ("Images/{}.PNG", "images/{}.png"), ("{}.png", "{}.png  "), ("{} .png", "{}.png"),
        (nfd("Müller {}.png"), "Müller {}.png"), ("Müller {}.png", nfd("müller {}")),
        ("größe/{}.png", nfd("größe/{}.png")), ("00{}.png", "{}"),
        ("{}.png", "0{}.png"), ("img_00{}.png", "img_{}.png"), ("00{}.png", "images\\{}.png"),
        ("a b{}.png", "a%20b{}.png"), ("a%20b{}.png", "a b{}.png"), ("m%C3%BC{}.png", "mü{}.png"),
        ("Mädchen {}.png", "MÃ¤dchen {}.png"), ("M├ñdchen {}.png", "Mädchen {}.png"),
        ("x/{}.png", "https://host/data/{}.png?raw=1"), ("x/{}.png", "D:\\study\\x\\{}.png"), ("{}/x.png", nfd("{}")),
    ],
)  # fmt: skip
def test_a_file_is_found_as_people_would_find_it(file, text, joined):
    dataset = joined([file.format(n) for n in range(1, 7)], [text.format(n) for n in range(1, 7)])
    assert [case.name for case in dataset.cases] == [file.format(n) for n in range(1, 7)]
    assert [case.labels[0] for case in dataset.cases] == ["well", "ill"] * 3


def test_other_leading_zeros_are_said(joined):
    dataset = joined(["007.png", "008.png"], ["7", "008"])
    assert "1 row names an image with other leading zeros than the file has." in dataset.understood


@pytest.mark.parametrize(
    ("files", "texts", "found"),
    [
        (["07.png", "007.png", "8.png"], ["7", "8"], ["8.png"]),
        (["007.png", "8.png"], ["7", "007", "8"], ["007.png", "8.png"]),
        (["007.png", "8.png"], ["7", "07", "8"], ["8.png"]),
        (["107.png", "8.png"], ["7", "8"], ["8.png"]),
        (["a07b.png", "8.png"], ["a7b", "8"], ["8.png", "a07b.png"]),
    ],
    ids=["two files", "named by another row", "named by two rows", "another number", "inside a name"],
)
def test_leading_zeros_count_only_where_one_file_can_be_meant(files, texts, found, joined):
    assert [case.name for case in joined(files, texts).cases] == found


def test_zeros_and_ones_name_no_images(joined):
    dataset = joined([f"scan{n:03}.png" for n in range(6)], [f"scan{n}" for n in range(6)], heading="what")
    assert dataset.questions == ()
    assert len(dataset.cases) == 6


@pytest.mark.parametrize("form", ["bilder/Mädchen {}.png", "bilder\\Mädchen {}.png", "./bilder/女孩 {}.png"])
def test_names_in_a_zip_that_does_not_say_how_they_are_written(form, tmp_path, png):
    path = tmp_path / "set.zip"
    names = [form.format(n) for n in range(4)]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("bilder\\"), "")
        for number, name in enumerate(names):  # a name of as many letters, replaced below, has no flag for UTF-8
            archive.writestr(zipfile.ZipInfo("q" * (len(name.encode()) - 1) + str(number)), png(number))
        rows = "\n".join(f"{name};{number % 2}" for number, name in enumerate(names))
        archive.writestr("bilder/labels.csv", f"file;sick\n{rows}")
    data = path.read_bytes()
    for number, name in enumerate(names):
        data = data.replace(b"q" * (len(name.encode()) - 1) + str(number).encode(), name.encode())
    path.write_bytes(data)
    dataset = open_dataset(path)
    assert [case.name for case in dataset.cases] == [n.replace("\\", "/").removeprefix("./") for n in names]
    assert [dataset.read(case).rows for case in dataset.cases] == [48] * 4


OWN = (
    "@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", ".DS_Store", "._1.png", "Thumbs.db", "THUMBS.DB", "desktop.ini",
    ".thumbnails/1.png", "#recycle/1.png", "lost+found/1.png", "$RECYCLE.BIN/1.png", ".ipynb_checkpoints/1.png",
    ".git/objects/1.png", "__MACOSX/1.png", ".hidden/1.png", "@Recycle/1.png", "System Volume Information/1.png",
)  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_files_of_systems_and_storage_boxes_are_no_images_and_no_classes(packed, lay, pack):
    files = {"ill/1.png": 1, "ill/2.png": 2, "well/1.png": 3}
    extra = {f"{folder}{name}": 9 for name in OWN for folder in ("", "ill/")}
    folder = lay(files | extra)
    dataset = open_dataset(pack(folder) if packed else folder)
    assert [case.name for case in dataset.cases] == sorted(files)
    assert dataset.labels == ("ill", "well")
    assert any(f"{len(extra)} hidden files, or files of a system's" in sentence for sentence in dataset.understood)
    assert not dataset.warnings


def test_folders_of_masks_are_no_classes_and_no_images(lay):
    classes = {"ill/1.png": 1, "ill/2.png": 2, "well/3.png": 3, "with_mask/4.png": 4}
    masks = {"masks/1.png": 5, "ill/masks/1.png": 5, "well/Ground truth/3.png": 5, "thumbnails/1.png": 5}
    dataset = open_dataset(lay(classes | masks))
    assert (dataset.labels, len(dataset.cases)) == (("ill", "well", "with_mask"), 4)
    assert any("4 files in folders of masks or thumbnails were left out" in sentence for sentence in dataset.warnings)
    with pytest.raises(UnusableDataset, match="in another order"):
        open_dataset(lay({"images/1.png": 1, "masks/1.png": 2}, "pairs"))


def test_a_table_takes_images_before_masks_of_the_same_name(lay):
    rows = "\n".join(f"{n}.png;{'ill' if n % 2 else 'well'}" for n in range(6))
    files = {f"{folder}/{n}.png": n for n in range(6) for folder in ("masks", "scans")}
    dataset = open_dataset(lay(files | {"t.csv": f"file;label\n{rows}"}))
    assert dataset.cases[0].name == "scans/0.png"
    assert [question.option for question in dataset.questions] == ["folder"]


def test_folders_called_zero_and_one_are_asked_and_unknown_is_no_class(lay):
    folder = lay({"0/a.png": 1, "1/b.png": 2, "unknown/c.png": 3})
    dataset = open_dataset(folder)
    assert [question.option for question in dataset.questions] == ["positive"]
    assert [case.labels for case in dataset.cases] == [("negative",), ("positive",), ()]
    assert any("1 case has no label" in sentence for sentence in dataset.warnings)
    assert open_dataset(folder, {"positive": "0"}).cases[0].labels == ("positive",)
    assert open_dataset(lay({"0/a.png": 1, "1/b.png": 2, "2/c.png": 3}, "grades")).questions == ()


def test_what_somebody_meant_to_upload_is_no_clutter():
    assert not any(is_clutter(name) for name in ("1.dcm", "recycling/1.png", "NORMAL/thumbsdb.png", "git/1.png", "a"))
