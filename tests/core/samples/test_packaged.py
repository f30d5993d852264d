import re

import numpy as np
import pytest

from core.samples import SAMPLES, open_sample, thumbnail


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.key)
def test_every_sample_opens_and_shows_something(sample):
    scan = open_sample(sample.key)
    image = thumbnail(scan, 64)
    assert image.shape == (64, 64, 3)
    assert image.std() > 10
    assert "licence" in sample.origin


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.key)
def test_every_sample_has_one_sentence(sample):
    assert re.fullmatch(r"[A-Z][^.]+\.", sample.sentence)
    assert sample.title
    assert sample.modality


def test_keys_are_unique():
    assert len({sample.key for sample in SAMPLES}) == len(SAMPLES)


def test_gallery_has_each_kind():
    scans = [open_sample(sample.key) for sample in SAMPLES]
    assert {"CR", "CT", "MR", "US", "NM"} <= {scan.modality for scan in scans}
    assert {scan.axis for scan in scans} == {"single", "slice", "time"}
    assert max(scan.frames for scan in scans) == 120


def test_unknown_sample_is_a_key_error():
    with pytest.raises(KeyError):
        open_sample("nothing")


def test_thumbnail_has_square_pixels():
    scan = open_sample("doppler")
    seen = np.flatnonzero(thumbnail(scan, 128).any(axis=(1, 2)))
    assert len(seen) == pytest.approx(128 * scan.rows * scan.pixel_aspect / scan.columns, abs=2)
