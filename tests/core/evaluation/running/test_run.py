import dataclasses
import threading
import time
import tracemalloc
import types
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.datasets.digest import with_digest
from core.datasets.labels.truth import targets
from core.datasets.readers import open_dataset
from core.errors import Cancelled, UnreadableScan, UnsupportedModel
from core.evaluation.runs.answers import AHEAD
from core.evaluation.runs.run import estimate_seconds, evaluate
from core.evaluation.store.evaluations import Store
from core.evaluation.store.faults import RunTaken
from core.inference.prepare import prepare
from core.scan import Scan

MAPPING = {"Normal": "Normal", "Ill": "Ill"}


@pytest.fixture
def results(sqlite_url):
    return Store(sqlite_url)


@pytest.fixture
def counted(clinic):
    """The dataset, and the names of the cases that were read from it."""
    names, lock = [], threading.Lock()

    def read(case):
        with lock:
            names.append(case.name)
        return clinic.read(case)

    return dataclasses.replace(clinic, read=read), names


def run(card, bundle, dataset, store, mapping=MAPPING, **options):
    return evaluate(card, bundle, dataset, "test", mapping, store, **options)


def test_scores_are_those_of_the_images_one_by_one(card, bundle, clinic, results):
    found = run(card, bundle, clinic, results, kind="external")
    assert len(found.cases) == 40
    for case, logit, truth in zip(found.cases, found.scores.logits, found.scores.y_true, strict=True):
        scan = clinic.read(next(each for each in clinic.cases if each.name == case))
        alone = bundle.run(prepare(scan, card.inputs[0]).batch).logits[0, 0]
        assert logit == pytest.approx(alone, abs=1e-6)
        assert truth == ("/Ill/" in case)
    assert (found.model, found.dataset, found.split, found.kind) == ("finder", "clinic", "test", "external")
    assert (found.threshold, found.temperature, found.failed) == (0.5, 1.5, {})
    assert found.dataset_digest == with_digest(clinic).digest


def test_the_second_time_nothing_is_computed(card, bundle, counted, results):
    dataset, names = counted
    first = run(card, bundle, dataset, results)
    names.clear()
    again = run(card, bundle, dataset, results)
    assert names == []
    np.testing.assert_array_equal(first.scores.logits, again.scores.logits)


def test_a_cancelled_run_keeps_what_it_scored_and_goes_on(card, bundle, counted, results):
    dataset, names = counted
    calls = iter([False] * 20 + [True])
    with pytest.raises(Cancelled):
        run(card, bundle, with_digest(dataset), results, cancelled=lambda: next(calls), chunk=16)
    (stopped,) = results.evaluations()
    assert (stopped.state, stopped.scored) == ("stopped", 21)
    names.clear()
    found = run(card, bundle, dataset, results)
    assert (len(names), len(found.cases)) == (19, 40)


