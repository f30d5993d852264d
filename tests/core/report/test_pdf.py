import getpass
import io
import re
import socket
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pypdf import PdfReader

from core.errors import IncompatibleInput
from core.report import pdf as module
from core.report.pdf import as_pdf

MADE_AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
WARNING = "Slice {} lies 0.3 mm from where its neighbours would have it, so distances are only roughly right."


def pages(data):
    return len(re.findall(rb"/Type /Page\b", data))


def content_of(data):
    """The page's drawing commands, unpacked."""
    contents = [page.get_contents() for page in PdfReader(io.BytesIO(data)).pages]
    return b"\n".join(content.get_data() for content in contents).decode("cp1252")


def lowest_text(data):
    """Distance of the lowest line of text from the bottom of the page, in points."""
    return min(float(y) for y in re.findall(r"BT [\d.]+ (-?[\d.]+) Td", content_of(data)))


def text_of(data):
    """The words of a report in reading order, as another program extracts them."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())


@pytest.fixture
def answer(scan, predict, explain):
    prediction = predict(scan, [[1.9]])
    return scan, prediction, explain(prediction, [1.8])


@pytest.fixture
def stack(make_scan, predict, explain):
    scan = make_scan((60, 40), frames=40, axis="slice", slice_spacing_mm=1.25)
    prediction = predict(scan, np.linspace(-3, 3, 40)[:, None])
    return scan, prediction, explain(prediction, np.exp(-(((np.arange(40) - 12) / 5) ** 2)) * 2)


def test_report_is_one_page_and_says_what_it_is_not(answer):
    data = as_pdf(*answer, made_at=MADE_AT)
    assert pages(data) == 1
    text = text_of(data)
    assert "Research and teaching only, never for diagnosis" in text
    assert "Made 2026-01-02 03:04 UTC" in text


def test_report_states_answer_model_and_hashes(answer):
    text = text_of(as_pdf(*answer))
    for part in (
        "Pneumonia is likely",
        "Calibrated probability of Pneumonia 0.80, alarm threshold 0.59 (before calibration 0.87, threshold 0.62).",
        "sensitivity 0.95 on the validation split",
        "percentile 61 of the validation set",
        "1.8 logit units",
        "96 × 80 pixels",
        "cc-by-nc-4.0, non-commercial use only",
        "ROC AUC 0.964 (0.948–0.977), sensitivity 0.974 (0.953–0.988), specificity not defined",
        "c" * 64,
        "b" * 64,
        "onnxruntime",
    ):
        assert part in text, part


def test_every_warning_is_on_the_page(make_scan, predict, explain):
    scan = make_scan((60, 40), warnings=("A slice is missing.", "The spacing is not stated."))
    prediction = replace(predict(scan, [[0.0]], similar=False), warning="expects an MRI, this is a CT")
    text = text_of(as_pdf(scan, prediction, explain(prediction, [0.0])))
    for part in ("it expects an MRI", "unlike those that the model was", "explanation is empty", *scan.warnings):
        assert part in text, part
    assert text.index("it expects an MRI") < text.index("Probabilities")  # beside the answer, not behind it


@pytest.mark.parametrize("count", [0, 8, 25, 60, 400])
def test_page_stays_one_page_with_many_warnings(stack, count):
    scan, prediction, explanation = stack
    data = as_pdf(replace(scan, warnings=tuple(WARNING.format(n) for n in range(count))), prediction, explanation)
    assert pages(data) == 1
    assert lowest_text(data) > 20


@pytest.mark.parametrize("shape", [(60, 40), (20, 400), (400, 20)])
def test_page_stays_one_page_with_a_wordy_card(make_scan, predict, wordy, shape):
    facts = {f"A fact with a very long name {n}": "and a longer value, " * 20 for n in range(30)}
    warnings = tuple(WARNING.format(n) * 6 for n in range(30))
    scan = make_scan(shape, facts=facts, title="A title that never ends, " * 20, warnings=warnings)
    prediction = replace(predict(scan, [[0.5]], wordy, similar=False), warning="expects something else, " * 30)
    data = as_pdf(scan, prediction)
    assert pages(data) == 1
    assert lowest_text(data) > 20


def test_few_warnings_are_shown_in_full_before_anything_is_cut(stack):
    scan, prediction, explanation = stack
    warned = replace(scan, warnings=tuple(WARNING.format(n) for n in range(20)))
    text = text_of(as_pdf(warned, prediction, explanation))
    assert text.count("so distances are only roughly right") == 20


def test_what_is_left_out_is_counted(stack):
    scan, prediction, explanation = stack
    warned = replace(scan, warnings=tuple(WARNING.format(n) for n in range(400)))
    text = text_of(as_pdf(warned, prediction, explanation))
    shown = text.count("lies 0.3 mm")
    assert f"{400 - shown} more warnings; the JSON has them all." in text


def test_stack_shows_one_slice_and_sums_up_the_others(stack):
    text = text_of(as_pdf(*stack, frame=28))
    assert "slice 29 of 40" in text
    assert "strongest in slice 13 of 40 (2 logit units)" in text
    assert "0.11 to 0.89, at or above the threshold in 17." in text


def test_letters_that_the_page_cannot_write_do_not_break_it(scan, predict, card):
    strange = replace(card, title="Lungenentzündung – 肺炎 ≥ 2", labels=("Ménière", "Łódź"))
    text = text_of(as_pdf(scan, predict(scan, [[2.0]], strange)))
    assert "Lungenentzündung – ?? >= 2" in text
    assert "Lódz is likely" in text.replace("Lódź", "Lódz")


def test_file_names_neither_user_nor_machine(answer):
    data = as_pdf(*answer, made_at=MADE_AT)
    plain = re.sub(rb"stream\r?\n.*?endstream", b"", data, flags=re.DOTALL)  # packed bytes can spell a short name
    everything = plain + content_of(data).encode()
    assert b"/Author" not in plain
    assert b"fpdf" not in plain.lower()
    assert b"D:20260102030400Z" in data
    for name in {getpass.getuser(), socket.gethostname()}:
        assert not re.search(rb"\b" + re.escape(name.encode()) + rb"\b", everything)


def test_same_input_gives_the_same_file(answer):
    assert as_pdf(*answer, made_at=MADE_AT) == as_pdf(*answer, made_at=MADE_AT)


def test_image_is_reduced_to_what_print_can_show(make_scan, predict):
    scan = make_scan((3000, 2000))
    assert len(as_pdf(scan, predict(scan, [[1.0]]))) < 4_000_000
    assert module._for_print(np.zeros((3000, 2000), np.uint8)).shape == (1000, 667)


def test_many_classes_are_summed_up(scan, predict, card):
    labels = tuple(f"Finding {n}" for n in range(14))
    several = replace(card, task="multiclass", labels=labels, threshold=None)
    text = text_of(as_pdf(scan, predict(scan, [np.arange(14) / 4], several)))
    assert "Finding 13 is the most likely answer" in text
    assert "8 more classes, each at most 0.06" in text


def test_frame_that_the_model_did_not_read_is_refused(answer):
    with pytest.raises(IncompatibleInput, match="The model has not read frame"):
        as_pdf(*answer, frame=3)


def test_colour_and_strips_have_their_page(make_scan, predict):
    color = replace(make_scan((30, 30)), pixels=np.full((1, 30, 30, 3), 90, np.uint8))
    assert pages(as_pdf(color, predict(color, [[1.0]]), invert=True)) == 1
    strip = make_scan((2, 900))
    assert pages(as_pdf(strip, predict(strip, [[1.0]]))) == 1
