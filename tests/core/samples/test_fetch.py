"""Fetching from a host of our own: well, badly, and not at all."""

import gzip
import hashlib
import re

import nibabel
import numpy as np
import pytest

from core.errors import Cancelled, ScanLensError, UnreadableScan
from core.readers.mask import read_reference
from core.samples import catalogue, open_sample, open_sample_scans, samples_at_hand
from core.samples.__main__ import main
from core.samples.catalogue import read_catalogue
from core.samples.fetch import CannotFetch, fetch
from core.samples.store import (
    CannotKeepSample,
    folder_of,
    is_fetched,
    open_case,
    path_of,
    read_source,
    remove,
    remove_all,
    samples_folder,
)
from tests.sample_host import image_bytes, noise, write_catalogue

SCAN = image_bytes(noise(60, 80))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path / "home"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def case_of(tmp_path):
    return lambda row: read_catalogue(write_catalogue(tmp_path / "own.csv", [row]))[0]


@pytest.fixture
def case(host, case_of):
    return case_of(host.row("chest-child-1", SCAN))


def nothing_is_left(case):
    return not folder_of(case).exists() and not is_fetched(case)


def test_a_case_is_kept_whole_with_its_licence_and_fetched_once(case, host):
    told = []
    fetch([case], lambda fraction, words: told.append((fraction, words)))
    assert path_of(case, case.file).read_bytes() == SCAN
    text = (folder_of(case) / "LICENCE.txt").read_text(encoding="utf-8")
    assert all(part in text for part in ("CC0", "Made for a test", case.file.address, case.file.sha256))
    assert told[0] == (0.0, f"Fetching Chest of a child, 1 from {case.file.host}")
    assert told[-1][0] == 1.0
    assert sorted(told) == told
    fetch([case])
    assert len(host.asked) == 1
    assert {path.name for path in folder_of(case).iterdir()} == {"scan.png", "LICENCE.txt"}


def test_a_request_says_nothing_of_who_asks(case, host):
    fetch([case])
    path, headers = host.asked[0]
    assert path == "/chest-child-1.png"
    assert set(headers) <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
    assert headers["User-Agent"] == "scanlens"


@pytest.mark.parametrize(
    ("manner", "sentence"),
    [("404", "is no longer at"), ("503", r"refused to send .* \(status 503\)"), ("403", "status 403"),
     ("cut", "was cut short"), ("moved", "is not the file of the catalogue"),
     ("endless", "is not the file of the catalogue")],
)  # fmt: skip
def test_what_goes_wrong_is_one_sentence_and_leaves_nothing(case, host, manner, sentence):
    host.manner["/chest-child-1.png"] = manner
    with pytest.raises(CannotFetch, match=sentence) as caught:
        fetch([case])
    assert re.fullmatch(r"[^.\n]*(127\.0\.0\.1)?[^.\n]*(127\.0\.0\.1)?[^.\n]*\.", str(caught.value))
    assert nothing_is_left(case)
    assert "/elsewhere" not in [path for path, _ in host.asked]


@pytest.mark.parametrize("other", [SCAN[:-1] + b"\0", SCAN + b"\0", b"", b"<html>log in</html>"])
def test_other_bytes_than_the_catalogue_says_are_thrown_away(case, host, other):
    host.files["/chest-child-1.png"] = other
    with pytest.raises(CannotFetch, match="thrown away"):
        fetch([case])
    assert nothing_is_left(case)


def test_without_a_network_one_sentence_says_so(case_of, host):
    row = host.row("chest-child-1", SCAN)
    case = case_of(row | {"address": "http://127.0.0.1:9/chest.png"})  # nobody listens there
    with pytest.raises(CannotFetch, match="cannot be reached from this computer: connect it to the internet"):
        fetch([case])
    assert nothing_is_left(case)


def test_cancelling_in_the_middle_leaves_nothing(case_of, host):
    case = case_of(host.row("chest-child-1", bytes(1 << 20)))
    host.manner["/chest-child-1.png"] = "slow"
    seen = []
    with pytest.raises(Cancelled):
        fetch([case], lambda fraction, _: seen.append(fraction), lambda: bool(seen) and seen[-1] > 0.2)
    assert 0.2 < seen[-1] < 0.9
    assert nothing_is_left(case)


def test_a_mask_that_does_not_come_takes_its_scan_along(case_of, host):
    case = case_of(host.row("breast-1", SCAN, mask=image_bytes(noise(60, 80))))
    host.manner["/breast-1-mask.png"] = "404"
    with pytest.raises(CannotFetch):
        fetch([case])
    assert nothing_is_left(case)


def test_what_came_before_a_failure_stays(host, tmp_path):
    rows = [host.row(f"chest-child-{number}", SCAN) for number in (1, 2)]
    first, second = read_catalogue(write_catalogue(tmp_path / "two.csv", rows))
    host.manner["/chest-child-2.png"] = "404"
    with pytest.raises(CannotFetch):
        fetch([first, second])
    assert is_fetched(first)
    assert nothing_is_left(second)
    host.manner["/chest-child-2.png"] = "well"
    fetch([first, second])
    remove(first)
    assert nothing_is_left(first)
    assert is_fetched(second)
    remove_all([first, second])
    assert nothing_is_left(second)


def test_a_folder_that_cannot_be_written_is_said(case, tmp_path):
    (tmp_path / "home").write_text("a file in the way")
    with pytest.raises(CannotKeepSample, match="user data folder"):
        fetch([case])


def test_removing_follows_no_link(case, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "kept.txt").write_text("kept")
    samples_folder().mkdir(parents=True)
    folder_of(case).symlink_to(precious)
    remove(case)
    assert (precious / "kept.txt").exists()
    assert not folder_of(case).exists()