def test_a_fault_in_the_database_keeps_the_chunks_before_it(card, bundle, clinic, results, monkeypatch):
    from core.evaluation.store.faults import StoreFault
    from core.evaluation.store.unfinished_run import OpenRun

    append, calls = OpenRun.append, []

    def full_the_third_time(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise StoreFault("room", "a full disk", "free some")
        append(self, *arguments)

    monkeypatch.setattr(OpenRun, "append", full_the_third_time)
    with pytest.raises(StoreFault):
        run(card, bundle, clinic, results, chunk=8)
    assert results.evaluations()[0].scored == 16
    assert len(run(card, bundle, clinic, results).cases) == 40


def test_progress_rises_from_nothing_to_all(card, bundle, clinic, results):
    seen = []
    run(card, bundle, clinic, results, progress=lambda fraction, words: seen.append((fraction, words)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert seen[-1] == (1.0, "Scored 40 of 40")
    run(card, bundle, clinic, results, progress=lambda fraction, words: seen.append((fraction, words)))
    assert seen[-1] == (1.0, "Already computed")


def test_cases_that_cannot_be_read_are_set_aside_with_their_sentence(card, bundle, make_images, results):
    folder = make_images()
    (folder / "test" / "Ill" / "0001.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    cv2.imwrite(str(folder / "test" / "Ill" / "0003.png"), np.zeros((9, 9), np.uint8))
    found = run(card, bundle, open_dataset(folder), results)
    assert len(found.cases) == 38
    assert set(found.failed) == {"test/Ill/0001.png", "test/Ill/0003.png"}
    assert "not a number" in found.failed["test/Ill/0003.png"]
    assert all(text.endswith(".") for text in found.failed.values())


def test_failed_cases_are_read_again_only_when_asked(card, bundle, clinic, results):
    def broken(case):
        if case.name.endswith("0001.png"):
            raise UnreadableScan("an image", "a broken one", "mend it")
        if case.name.endswith("0003.png"):
            raise RuntimeError("a bug of a decoder")
        return clinic.read(case)

    first = run(card, bundle, dataclasses.replace(clinic, read=broken), results)
    assert (len(first.cases), len(first.failed)) == (38, 2)
    assert "RuntimeError" in first.failed["test/Ill/0003.png"]
    assert len(run(card, bundle, clinic, results).cases) == 38
    second = run(card, bundle, clinic, results, retry_failed=True)
    assert (len(second.cases), second.failed) == (40, {})


def test_where_no_case_can_be_read_nothing_is_kept(card, bundle, clinic, results):
    def broken(case):
        raise UnreadableScan("an image", "a broken one", "mend it")

    with pytest.raises(UnusableDataset, match=r"no image of clinic \(Expected an image, received a broken one"):
        run(card, bundle, dataclasses.replace(clinic, read=broken), results)
    assert results.evaluations() == []


def test_a_dataset_that_goes_away_in_the_middle_stops_the_run_and_keeps_its_scores(
    card, bundle, make_images, results, tmp_path
):
    folder = make_images()
    dataset = with_digest(open_dataset(folder))

    def read(case):
        if case.name.endswith("0030.png") and folder.exists():
            folder.rename(tmp_path / "away")
        return dataset.read(case)

    with pytest.raises(UnusableDataset, match="no longer where it was opened"):
        run(card, bundle, dataclasses.replace(dataset, read=read), results, threads=1)
    (tmp_path / "away").rename(folder)
    assert results.evaluations()[0].scored >= 16
    found = run(card, bundle, dataset, results)
    assert (len(found.cases), found.failed) == (40, {})


def test_a_dataset_changed_since_its_hash_is_refused(card, bundle, make_images, results):
    folder = make_images()
    dataset = with_digest(open_dataset(folder))
    cv2.imwrite(str(folder / "test" / "Ill" / "0001.png"), np.full((9, 9), 40, np.uint8))
    with pytest.raises(UnusableDataset, match="changed or removed since"):
        run(card, bundle, dataset, results)
    assert len(run(card, bundle, open_dataset(folder), results).cases) == 40


def test_a_dataset_changed_during_the_run_does_not_finish(card, bundle, make_images, results):
    folder = make_images()
    dataset = with_digest(open_dataset(folder))

    def read(case):
        if case.name.endswith("0030.png"):
            cv2.imwrite(str(folder / "test" / "Ill" / "0001.png"), np.full((9, 9), 40, np.uint8))
        return dataset.read(case)

    with pytest.raises(UnusableDataset, match="changed or removed since"):
        run(card, bundle, dataclasses.replace(dataset, read=read), results)
    assert results.evaluations()[0].state == "stopped"


def test_labels_left_out_are_not_read_and_a_wider_map_reads_only_what_is_new(card, bundle, counted, results):
    dataset, names = counted
    only = run(card, bundle, dataset, results, {"Ill": "Ill", "Normal": ""})
    assert (len(names), set(only.scores.y_true)) == (20, {1})
    names.clear()
    both = run(card, bundle, dataset, results)
    assert (len(names), len(both.cases), len(results.evaluations())) == (20, 40, 1)


def test_of_a_volume_the_middle_frame_is_scored(card, bundle, clinic, results):
    def volume(case):
        scan = clinic.read(case)
        pixels = np.concatenate([scan.pixels * 0, scan.pixels * 0, scan.pixels, scan.pixels * 0])
        return dataclasses.replace(scan, pixels=pixels, axis="slice")

    stacked = run(card, bundle, dataclasses.replace(clinic, read=volume), results)
    results.delete(results.evaluations()[0].id)
    np.testing.assert_array_equal(stacked.scores.logits, run(card, bundle, clinic, results).scores.logits)


def test_two_runs_of_the_same_at_once_do_not_mix(card, bundle, clinic, results):
    inside = []

    def read(case):
        if not inside:
            inside.append(1)
            with pytest.raises(RunTaken):
                run(card, bundle, clinic, results)
        return clinic.read(case)

    found = run(card, bundle, dataclasses.replace(clinic, read=read), results, threads=1)
    assert (len(found.cases), found.failed) == (40, {})


def test_a_model_without_a_hash_is_refused(card, bundle, clinic, results):
    with pytest.raises(UnsupportedModel, match="the hash of its model"):
        run(dataclasses.replace(card, sha256={}), bundle, clinic, results)


def test_a_model_that_segments_whole_volumes_is_refused(card, bundle, clinic, results):
    volume = dataclasses.replace(card.inputs[0], kind="volume", frames=8)
    with pytest.raises(UnsupportedModel, match="one image at a time"):
        run(dataclasses.replace(card, task="segmentation", inputs=(volume,)), bundle, clinic, results)


def test_inputs_that_the_dataset_lacks_are_named(card, bundle, clinic, results):
    spec = card.inputs[0]
    second = dataclasses.replace(spec, name="other", title="Other view")
    with pytest.raises(UnusableDataset, match="and Other view, and the dataset has no table"):
        run(dataclasses.replace(card, inputs=(spec, second)), bundle, clinic, results)
    with pytest.raises(UnusableDataset, match="a column of masks"):
        run(dataclasses.replace(card, task="segmentation"), bundle, clinic, results)


def test_a_split_that_is_not_there_is_one_sentence(card, bundle, clinic, results):
    with pytest.raises(UnusableDataset, match="clinic has no split val: choose test"):
        evaluate(card, bundle, clinic, "val", MAPPING, results)


def test_no_split_means_all_cases(card, bundle, clinic, results):
    assert len(evaluate(card, bundle, clinic, "", MAPPING, results).cases) == 40


def test_a_stressed_dataset_is_of_kind_stress(card, bundle, clinic, results):
    stressed = dataclasses.replace(clinic, name="clinic~blur-3", variant="blur-3")
    found = run(card, bundle, stressed, results, kind="external")
    assert (found.kind, found.dataset) == ("stress", "clinic~blur-3")
    run(card, bundle, clinic, results)
    assert len(results.evaluations()) == 2


def test_a_remembered_dataset_is_not_hashed_again(card, bundle, clinic, results):
    results.remember(with_digest(clinic))
    read = []
    watched = dataclasses.replace(clinic, pieces=lambda case: read.append(case) or clinic.pieces(case))
    run(card, bundle, watched, results)
    assert read == []


def _made_up(count):
    """A dataset of 512-pixel images that are drawn when they are read."""

    def read(case):
        level = np.random.default_rng(int(case.name)).integers(10, 250)
        return Scan(np.full((1, 512, 512), level, np.uint8), "single", case.name, "made", "made")

    cases = tuple(Case(str(k), ("Ill",) if k % 2 else ("Normal",), split="test") for k in range(count))
    return Dataset("made", "made", Path(), "made", cases, ("Ill", "Normal"), False, read, digest=f"{count:064}")


def test_memory_does_not_grow_with_the_dataset(card, bundle, results):
    def peak(count):
        dataset = _made_up(count)
        tracemalloc.start()
        run(card, bundle, dataset, results, threads=2)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(30)
    few, many = peak(100), peak(900)
    assert many < few + 800 * 1500  # names and truth of 800 cases; their images would be 800 times 262,144 bytes


def test_only_so_many_images_are_under_way(card, bundle, results):
    dataset, under_way, most = _made_up(200), set(), []

    def read(case):
        under_way.add(case.name)
        most.append(len(under_way))
        return dataset.read(case)

    class Watched:
        card, threads = bundle.card, 1

        def run(self, batch, outputs):
            if len(most) == 1:
                time.sleep(0.3)  # the others must not run far ahead of the first
            found = bundle.run(batch, outputs)
            under_way.pop()
            return found

    begun = []
    plan = dataclasses.replace(dataset, read=lambda case: begun.append(case.name) or read(case))
    seen = []
    run(card, Watched(), plan, results, threads=2, progress=lambda *_: seen.append(len(begun)))
    assert max(most) <= 2
    assert max(count - position for position, count in enumerate(seen)) <= AHEAD + 2 + 1


def test_the_estimate_goes_from_the_cases_that_were_timed_to_all(card, bundle, clinic, monkeypatch):
    read = []
    dataset = with_digest(dataclasses.replace(clinic, read=lambda case: read.append(case) or clinic.read(case)))
    clock = types.SimpleNamespace(perf_counter=lambda: 2.0 * len(read))  # each case takes two seconds
    monkeypatch.setattr("core.evaluation.runs.run.time", clock)
    usable = len(targets(dataset, MAPPING, card, dataset.split("test"))[0])
    assert usable > 4
    assert estimate_seconds(card, bundle, dataset, "test", MAPPING, sample=4, threads=2) == 2.0 * usable
