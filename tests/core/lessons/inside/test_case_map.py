import numpy as np
import pytest

from core.errors import Cancelled, IncompatibleInput, UnreadableScan
from core.inference.bundle import open_bundle
from core.inference.ood import fit_reference
from core.lessons.inside.case_map import (
    Point,
    gather,
    nearest,
    plane_of,
    point_of,
)
from core.lessons.inside.tsne import tsne
from core.models.card import load_card
from core.scan import Scan


def point(features, name="", predicted="Yes", truth=""):
    return Point(name, np.asarray(features, np.float32), predicted, truth)


@pytest.fixture
def clusters():
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 8, (3, 12))
    return np.concatenate([centre + rng.normal(0, 1, (30, 12)) for centre in centres]), np.repeat([0, 1, 2], 30)


def test_the_plane_of_the_training_scans_comes_from_the_bundle(opened):
    rng = np.random.default_rng(0)
    train = rng.normal(0, 1, (400, 6)) * [5, 1, 1, 1, 1, 1] + 3
    bundle = opened("plain")
    bundle.reference = fit_reference(train, train, rank=3)
    plane = plane_of(bundle, [])
    assert plane.of_training
    np.testing.assert_allclose(plane.place(train).std(axis=0), plane.deviations, rtol=0.02)
    assert 0 < plane.fractions.sum() < 1


def test_without_a_reference_the_plane_is_that_of_the_cases_as_scikit_learn_has_it(opened, clusters):
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    values = clusters[0]
    plane = plane_of(opened("plain"), [point(row) for row in values])
    expected = PCA(2).fit(StandardScaler().fit_transform(values))
    found = plane.place(values)
    theirs = expected.transform(StandardScaler().fit_transform(values))
    np.testing.assert_allclose(np.abs(found), np.abs(theirs), atol=1e-4)
    np.testing.assert_allclose(plane.fractions, expected.explained_variance_ratio_, atol=1e-5)


def test_nearest_cases_are_told_by_all_features_and_not_by_the_two_that_are_drawn(opened):
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (50, 5)) * [9, 9, 1, 1, 1]
    points = [point(row) for row in values]
    plane = plane_of(opened("plain"), points)
    (index, distance), *_ = nearest(plane, point(values[7] + 0.01), points)
    assert index == 7
    scaled = plane.scaled(values)
    assert distance == pytest.approx(float(np.linalg.norm(scaled[7] - plane.scaled(values[7:8] + 0.01))), abs=1e-5)


def test_a_case_is_wrong_only_where_the_truth_is_known():
    assert point([0], predicted="No", truth="Yes").is_wrong
    assert not point([0], predicted="No").is_wrong


def test_cases_that_cannot_be_read_are_counted_and_the_rest_is_spread_evenly(opened, scan_of_noise):
    def broken():
        raise UnreadableScan("an image", "none", "check it")

    cases = [(str(n), "", broken if n == 0 else scan_of_noise) for n in range(10)]
    found = gather(opened("plain"), cases, most=4)
    assert [entry.name for entry in found.points] == ["3", "6", "9"]
    assert (found.failed, found.left_out) == (1, 6)


@pytest.fixture
def scan_of_noise():
    from core.scan import Scan

    pixels = np.random.default_rng(0).random((1, 30, 30)).astype(np.float32)
    return lambda: Scan(pixels=pixels, axis="single", digest="0" * 64, source="PNG", title="Noise")


def test_tsne_keeps_neighbours_together(clusters):
    from sklearn.manifold import trustworthiness

    values, label = clusters
    heard = []
    place = tsne(values, steps=300, progress=heard.append)
    assert trustworthiness(values, place, n_neighbors=5) > 0.9
    middle = np.stack([place[label == n].mean(axis=0) for n in range(3)])
    own = np.linalg.norm(place - middle[label], axis=1).mean()
    between = np.linalg.norm(middle[:, None] - middle[None], axis=-1)[np.triu_indices(3, 1)].min()
    assert between > 3 * own
    assert heard == sorted(heard)
    np.testing.assert_array_equal(tsne(values, steps=20), tsne(values, steps=20))


def test_tsne_stops_when_asked_and_refuses_too_few(clusters):
    with pytest.raises(Cancelled):
        tsne(clusters[0], cancelled=lambda: True)
    with pytest.raises(ValueError, match="5 cases"):
        tsne(clusters[0][:4])


def test_a_model_that_outlines_has_no_points(tmp_path, write_segmenter):
    scan = Scan(np.zeros((1, 64, 64), np.float32), "single", "0" * 64, "test", "MR")
    bundle = open_bundle(load_card(write_segmenter(tmp_path)))
    with pytest.raises(IncompatibleInput, match="no features of a single image"):
        point_of(bundle, scan, 0, "a case")
