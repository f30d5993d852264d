import numpy as np
import pytest

from core.lessons.synthetic_lesions import synthetic_lesions


@pytest.fixture(scope="module")
def lesions():
    return synthetic_lesions(240, seed=5)


def test_same_seed_gives_the_same_images_and_another_seed_others(lesions):
    np.testing.assert_array_equal(synthetic_lesions(240, seed=5).images, lesions.images)
    assert (synthetic_lesions(240, seed=6).images != lesions.images).mean() > 0.5


def test_shapes_and_kinds_are_as_promised(lesions):
    assert lesions.images.shape == lesions.masks.shape == (240, 64, 64)
    assert lesions.images.dtype == np.uint8
    assert lesions.labels.dtype == np.int64
    assert lesions.masks.dtype == bool
    assert len(lesions.patients) == len(lesions.device) == len(lesions.contrast) == 240


def test_only_the_ill_have_an_outline_and_it_is_brighter_than_its_surroundings(lesions):
    assert not lesions.masks[lesions.labels == 0].any()
    ill = np.flatnonzero(lesions.labels)
    assert lesions.masks[ill].any(axis=(1, 2)).all()
    gains = [lesions.images[i][lesions.masks[i]].mean() - lesions.images[i][~lesions.masks[i]].mean() for i in ill]
    assert np.mean(gains) > 15
    assert 0.05 < np.mean(np.array(gains) < 20) < 0.5, "some lesions must be hard to see, most must not"


def test_a_patient_is_healthy_or_ill_and_comes_from_one_device(lesions):
    for patient in set(lesions.patients):
        own = lesions.patients == patient
        assert len(set(lesions.labels[own])) == 1
        assert len(set(lesions.device[own])) == 1
        assert own.sum() <= 4


def test_device_does_not_tell_who_is_ill():
    many = synthetic_lesions(900, seed=0)
    fraction = [many.labels[many.device == device].mean() for device in "AB"]
    assert abs(fraction[0] - fraction[1]) < 0.12
    assert abs(many.labels.mean() - 0.5) < 0.06


def test_mean_brightness_alone_does_not_give_it_away():
    from sklearn.metrics import roc_auc_score

    many = synthetic_lesions(900, seed=0)
    assert roc_auc_score(many.labels, many.images.mean(axis=(1, 2))) < 0.65


def test_other_sizes_work_and_too_small_ones_are_refused():
    assert synthetic_lesions(3, seed=0, size=96).images.shape == (3, 96, 96)
    with pytest.raises(ValueError, match="at least 16 pixels"):
        synthetic_lesions(3, seed=0, size=8)
