"""The similarity check on features whose answer is known."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from core.inference.ood import (
    Reference,
    distances,
    fit_reference,
    read_reference,
    save_reference,
    similarity,
    unlike,
)
from core.training.ood_evaluation import ood_row


@pytest.fixture
def own():
    """Correlated features with very different units, as a network gives them."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 40)) * np.logspace(-3, 2, 40)

    def draw(n):
        return rng.normal(size=(n, 6)) @ mixing + rng.normal(size=(n, 40)) * np.logspace(-3, 2, 40) * 0.1

    return draw


def test_own_kind_is_similar_and_about_one_in_a_hundred_is_not(own):
    reference = fit_reference(own(800), own(400))
    unlike = [not entry.is_similar for entry in similarity(reference, own(1000))]
    assert 0 < np.mean(unlike) < 0.04


def test_image_off_the_usual_directions_is_unlike(own):
    reference = fit_reference(own(800), own(400))
    strange = own(1)
    strange[0, 5] += 20 * reference.scale[5]
    (entry,) = similarity(reference, strange)
    assert not entry.is_similar
    assert entry.percentile == 100.0


def test_change_against_the_correlation_counts_more_than_along_it(own):
    reference = fit_reference(own(800), own(400))
    along = reference.mean + reference.scale * reference.directions[:, 0] * 3
    against = reference.mean + reference.scale * np.eye(40, dtype=np.float32)[3] * 3
    near, far = distances(reference, np.stack([along, against]))
    assert near < far


def test_distance_does_not_depend_on_the_units(own):
    spread = np.logspace(-3, 2, 40)
    train, val = own(300) / spread, own(100) / spread
    # Features below a thousandth of the largest are held still, so the units of each keep all above it.
    units = np.logspace(-1, 1, 40)[np.random.default_rng(1).permutation(40)]
    before = distances(fit_reference(train, val), val)
    after = distances(fit_reference(train * units, val * units), val * units)
    assert after == pytest.approx(before, rel=1e-4)


def test_distance_of_many_images_is_mahalanobis_in_all_directions():
    rng = np.random.default_rng(0)
    train = rng.normal(size=(4000, 4)) @ rng.normal(size=(4, 4)) + [5, -3, 0, 100]
    asked = train[:50] + rng.normal(size=(50, 4))
    reference = fit_reference(train, train, rank=2)
    scaled = (train - train.mean(axis=0)) / train.std(axis=0)
    values, vectors = np.linalg.eigh(np.cov(scaled.T))
    values[:2] = values[:2].mean()  # the directions that are not kept share one variance
    turned = (asked - train.mean(axis=0)) / train.std(axis=0) @ vectors
    assert distances(reference, asked) == pytest.approx(np.sqrt((turned**2 / values).sum(axis=1)), rel=1e-3)


def test_percentile_lies_between_the_distances_of_the_validation_split_and_its_99th_is_still_like_it():
    one = np.ones(2, np.float32)
    known = np.arange(1, 102, dtype=np.float32)  # the distance 1 + p is the percentile p
    reference = Reference(0 * one, one, np.eye(2, 1, dtype=np.float32), one[:1], 1.0, known)
    found = similarity(reference, np.array([[0.5, 0.0], [2.0, 0.0], [0.0, 99.5], [0.0, 100.0], [0.0, 100.5], [0, 102]]))
    assert [entry.percentile for entry in found] == pytest.approx([0.0, 1.0, 98.5, 99.0, 99.5, 100.0])
    assert [entry.is_similar for entry in found] == [True, True, True, True, False, False]


def test_directions_are_at_most_a_tenth_of_the_cases_and_half_of_the_features(own):
    assert fit_reference(own(50), own(20)).directions.shape == (40, 5)
    assert fit_reference(own(800), own(20)).directions.shape == (40, 20)
    assert fit_reference(own(800), own(20), rank=7).directions.shape == (40, 7)


def test_feature_that_never_varied_does_not_explode():
    rng = np.random.default_rng(0)
    train = np.column_stack([rng.normal(size=(200, 4)), np.zeros(200)])
    assert np.isfinite(distances(fit_reference(train, train), train + 1e-9)).all()


def test_features_that_are_not_numbers_are_unlike(own):
    reference = fit_reference(own(100), own(50))
    (entry,) = similarity(reference, np.full((1, 40), np.nan))
    assert not entry.is_similar


@pytest.mark.parametrize("cases", [3, 50, 240])
def test_card_counts_as_unlike_what_the_product_calls_unlike(own, cases):
    """One case far off must not set the limit alone, neither on the card nor on the page."""
    val = np.concatenate([own(cases - 1), own(1) * 30.0])
    reference = fit_reference(own(800), val)
    others = own(300) * 2.0
    predicted = [not entry.is_similar for entry in similarity(reference, others)]
    row = ood_row(reference, distances(reference, own(100)), distances(reference, others))
    assert row["called_unlike"] == pytest.approx(np.mean(predicted), abs=1e-4)
    assert reference.limit == pytest.approx(np.percentile(reference.distances, 99))
    assert reference.limit < reference.distances[-1]


def test_percentile_and_verdict_never_contradict_each_other(own):
    reference = fit_reference(own(200), own(50))
    asked = np.concatenate([own(200) * scale for scale in (0.5, 1.0, 1.5)])
    found = similarity(reference, asked)
    assert all(entry.is_similar == (entry.percentile <= 99.0) for entry in found)
    assert {True, False} == {entry.is_similar for entry in found}
    ranked = sorted(found, key=lambda entry: entry.distance)
    assert [entry.percentile for entry in ranked] == sorted(entry.percentile for entry in found)


def test_equal_distances_are_counted_together(own):
    reference = replace(fit_reference(own(200), own(50)), distances=np.full(50, 2.0, np.float32))
    assert unlike(reference, np.array([1.9, 2.0, 2.1])).tolist() == [False, False, True]


def test_reference_survives_its_file(own, tmp_path):
    reference, asked = fit_reference(own(300), own(100)), own(5)
    save_reference(reference, tmp_path / "similarity.npz")
    again = read_reference((tmp_path / "similarity.npz").read_bytes())
    assert similarity(again, asked) == similarity(reference, asked)


def test_file_that_would_run_code_is_refused():
    stream = io.BytesIO()
    np.savez(stream, mean=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        read_reference(stream.getvalue())


def npz(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return content.getvalue()


def header_of(shape):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        npz(mean=b"no array"),
        npz(mean=header_of((1 << 40,))),  # claims 4 TB and holds nothing
        npz(mean=header_of((4, 4)) + bytes(300 << 20)),  # 300 MB of zeros in 300 kB
    ],
    ids=["no archive", "no array", "claims", "grows"],
)
def test_reference_that_is_none_or_claims_too_much_is_refused(content):
    with pytest.raises((ValueError, KeyError)):
        read_reference(content)
