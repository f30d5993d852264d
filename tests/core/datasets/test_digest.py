import os
from dataclasses import replace

import pytest

from core.datasets.dataset import Case
from core.datasets.digest import changed_since, with_digest
from core.datasets.readers import open_dataset
from core.errors import Cancelled

FILES = {"ill/a.png": 1, "ill/b.png": 2, "well/c.png": 3}


def digest(path):
    return with_digest(open_dataset(path)).digest


def test_the_digest_does_not_depend_on_where_the_dataset_lies(lay, pack):
    folder = lay(FILES)
    assert digest(folder) == digest(lay(FILES, "elsewhere")) == digest(pack(folder))


@pytest.mark.parametrize(
    "files",
    [FILES | {"ill/a.png": 9}, {**FILES, "well/d.png": 4}, {"ill/a.png": 1, "ill/b.png": 2, "sick/c.png": 3}],
    ids=["another image", "one more", "another label"],
)
def test_the_digest_changes_with_contents_and_labels(files, lay):
    assert digest(lay(FILES)) != digest(lay(files, "other"))


@pytest.mark.parametrize("change", [{"split": "test"}, {"patient": "p"}, {"attributes": {"age": "5"}}])
def test_the_digest_changes_with_what_is_said_of_a_case(change, dataset_of, png):
    dataset = dataset_of([("a", png(1), {}), ("b", png(2), {})])
    changed = replace(dataset, cases=(replace(dataset.cases[0], **change), dataset.cases[1]))
    assert with_digest(dataset).digest != with_digest(changed).digest
    assert with_digest(replace(dataset, cases=dataset.cases[::-1])).digest == with_digest(dataset).digest


def test_a_change_since_the_hash_was_taken_is_noticed(lay):
    folder = lay(FILES)
    dataset = with_digest(open_dataset(folder))
    assert changed_since(dataset) == ""
    os.utime(folder / "ill" / "a.png", ns=(1, 1))
    assert "has changed since its hash was taken" in changed_since(dataset)
    (folder / "ill" / "a.png").unlink()
    assert "1 of its files are gone" in changed_since(dataset)


def test_a_dataset_without_a_digest_has_not_changed(lay):
    assert changed_since(open_dataset(lay(FILES))) == ""


def test_a_known_digest_is_kept_while_the_fingerprint_holds(lay, monkeypatch):
    folder = lay(FILES)
    first = with_digest(open_dataset(folder))
    again = replace(open_dataset(folder), pieces=lambda case: pytest.fail("read again"))
    assert with_digest(again, known=(first.digest, first.fingerprint)).digest == first.digest
    os.utime(folder / "ill" / "a.png", ns=(1, 1))
    fresh = with_digest(open_dataset(folder), known=(first.digest, first.fingerprint))
    assert fresh.digest == first.digest
    assert fresh.fingerprint != first.fingerprint


def test_hashing_tells_how_far_it_is_and_can_be_stopped(lay):
    dataset, fractions = open_dataset(lay(FILES)), []
    with_digest(dataset, progress=lambda fraction, text: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    with pytest.raises(Cancelled):
        with_digest(dataset, cancelled=lambda: True)


def test_an_unreadable_file_does_not_stop_the_hash(lay):
    folder = lay(FILES)
    dataset = open_dataset(folder)
    whole = with_digest(dataset).digest
    (folder / "ill" / "a.png").unlink()
    assert with_digest(dataset).digest not in {"", whole}


def test_names_and_labels_cannot_run_into_each_other(dataset_of, png):
    one = dataset_of([("b", png(1), {})])
    first = replace(one, cases=(Case("a", ("b",)),), pieces=lambda case: iter([b""]), stamp=None)
    second = replace(one, cases=(Case("ab", ()),), pieces=lambda case: iter([b""]), stamp=None)
    assert with_digest(first).digest != with_digest(second).digest
