"""Masks of NIfTI scans go back to the original's own voxels, whatever plane the scan was shown in."""

import gzip
import io

import nibabel
import numpy as np
import pytest

from core.inference.bundle import open_bundle
from core.inference.predict import Segmentation, predict
from core.inference.study import Study
from core.models.card import load_card
from core.planes import PLANES, in_plane
from core.readers import Source, open_sources
from core.readers.mask import read_reference
from core.report.segmentation_nifti import as_nifti, nifti_note
from core.segmentation.originals import read_originals

#: Stored as A, S, R with a tilt and an origin of its own.
_AFFINE = np.array([[0.1, 0, 1.2, 30], [1.1, -0.1, 0, 20], [0, 1.0, 0.1, 10], [0, 0, 0, 1]])


def segment(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Segmentation, **told)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, write_segmenter):
    folder = write_segmenter(tmp_path_factory.mktemp("models"), labels=("Background", "Tumour"))
    return open_bundle(load_card(folder), threads=1)


def _block(shape=(30, 40, 32)):
    """A bright block in one corner, so that no flip is the same."""
    voxels = np.zeros(shape, np.int16)
    voxels[3:14, 5:20, 4:12] = 900
    return voxels


def _mask_of(source, scan, bundle):
    data = gzip.decompress(as_nifti(segment(bundle, scan), scan, read_originals([source], scan)))
    kind = nibabel.Nifti2Image if data[:2] == b"\x1c\x02" else nibabel.Nifti1Image
    return kind.from_bytes(data)


def _agreement(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_mask_lies_on_the_original_from_each_plane(plane, kind, bundle):
    image = kind(_block(), _AFFINE)
    image.header.set_qform(np.diag([-1.2, 1.1, 1, 1]), 1)  # disagrees: whoever reads it must be led astray alike
    image.header.set_xyzt_units("micron")
    source = Source("scan.nii", kind(_block(), None, image.header).to_bytes())
    scan = in_plane(open_sources([source]).scans[0], plane)
    mask = _mask_of(source, scan, bundle)
    assert type(mask) is kind
    assert mask.shape == image.shape
    assert _agreement(np.asarray(mask.dataobj) > 0, _block() > 0) > 0.9
    for field in ("qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "qoffset_x", "xyzt_units"):
        assert np.array_equal(mask.header[field], image.header[field]), field
    assert np.array_equal(mask.header["pixdim"][:4], image.header["pixdim"][:4])


def test_a_mask_of_a_cine_lies_on_its_slice_and_frames(bundle):
    cine = np.zeros((40, 30, 3, 12), np.int16)
    cine[5:20, 3:14, 1] = 900
    source = Source("cine.nii", nibabel.Nifti1Image(cine, np.diag([-1.0, 1, 8, 1])).to_bytes())
    volume, sequence = open_sources([source]).scans
    found = np.asarray(_mask_of(source, sequence, bundle).dataobj) > 0
    assert found.shape == cine.shape
    assert _agreement(found, cine > 0) > 0.9
    assert _mask_of(source, volume, bundle).shape == cine.shape[:3], "a time point finds its file as well"


def test_a_mask_of_a_pair_lies_on_the_pair(bundle):
    image = nibabel.Nifti1Pair(_block(), _AFFINE)
    files = nibabel.Nifti1Pair.make_file_map({"header": io.BytesIO(), "image": io.BytesIO()})
    image.to_file_map(files)
    sources = [Source("x.img", files["image"].fileobj.getvalue()), Source("x.hdr", files["header"].fileobj.getvalue())]
    (scan,) = open_sources(sources).scans
    originals = read_originals(sources, scan)
    mask = nibabel.Nifti1Image.from_bytes(gzip.decompress(as_nifti(segment(bundle, scan), scan, originals)))
    assert np.allclose(mask.affine, _AFFINE, atol=1e-6)
    assert "voxel on voxel" in nifti_note(scan, originals)


@pytest.mark.parametrize("plane", PLANES)
def test_a_mask_without_the_original_keeps_plane_sides_and_sizes(plane, bundle):
    (scan,) = open_sources([Source("scan.nii", nibabel.Nifti1Image(_block(), _AFFINE).to_bytes())]).scans
    scan = in_plane(scan, plane)
    found = segment(bundle, scan)
    data = gzip.decompress(as_nifti(found, scan))
    mask = nibabel.Nifti1Image.from_bytes(data)
    assert nibabel.aff2axcodes(mask.affine) == ("R", "A", "S")
    assert mask.header.get_zooms() == pytest.approx((1.2, 1.1, 1.0), abs=0.02)
    (again,) = open_sources([Source("mask.nii", data)]).scans
    assert np.array_equal(again.pixels > 0, found.volume(0)), "our own reader shows it as it was"


def test_a_mask_is_laid_on_a_scan_that_is_shown_in_another_plane():
    source = Source("scan.nii", nibabel.Nifti1Image(_block(), _AFFINE).to_bytes())
    mask = Source("mask.nii", nibabel.Nifti1Image((_block() > 0).astype(np.uint8), _AFFINE).to_bytes())
    scan = in_plane(open_sources([source]).scans[0], "coronal")
    assert np.array_equal(read_reference(mask, scan).of(), scan.pixels > 0)
