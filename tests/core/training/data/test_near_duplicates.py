"""Groups of near-duplicates stand in for patients that nobody recorded."""

import csv

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from core.datasets.quality.groups import groups_of
from core.errors import UnreadableScan
from core.training.data.images import load_cases
from core.training.data.near_duplicates import (
    ATTRIBUTE,
    band,
    marked,
    running_number,
    thumbnails,
    with_groups,
)
from core.training.recipe.sources import Division, Source

#: Twelve heads with three slices each, in the order of their running numbers.
HEADS, SLICES = 12, 3


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """A folder with images a-000.png to a-035.png, of which each three successive ones show one head, and a table."""
    folder = tmp_path_factory.mktemp("slices")
    rng = np.random.default_rng(3)
    rows = []
    for head in range(HEADS):
        base = cv2.resize(rng.integers(0, 255, (9, 9)).astype(np.uint8), (90, 80), interpolation=cv2.INTER_CUBIC)
        for k in range(SLICES):
            noisy = np.clip(base + rng.normal(0, 12, base.shape), 0, 255).astype(np.uint8)
            name = f"a-{head * SLICES + k:03d}.png"
            cv2.imwrite(str(folder / name), noisy)
            rows.append([name, "ab"[head % 2]])
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["file", "label"], *rows])
    return folder


@pytest.fixture
def source():
    return Source(
        name="s", folder=".", table="t.csv", file="file", label="label", patient="similarity_group",
        near_duplicates=0.8, classes={"a": "A", "b": "B"},
        division=Division("blocks", val=0.2, test=0.3, order="number"),
    )  # fmt: skip


def test_products_of_thumbnails_are_correlations(slices):
    first, second = thumbnails([slices / "a-000.png", slices / "a-001.png"])
    image = [
        cv2.resize(cv2.imread(str(slices / f"a-00{k}.png"), 0), (64, 64), interpolation=cv2.INTER_AREA) for k in (0, 1)
    ]
    assert first @ second == pytest.approx(np.corrcoef(image[0].ravel(), image[1].ravel())[0, 1], abs=1e-5)


def test_image_of_one_grey_has_no_correlation_and_no_nan(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((20, 20), 7, np.uint8))
    assert (thumbnails([tmp_path / "grey.png"]) == 0).all()


def test_file_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("no image", encoding="utf-8")
    with pytest.raises(UnreadableScan, match=r"text\.png"):
        thumbnails([tmp_path / "text.png"])


def test_alike_by_way_of_a_third_is_one_group():
    angles = np.deg2rad([0, 20, 40, 200])
    images = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert groups_of(images, limit=0.9).tolist() == [0, 0, 0, 3]
    assert groups_of(images, limit=0.95).tolist() == [0, 1, 2, 3]


def test_groups_are_the_heads_and_never_cross_classes(slices):
    paths = sorted(slices.glob("*.png"))
    rows = [{"label": "one"} for _ in paths]
    grouped = with_groups(rows, paths, "label", 0.8)
    assert [row["similarity_group"] for row in grouped] == [f"a-{3 * (k // 3):03d}.png" for k in range(len(paths))]
    torn = with_groups([{"label": str(k % 2)} for k in range(len(paths))], paths, "label", 0.8)
    assert torn[1]["similarity_group"] == "a-001.png"


@pytest.mark.parametrize(("name", "number"), [("Tr-gl_0479.jpg", "0479"), ("a3_12b.png", "12"), ("none.png", "")])
def test_running_number_is_the_last_digits_of_the_name(name, number):
    assert running_number(name) == number


def test_blocks_of_a_set_without_patients_do_not_tear_heads_apart(slices, source):
    cases = load_cases(source, ("A", "B"), slices)
    homes = {}
    for case in cases:
        homes.setdefault(case.patient, set()).add(case.split)
    assert len(homes) == HEADS
    assert all(len(splits) == 1 for splits in homes.values())
    last = [case.split for case in cases if case.name in {"a-033.png", "a-000.png"}]
    assert last == ["train", "test"]


def test_split_by_image_leaves_near_duplicates_on_both_sides_and_the_mark_says_so(slices, source):
    def fractions(division, patient):
        cases = load_cases(replace(source, division=division, patient=patient), ("A", "B"), slices)
        by_split = {split: [case for case in cases if case.split == split] for split in ("train", "test")}
        found = [case.attributes[ATTRIBUTE] for case in marked(by_split["test"], by_split["train"])]
        return found.count("below 0.8") / len(found)

    assert fractions(source.division, "similarity_group") == 1.0
    assert fractions(Division("groups", val=0.2, test=0.3), "") < 0.5


@pytest.mark.parametrize(("value", "words"), [(-0.3, "below 0.8"), (0.8, "0.8 to 0.9"), (0.95, "0.9 and more")])
def test_band_of_a_correlation(value, words):
    assert band(value) == words
