"""Any model runs over a table with a column for each of its inputs, and over a column of masks."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.datasets.dataset import UnusableDataset
from core.datasets.labels.mapping import UnknownLabel, label_map
from core.datasets.readers import open_dataset
from core.datasets.stress.levels import stressed
from core.datasets.tables.inputs import columns_in, input_map, parse_fact
from core.errors import IncompatibleInput
from core.evaluation.__main__ import main
from core.evaluation.runs.plan import without_inputs
from core.evaluation.runs.run import evaluate
from core.evaluation.runs.studies import sample_values, study_of, unsaid_values
from core.evaluation.store.evaluations import Store
from core.inference.bundle import open_bundle
from core.inference.predict import Prediction, predict
from core.models.card import FeatureSpec, load_card, load_cards
from core.reader_study.sources import can_be_read_against

MODELS = Path(__file__).resolve().parents[4] / "models"
CARDS, _ = load_cards(MODELS)
#: Those that take something else than one image, or give something else than class scores.
OTHERS = [
    slug
    for slug, card in CARDS.items()
    if len(card.inputs) > 1 or card.inputs[0].kind != "image" or card.task == "segmentation"
]
FACTS = {"age": "71", "sex": "F", "education": "3", "height": "172", "weight": "70"}


def image(rng, size=(48, 40)):
    return cv2.GaussianBlur(rng.integers(0, 255, size, np.uint8), (9, 9), 0)


def film(rng, frames=6):
    return [image(rng) for _ in range(frames)]


def write_table(folder, rows, name="labels.csv"):
    with (folder / name).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def made_for(card, folder, n=4, **changes):
    """A table with a column for each input of a model, in made-up images of noise."""
    rng, rows = np.random.default_rng(5), []
    for number in range(n):
        row = {"patient": f"p{number // 2}"}
        for spec in card.inputs:
            if spec.is_image:
                (folder / spec.name).mkdir(parents=True, exist_ok=True)
                path = f"{spec.name}/{number:02d}.{'png' if spec.kind == 'image' else 'tif'}"
                if spec.kind == "image":
                    cv2.imwrite(str(folder / path), image(rng))
                else:
                    cv2.imwritemulti(str(folder / path), film(rng))
                row[spec.name] = path
            row |= {feature.name: FACTS[feature.name] for feature in spec.features}
        if card.task == "segmentation":
            (folder / "mask").mkdir(parents=True, exist_ok=True)
            mask = np.zeros((48, 40), np.uint8)
            mask[8:20, 5 + number : 30] = 1
            cv2.imwrite(str(folder / "mask" / f"{number:02d}.png"), mask)
            row["mask"] = f"mask/{number:02d}.png"
        else:
            row["label"] = card.labels[number % 2]
        rows.append(row | {name: values[number] for name, values in changes.items()})
    folder.mkdir(parents=True, exist_ok=True)
    return write_table(folder, rows), rows


def opened(folder, card, **options):
    dataset = open_dataset(folder, options)
    for _ in range(3):  # what stands in question is answered by its guess
        if not dataset.questions:
            break
        options |= {question.option: question.guess for question in dataset.questions}
        dataset = open_dataset(folder, options)
    mapping = dict(label_map(dataset, card).mapping) | input_map(card, dataset)
    return dataset, mapping


@pytest.mark.parametrize("slug", OTHERS)
def test_every_shipped_model_runs_over_a_table_with_its_inputs(slug, tmp_path, results):
    card = CARDS[slug]
    folder, _ = made_for(card, tmp_path / "data")
    dataset, mapping = opened(folder, card)
    bundle = open_bundle(card, threads=1)
    found = evaluate(card, bundle, dataset, "", mapping, results)
    assert (len(found.cases), found.failed) == (4, {})
    assert len(set(found.scores.patients)) == 2
    if card.task == "segmentation":
        assert (found.scores.y_true[:, 0] > 0).all()
        return
    case = next(case for case in dataset.cases if case.name == found.cases[0])
    alone = predict(bundle, study_of(dataset, case, card, mapping), [0], expect=Prediction)
    assert found.scores.y_score().reshape(4, -1)[0, -1] == pytest.approx(alone.probabilities[0, -1], abs=1e-5)


@pytest.fixture
def results(tmp_path):
    return Store(f"sqlite:///{tmp_path / 'results.db'}")


@pytest.fixture
def fusion():
    return CARDS["glioma-early-fusion"]


def test_what_may_be_missing_may_be_missing_and_the_rest_is_counted(tmp_path, results):
    card = CARDS["dementia-picture-table"]
    folder, rows = made_for(card, tmp_path / "data")
    rows[0] |= {"age": "", "sex": "n/a", "education": ""}  # the table is optional
    rows[1] |= {"coronal": ""}
    write_table(folder, rows)
    dataset, mapping = opened(folder, card, file="axial")
    found = evaluate(card, None, dataset, "", mapping, results)
    assert list(found.cases) == ["axial/00.png", "axial/02.png", "axial/03.png"]
    told = without_inputs(dataset, mapping, card, dataset.cases)
    assert told.startswith("1 of 4 cases is left out")
    assert "coronal slice (1)" in told


def test_a_cell_that_is_no_fact_sets_its_case_aside_with_a_sentence(tmp_path, results):
    card = CARDS["dementia-table"]
    folder, rows = made_for(card, tmp_path / "data")
    rows[1]["age"], rows[2]["age"] = "old", "712"
    write_table(folder, rows)
    dataset, mapping = opened(folder, card)
    found = evaluate(card, None, dataset, "", mapping, results)
    assert len(found.cases) == 2
    assert sorted("'old'" in reason for reason in found.failed.values()) == [False, True]


def test_columns_are_matched_by_name_and_never_one_for_two_inputs(fusion, tmp_path):
    folder, rows = made_for(fusion, tmp_path / "data")
    named = [{"T1_post_gd": r["post"], "t1": r["pre"], "FLAIR image": r["flair"], "label": r["label"]} for r in rows]
    write_table(folder, named)
    _, mapping = opened(folder, fusion)
    assert columns_in(mapping) == {"pre": "t1", "flair": "FLAIR image", "post": "T1_post_gd"}


def test_columns_can_be_said_and_wrong_ones_are_refused(fusion, tmp_path):
    folder, _ = made_for(fusion, tmp_path / "data")
    dataset, _ = opened(folder, fusion)
    said = input_map(fusion, dataset, columns={"pre": "post", "post": ""})
    assert columns_in(said) == {"pre": "post", "flair": "flair"}
    for columns in ({"pre": "label"}, {"pre": "nowhere"}, {"t9": "flair"}):
        with pytest.raises(UnknownLabel):
            input_map(fusion, dataset, columns=columns)


def test_another_column_or_another_cell_is_computed_anew(tmp_path, results):
    card = CARDS["dementia-table"]
    folder, rows = made_for(card, tmp_path / "data")
    dataset, mapping = opened(folder, card)
    first = evaluate(card, None, dataset, "", mapping, results).scores.logits
    write_table(folder, [{**row, "age": "90"} for row in rows])
    dataset, mapping = opened(folder, card)
    assert not np.allclose(evaluate(card, None, dataset, "", mapping, results).scores.logits, first)


def test_a_stressed_copy_stresses_every_input(fusion, tmp_path, results):
    folder, _ = made_for(fusion, tmp_path / "data")
    dataset, mapping = opened(folder, fusion)
    copy = stressed(dataset, "blur", 5)
    one, other = (study_of(which, dataset.cases[0], fusion, mapping) for which in (dataset, copy))
    assert all(not np.array_equal(one.scans[name].pixels, other.scans[name].pixels) for name in one.scans)


def test_masks_are_not_turned_with_a_stressed_image(tmp_path, results):
    card = CARDS["glioma-outline"]
    folder, _ = made_for(card, tmp_path / "data")
    dataset, mapping = opened(folder, card)
    with pytest.raises(UnusableDataset, match="moves the image away from its masks"):
        evaluate(card, None, stressed(dataset, "rotation", 2), "", mapping, results)


@pytest.fixture
def outlined(tmp_path, write_segmenter):
    """Bright boxes with masks: `outlined([255, 0])` gives the value of the mask of each image, 0 for an empty one."""
    labels = ("Background", "Disc", "Cup")

    def made(values, labels=labels, size=(64, 64)):
        card, rows = load_card(write_segmenter(tmp_path / "models", labels=labels, resize="stretch")), []
        for folder in ("images", "masks"):
            (tmp_path / "set" / folder).mkdir(parents=True)
        for number, value in enumerate(values):
            image, mask = np.zeros((64, 64), np.uint8), np.zeros(size, np.uint8)
            image[10:30, 12:40] = 255 if value else 0
            mask[10:30, 12:40] = value
            row = {"file": f"images/{number}.png", "mask": f"masks/{number}.png"}
            for column, pixels in (("file", image), ("mask", mask)):
                cv2.imwrite(str(tmp_path / "set" / row[column]), pixels)
            rows.append(row)
        return card, write_table(tmp_path / "set", rows)

    return made


def test_masks_alone_need_no_label_and_give_dice(outlined, results):
    card, folder = outlined([255, 255, 0], ("Background", "Disc"))
    dataset, mapping = opened(folder, card)
    found = evaluate(card, open_bundle(card, threads=1), dataset, "", mapping, results)
    rows = found.scores.measures(0)
    assert rows[:, 1].tolist() == [560, 560, 0]
    np.testing.assert_array_equal(rows[:, 2], rows[:, 3])
    assert np.isnan(rows[2, 4:]).all()
    assert np.isnan(rows[0, -1])  # a PNG does not say how large a pixel is
    assert rows[0, -2] <= 1.0


def test_values_that_do_not_say_their_label_are_asked_for(outlined, results):
    card, folder = outlined([255, 128])
    dataset, mapping = opened(folder, card)
    assert sample_values(dataset, card, mapping, dataset.cases) == (128, 255)
    assert unsaid_values([128, 255], card, {}) == [128, 255]
    with pytest.raises(UnusableDataset, match="--mask 255=Disc"):
        evaluate(card, None, dataset, "", mapping, results)
    said = mapping | input_map(card, dataset, mapping, values={"255": "Disc", "128": ""})
    found = evaluate(card, None, dataset, "", said, results)
    assert found.scores.y_true.tolist() == [[560, 0], [0, 0]]


def test_values_from_one_on_are_the_labels_in_the_cards_order(outlined, results):
    card, folder = outlined([1, 2])
    dataset, mapping = opened(folder, card)
    found = evaluate(card, None, dataset, "", mapping, results)
    assert found.scores.y_true.tolist() == [[560, 0], [0, 560]]


def test_a_mask_of_another_size_sets_its_case_aside(outlined, results):
    card, folder = outlined([1, 1], ("Background", "Disc"), size=(64, 66))
    dataset, mapping = opened(folder, card)
    with pytest.raises(UnusableDataset, match="the scan's own size"):
        evaluate(card, None, dataset, "", mapping, results)


def test_the_shell_says_which_columns_it_reads(tmp_path, capsys, results, fusion):
    folder, _ = made_for(fusion, tmp_path / "data")
    arguments = ["--database", f"sqlite:///{tmp_path / 'shell.db'}", "run", "--model", fusion.slug]
    arguments += ["--dataset", str(folder), "--split", "all", "--option", "file=flair"]
    assert main([*arguments, "--column", "post="]) == 0
    told = capsys.readouterr()
    assert "Columns: T1 before contrast from 'pre', FLAIR from 'flair'\n" in told.err
    assert "AUC (Tumour)" in told.out
    assert main([*arguments, "--column", "post=label"]) == 1
    assert "a column that names files for T1 after contrast" in capsys.readouterr().err


SEX = FeatureSpec("sex", "Sex", choices={"female": 0.0, "male": 1.0})
AGE = FeatureSpec("age", "Age", "years", 18, 100)


@pytest.mark.parametrize(
    ("feature", "cell", "number"),
    [(SEX, "F", 0), (SEX, "Male", 1), (SEX, "1", 1), (SEX, "", None), (AGE, "063Y", 63), (AGE, "63,5", 63.5),
     (AGE, "63 years", 63), (AGE, "024M", 2), (AGE, "NaN", None)],
)  # fmt: skip
def test_cells_are_read_as_facts(feature, cell, number):
    assert parse_fact(feature, cell) == (number if number is None else pytest.approx(number))


@pytest.mark.parametrize(("feature", "cell"), [(SEX, "x"), (AGE, "young"), (AGE, "63 kg"), (AGE, "60-70")])
def test_cells_that_are_no_fact_are_refused(feature, cell):
    with pytest.raises(IncompatibleInput, match="correct the table"):
        parse_fact(feature, cell)


def test_people_are_compared_with_models_of_one_image_only():
    read = {slug for slug, card in CARDS.items() if can_be_read_against(card)}
    assert "pneumonia-chest-xray" in read
    assert not read & set(OTHERS)
