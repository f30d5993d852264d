"""Page, evaluation and training give a model the same numbers for the same file, alone or in a stack."""

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.datasets.dataset import Case
from core.evaluation.runs.answers import answer
from core.inference.bundle import ModelOutput
from core.inference.ood import Similarity
from core.inference.predict import predict
from core.inference.prepare import prepare
from core.inference.study import Study
from core.models.card import InputSpec, ModelCard, input_spec
from core.models.link import class_probabilities
from core.readers import Source, open_sources
from core.scan import Scan, answered_frame
from core.training.data.acdc import cine
from core.training.data.images import prepare_case

SPEC = InputSpec("image", "image", (16, 16), 1, (0.0, 1.0), "percentile", "stretch", ())
CINE = replace(SPEC, name="cine", kind="sequence", frames=4)


class Recorder:
    """Stands in for an opened model and keeps what it was given."""

    link = "sigmoid"
    reference = SimpleNamespace(limit=1.0)

    def __init__(self, *inputs):
        self.card = ModelCard(
            "m", Path("m"), "M", "", "binary", ("no", "yes"), inputs, 0.5, "", 1.0, "", {}, "", False, "anything"
        )
        self.given = {}

    def run(self, batch, outputs=(), progress=None, cancelled=None):
        self.given = batch
        count = len(next(iter(batch.values())))
        return ModelOutput(np.zeros((count, 1), np.float32), None, np.zeros((count, 1), np.float32))

    def probabilities(self, logits, temperature=1.0):
        return class_probabilities(logits, "binary", temperature)

    def similarity(self, features):
        return (Similarity(0.5, 50.0, True),) * len(features)


@pytest.fixture(scope="module")
def slices():
    """Five slices whose grey levels lie far apart, as a bright implant or another coil makes them."""
    random = np.random.default_rng(0)
    return np.stack([(random.random((20, 24)) * 100 * 4**place + 7).astype(np.uint16) for place in range(5)])


def as_tiff(pages):
    images, content = [Image.fromarray(page) for page in pages], io.BytesIO()
    images[0].save(content, "TIFF", save_all=True, append_images=images[1:])
    return content.getvalue()


@pytest.fixture
def stack(slices, tmp_path):
    path = tmp_path / "stack.tif"
    path.write_bytes(as_tiff(slices))
    (scan,) = open_sources([Source(path.name, path.read_bytes())]).scans
    assert scan.frames == len(slices)
    return path, scan


def test_page_evaluation_cards_and_training_take_the_same_array(stack, slices):
    path, scan = stack
    page, shell = Recorder(SPEC), Recorder(SPEC)
    predict(page, Study.of(page.card, scan), [answered_frame(scan)])
    dataset = SimpleNamespace(read=lambda case: scan, location=path, title="", table=None, has_images=True)
    answer(shell, dataset, Case(name=path.name, patient="", split="", labels=()), 0)
    trained = prepare_case(path, SPEC)
    (alone,) = open_sources([Source("one.tif", as_tiff(slices[2:3]))]).scans
    by_itself = prepare(alone, SPEC).batch["image"][0]
    for recorder in (page, shell):
        np.testing.assert_array_equal(recorder.given["image"][0], trained)
    np.testing.assert_array_equal(by_itself, trained)


@pytest.mark.parametrize("intensity", ["percentile", "display", "window"])
def test_slice_has_the_same_input_whichever_others_were_opened(slices, intensity):
    spec = replace(SPEC, intensity=intensity, window=(300.0, 600.0))
    whole = Scan(slices, "slice", "", "NIfTI", "")
    together = prepare(whole, spec).batch["image"]
    for index in range(len(slices)):
        for chosen in ([index], [0, index], [index, 4]):
            part = prepare(replace(whole, pixels=slices[chosen]), spec).batch["image"]
            np.testing.assert_array_equal(part[chosen.index(index)], together[index])


def test_model_of_several_images_sees_each_slice_by_itself_too(slices):
    scan, two = Scan(slices, "slice", "", "NIfTI", ""), replace(SPEC, name="other", optional=True)
    recorder = Recorder(SPEC, two)
    predict(recorder, Study({"image": scan}), [1])
    np.testing.assert_array_equal(recorder.given["image"], prepare(scan, SPEC, [1]).batch["image"])


def test_sequence_keeps_one_range_for_all_its_frames_as_its_training_did(slices):
    frames = (slices // 300).astype(np.uint8)
    recorder = Recorder(CINE)
    scan = Scan(frames, "time", "", "NIfTI", "", modality="MR")
    predict(recorder, Study({"cine": scan}))
    given = recorder.given["cine"][0]
    np.testing.assert_array_equal(np.rint(given * 255), cine(frames, CINE))
    assert given[0].max() < 0.1
    assert given[-1].max() > 0.8


def test_card_may_say_that_a_single_frame_was_cut_out_of_a_whole_range(slices):
    entry = {
        "name": "image",
        "kind": "image",
        "size": [16, 16],
        "channels": 1,
        "intensity": "percentile",
        "resize": "stretch",
    }
    scan = Scan(slices, "time", "", "NIfTI", "")
    whole = prepare(scan, input_spec(entry | {"range_of": "scan"}), [0])
    frame = prepare(scan, input_spec(entry), [0])
    assert whole.batch["image"].max() < 0.1
    assert frame.batch["image"].max() > 0.8
    assert "percentile of the whole scan" in whole.provenance[0].detail
    assert "percentile of this frame" in frame.provenance[0].detail
    with pytest.raises(ValueError, match="range_of"):
        input_spec(entry | {"range_of": "patient"})


def test_empty_slice_of_a_volume_is_black_and_not_grey(slices):
    pixels = slices.copy()
    pixels[1] = 7
    assert prepare(Scan(pixels, "slice", "", "NIfTI", ""), SPEC, [1]).batch["image"].max() == 0.0


@pytest.mark.parametrize(("frames", "middle"), [(1, 0), (2, 1), (5, 2)])
def test_middle_frame_stands_for_a_stack(frames, middle):
    assert answered_frame(Scan(np.zeros((frames, 2, 2), np.uint8), "slice", "", "", "")) == middle