def test_a_file_that_was_changed_on_the_disk_is_not_opened(case):
    with pytest.raises(UnreadableScan, match="has not been fetched"):
        open_case(case)
    fetch([case])
    path_of(case, case.file).write_bytes(bytes(len(SCAN)))
    with pytest.raises(UnreadableScan, match="was changed after it was fetched"):
        open_case(case)


def test_the_name_under_which_a_case_opens_gives_nothing_away(host, case_of):
    row = host.row("chest-child-1", SCAN)
    case = case_of(row | {"address": host.serve("PNEUMONIA%20(3).png", SCAN)})
    host.files["/PNEUMONIA%20(3).png"] = SCAN
    fetch([case])
    assert read_source(case, case.file).name == "chest-child-1.png"


def test_a_part_of_an_image_is_cut_out_to_the_pixel(host, case_of):
    pixels = noise(60, 80)
    case = case_of(host.row("limb-part-1", image_bytes(pixels), view="crop 10 20 30 25"))
    fetch([case])
    (scan,), first = open_case(case)
    assert first == 0
    np.testing.assert_array_equal(scan.pixels[0], pixels[20:45, 10:40])
    assert scan.digest != hashlib.sha256(SCAN).hexdigest()
    assert scan.provenance[-1].detail == "30 × 25 pixels from column 10 and row 20"


def test_a_part_beyond_its_image_is_refused(host, case_of):
    case = case_of(host.row("limb-part-1", SCAN, view="crop 60 0 30 30"))
    fetch([case])
    with pytest.raises(ScanLensError, match="outside of its image"):
        open_case(case)


def test_three_sequences_in_one_file_are_three_scans_that_say_which_they_are(host, case_of):
    pixels = noise(16, 24, 3)
    case = case_of(host.row("glioma-1", image_bytes(pixels, "TIFF"), ".tif", view="sequences"))
    fetch([case])
    scans, first = open_case(case)
    assert [scan.facts["Sequence"] for scan in scans] == ["T1 before contrast", "FLAIR", "T1 after contrast"]
    assert scans[first].facts["Sequence"] == "FLAIR"
    assert len({scan.digest for scan in scans}) == 3
    for number, scan in enumerate(scans):
        np.testing.assert_array_equal(scan.pixels[0], pixels[..., number])


@pytest.mark.parametrize(("same", "there"), [((0, 2), ["FLAIR"]), ((2,), ["T1 before contrast", "FLAIR"])])
def test_a_sequence_that_only_repeats_flair_is_left_out(host, case_of, same, there):
    pixels = noise(16, 24, 3)
    for colour in same:
        pixels[..., colour] = pixels[..., 1]
    case = case_of(host.row("glioma-1", image_bytes(pixels, "TIFF"), ".tif", view="sequences"))
    fetch([case])
    scans, first = open_case(case)
    assert [scan.facts["Sequence"] for scan in scans] == there
    np.testing.assert_array_equal(scans[first].pixels[0], pixels[..., 1])


def test_a_cine_is_shown_over_time_and_lies_as_in_training(host, case_of):
    frames = noise(12, 10, 3, 12)
    data = gzip.compress(nibabel.Nifti1Image(frames, np.diag([-1.0, -1.0, 8.0, 1.0])).to_bytes(), mtime=0)
    found = []
    for number, view in enumerate(("cine", "cine-upside-down"), 1):
        case = case_of(host.row(f"heart-{number}", data, ".nii.gz", view=view))
        fetch([case])
        scans, first = open_case(case)
        assert scans[first].axis == "time"
        assert scans[first].frames == 12
        found.append(scans[first].pixels)
    np.testing.assert_array_equal(found[0][:, ::-1], found[1])
    assert not np.array_equal(*found)


def test_a_mask_lies_on_its_scan_also_where_nothing_is_outlined(host, case_of):
    mask = np.zeros((60, 80), np.uint8)
    case = case_of(host.row("breast-1", SCAN, mask=image_bytes(mask)))
    fetch([case])
    (scan,), _ = open_case(case)
    found = read_reference(read_source(case, case.mask), scan, may_be_empty=True)
    assert found.name == "breast-1-mask.png"
    assert not found.of().any()


def test_fetched_cases_come_before_the_packages_samples(case, monkeypatch):
    monkeypatch.setattr("core.samples.CASES", (case,))
    monkeypatch.setattr(catalogue, "_BY_KEY", {case.key: case})
    assert case not in samples_at_hand()
    fetch([case])
    assert samples_at_hand()[0] is case
    scans, first = open_sample_scans(case.key)
    assert scans[first].digest == open_sample(case.key).digest == hashlib.sha256(SCAN).hexdigest()


def test_the_shell_names_host_and_size_fetches_and_removes(host, tmp_path, monkeypatch, capsys):
    cases = read_catalogue(write_catalogue(tmp_path / "one.csv", [host.row("chest-child-1", SCAN)]))
    monkeypatch.setattr("core.samples.__main__.CASES", cases)
    assert main(["fetch", "--dry-run"]) == 0
    assert re.search(r"1 cases, .* kB from 127\.0\.0\.1:\d+ into ", capsys.readouterr().out)
    assert not host.asked
    assert main(["fetch"]) == 0
    assert "Licence: CC0" in capsys.readouterr().out
    assert main(["list"]) == 0
    assert re.search(r"chest-child-1 +here", capsys.readouterr().out)
    assert main(["remove"]) == 0
    assert not is_fetched(cases[0])
    host.manner["/chest-child-1.png"] = "404"
    assert main(["fetch"]) == 1
    assert "no longer at" in capsys.readouterr().err
    assert main(["fetch", "--model", "no-such"]) == 2
