import cv2
import numpy as np
import pytest

from core.datasets.contact_sheet import contact_sheet
from core.datasets.quality.duplicates import find_near_duplicates
from core.datasets.quality.fingerprint import Correlation, difference_hash, look_at
from core.datasets.quality.near_duplicates import near_pairs
from core.datasets.quality.report import inspect
from core.datasets.readers import open_dataset
from core.errors import Cancelled
from core.readers import Source, open_sources


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def encoded(pixels, ending=".png", *options):
    return cv2.imencode(ending, np.clip(pixels, 0, 255).astype(np.uint8), list(options))[1].tobytes()


def many(png, count=40, **facts):
    """Unlike images of two labels in two splits."""
    return [
        (("ill", "well")[n % 2], png(1000 + n), {"split": ("train", "test")[n // 2 % 2], "patient": f"p{n}", **facts})
        for n in range(count)
    ]


def said(report, *words):
    return any(all(word in sentence for word in words) for sentence in report.findings)


def test_a_clean_dataset_has_no_findings(dataset_of, png):
    report = inspect(dataset_of(many(png)))
    assert report.findings == ()
    assert (report.cases, report.patients) == (40, 40)
    assert report.labels == {"ill": {"train": 10, "test": 10}, "well": {"train": 10, "test": 10}}


def test_a_copy_in_two_splits_is_found_though_its_file_differs(dataset_of, png):
    copy = encoded(decoded(png(1000)), ".bmp")
    assert copy != png(1000)
    report = inspect(dataset_of([*many(png), ("ill", copy, {"split": "test", "patient": "px"})]))
    assert [group.names for group in report.copies] == [("00000.png", "00040.png")]
    assert said(report, "1 image is in more than one split", "flattered")


CHANGES = {
    "JPEG": lambda p: encoded(p, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 40),
    "half the size": lambda p: encoded(cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)),
    "brighter": lambda p: encoded(p * 0.7 + 60.0),
    "gamma": lambda p: encoded(255 * (p / 255.0) ** 0.7),
    "noise": lambda p: encoded(p + np.random.default_rng(0).normal(0, 6, p.shape)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_in_two_splits_is_found(change, dataset_of, png):
    copy = CHANGES[change](decoded(png(1000)))
    report = inspect(dataset_of([*many(png), ("ill", copy, {"split": "test", "patient": "px"})]))
    assert report.copies == ()
    assert [pair.names for pair in report.near_duplicates] == [("00000.png", "00040.png")]
    assert said(report, "nearly the same image lies in two splits")


def test_images_that_share_an_outline_are_no_near_duplicates(dataset_of):
    disc = cv2.circle(np.zeros((128, 128), np.float32), (64, 64), 60, 120.0, -1)
    grain = [np.random.default_rng(n).normal(0, 8, disc.shape) for n in range(30)]
    report = inspect(dataset_of([("a", encoded(disc + 0.5 * disc * cv2.blur(g, (5, 5)) / 8), {}) for g in grain]))
    assert report.near_duplicates == ()


def test_one_image_under_two_labels_is_found(dataset_of, png):
    report = inspect(dataset_of([*many(png), ("well", png(1000), {"split": "train", "patient": "px"})]))
    assert said(report, "1 image has two different labels", "00000.png = 00040.png")


def test_a_patient_in_two_splits_is_counted_and_not_named(dataset_of, png):
    entries = [*many(png), ("ill", png(1), {"split": "test", "patient": "p0"})]
    report = inspect(dataset_of(entries))
    assert report.patients_in_splits == {"p0": ("test", "train")}
    assert said(report, "1 patient is in more than one split")
    assert not any("p0" in sentence for sentence in report.findings)


def test_unreadable_and_odd_images_are_named(dataset_of, png):
    entries = [
        *many(png),
        ("ill", b"text", {"name": "broken"}),
        ("ill", encoded(np.full((48, 48), 90.0)), {"name": "blank"}),
        ("ill", png(5, size=200), {"name": "large"}),
        ("ill", encoded(np.dstack([decoded(png(6 + n)) for n in range(3)])), {"name": "coloured"}),
        ("ill", encoded(decoded(png(9)) * 0.02 + 2), {"name": "dark"}),
    ]
    report = inspect(dataset_of(entries))
    assert set(report.unreadable) == {"broken"}
    kinds = {(odd.name, odd.what) for odd in report.odd}
    assert {("blank", "blank"), ("large", "size"), ("coloured", "colour"), ("dark", "contrast")} <= kinds
    assert {name for name, _ in kinds} == {"blank", "large", "coloured", "dark"}


def test_what_gives_a_label_away_is_found(dataset_of, png):
    dark = [("ill", encoded(decoded(png(n)) * 0.5), {"attributes": {"site": "A"}}) for n in range(20)]
    light = [("well", encoded(decoded(png(n)) * 0.5 + 100), {"attributes": {"site": "B"}}) for n in range(20, 40)]
    report = inspect(dataset_of(dark + light))
    assert {shortcut.what for shortcut in report.shortcuts} >= {"brightness", "site"}
    assert said(report, "well", "brighter", "AUC of 1.00")


def test_a_lopsided_set_says_what_accuracy_hides(dataset_of, png):
    report = inspect(dataset_of([("ill" if n < 36 else "well", png(n), {}) for n in range(40)]))
    assert said(report, "90% of the cases are ill", "accuracy flatters")
    assert said(report, "fewer than 10 cases of well")


def test_near_pairs_are_all_pairs_within_the_distance():
    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**64, 400, np.uint64)
    flips = np.array([sum(1 << int(b) for b in draw.choice(64, n % 10, replace=False)) for n in range(400)], np.uint64)
    both = np.concatenate([hashes, hashes ^ flips])
    differ = np.bitwise_count(both[:, None] ^ both[None, :])
    wanted = [(i, j) for i, j in np.argwhere(differ <= 7).tolist() if i < j]
    assert near_pairs(both).tolist() == [list(pair) for pair in wanted]


def test_correlations_are_pearsons(png):
    images = np.stack([decoded(png(n)) for n in range(4)] + [np.full((48, 48), 7, np.uint8)])
    pairs = np.array([[0, 1], [0, 3], [1, 2], [2, 2], [3, 4]])
    wanted = [np.corrcoef(images[a].ravel(), images[b].ravel())[0, 1] for a, b in pairs[:4]]
    assert Correlation(images)(pairs) == pytest.approx([*wanted, 0.0], abs=1e-5)


def test_hashes_hardly_change_with_size_and_compression(png):
    image = decoded(png(3, size=200))
    small = decoded(encoded(cv2.resize(image, (90, 90)), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 40))
    assert (difference_hash(image) ^ difference_hash(small)).bit_count() <= 4


def test_inspection_tells_how_far_it_is_and_can_be_stopped(dataset_of, png):
    dataset, fractions = dataset_of(many(png)), []
    inspect(dataset, progress=lambda fraction, text: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    with pytest.raises(Cancelled):
        inspect(dataset, cancelled=lambda: True)


def test_a_contact_sheet_shows_cases_of_one_label(dataset_of, png):
    dataset = dataset_of([*many(png), ("ill", b"text", {"name": "broken"})])
    sheet = contact_sheet(dataset, "ill", n=6, size=32)
    assert sheet.shape == (64, 96, 3)
    assert sheet.std() > 10
    assert contact_sheet(dataset, "nobody", 6, 32).shape == (32, 32, 3)


def looks_of(dataset):
    return {case.name: look_at(dataset.read(case)) for case in dataset.cases}


def conflicts(dataset):
    copies, near = find_near_duplicates(dataset.cases, looks_of(dataset))
    return {frozenset(name.rsplit("/", 1)[-1] for name in a.names) for a in (*copies, *near) if a.across_labels}


@pytest.mark.data
def test_the_copies_that_idrid_is_known_for_are_found(real):
    dataset = open_dataset(real("idrid"), {"table": "grading_labels.csv", "label": "dr_grade"})
    copies, near = find_near_duplicates(dataset.cases, looks_of(dataset))
    assert len(copies) == 6
    assert [g.names for g in copies if g.across_splits] == [
        ("grading/test_IDRiD_064.jpg", "grading/train_IDRiD_118.jpg")
    ]
    assert sum(group.across_labels for group in copies) == 3
    assert len(near) <= 2  # all share the outline of the disc


@pytest.mark.data
def test_the_label_conflicts_that_busi_is_known_for_are_found(real):
    dataset = open_dataset(real("busi_breast_us"))
    known = {name for case in dataset.cases for name in [case.name] if case.attributes["label_conflict"] == "1"}
    found = {name for pair in conflicts(dataset) for name in pair}
    assert found == {name.rsplit("/", 1)[-1] for name in known}


@pytest.mark.data
def test_the_image_with_two_truths_in_the_dental_set_is_found(real):
    assert conflicts(open_dataset(real("dental_opg"))) == {frozenset({"opg_120_0f38e1.jpg", "opg_120_ab0188.jpg"})}


@pytest.mark.data
def test_the_copies_of_the_lung_set_are_those_its_table_names(real):
    dataset = open_dataset(real("siim_tcga_lung_ct"))
    assert len(find_near_duplicates(dataset.cases, looks_of(dataset))[0]) == 6


def test_a_scan_of_sixteen_bits_has_a_look(png):
    pixels = (decoded(png(1)).astype(np.uint16) * 200).astype(np.uint16)
    scan = open_sources([Source("a.png", cv2.imencode(".png", pixels)[1].tobytes())]).scans[0]
    look = look_at(scan)
    assert (look.rows, look.columns, look.frames, look.is_color) == (48, 48, 1, False)
    assert look.contrast > 30
