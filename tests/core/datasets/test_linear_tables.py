"""Work that must not grow with the square of a table or of a folder: counted, never timed."""

import io

import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from core.datasets.dataset import UnusableDataset
from core.datasets.folders import _find_base
from core.datasets.inquiry import Inquiry
from core.datasets.place import open_place
from core.datasets.tables import columns, headers, layout
from core.datasets.tables.cell_lists import find_parting
from core.datasets.tables.matching import FileIndex, match
from core.datasets.tables.table import Table, _unique, parse_table


@pytest.fixture
def deflated():
    """A deflated DICOM of a patient, without pixels."""

    def make(patient):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2", "1.3"
        dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.PatientID = "1.2", "1.3", patient
        stream = io.BytesIO()
        dataset.save_as(stream, implicit_vr=False, little_endian=True)
        return stream.getvalue()

    return make


def counting(monkeypatch, module, name):
    """Replace a function by one that counts its calls in a list."""
    calls, real = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args, **more: calls.append(1) or real(*args, **more))
    return calls


def test_a_heading_that_is_repeated_a_thousand_times_gets_a_number():
    found = _unique(["x", "x", "x (again 2)", "x", "", "column 5"] + ["x"] * 1000)
    assert found[:6] == ("x", "x (again)", "x (again 2)", "x (again 3)", "column 5", "column 5 (again)")
    assert len(set(found)) == len(found)
    assert max(map(len, found)) < 20


def test_cells_with_several_findings_are_not_held_against_each_other():
    class Counted(str):
        asked = 0

        def __eq__(self, other):
            Counted.asked += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    cells = [Counted(f"a{n}, b{n}") for n in range(300)] + [Counted(f"c{n}") for n in range(300)]
    find_parting(cells)
    assert Counted.asked < 20 * len(cells)


def test_columns_of_marks_are_looked_for_once(monkeypatch):
    rows = "\n".join(f"{n}.png,{n % 2},{n // 2 % 2},{n // 4 % 2}" for n in range(12))
    table = parse_table("t.csv", f"file,mass,edema,nodule\n{rows}\n".encode())
    calls = counting(monkeypatch, columns, "_mark_columns")
    assert columns.label_columns(table, ["file"]) == (["mass", "edema", "nodule"], False)
    assert len(calls) == 1


def test_rows_that_name_one_folder_share_its_list_of_files():
    index = FileIndex(tuple(f"case/{n}.dcm" for n in range(9)))
    found = match(index, ["case", "case", "case"])
    assert len(found.files[0]) == 9
    assert found.files[0] is found.files[1] is found.files[2]


def test_the_files_of_a_folder_are_looked_through_once_however_many_rows_name_it(lay, monkeypatch):
    calls = counting(monkeypatch, layout, "case_name")
    table = "case,label\n" + "a,yes\nb,no\n" * 4
    place = open_place(lay({"a/1.png": 1, "a/2.png": 2, "b/1.png": 3, "b/2.png": 4, "t.csv": table}))
    found = layout.open_table(place, Inquiry({}), None, None)
    assert [case.name for case in found.cases] == ["a", "b"]
    assert len(calls) == 2


def test_a_patient_in_thousands_of_rows_and_series_is_refused_before_all_pairs_are_made(monkeypatch):
    monkeypatch.setattr(headers, "MOST_ROWS", 10)
    table = Table("t.csv", ("patient", "label"), (("p", "1"),) * 4)
    known = {"p": ["a", "b", "c"]}
    facts = {name: {"SeriesInstanceUID": name, "PatientID": "p"} for name in known["p"]}
    with pytest.raises(UnusableDataset, match="name the series"):
        headers._joined(table, "patient", "PatientID", known, facts)


def test_the_header_of_a_deflated_file_is_inflated_within_bounds(lay, deflated, monkeypatch):
    place = open_place(lay({"a.dcm": deflated("P7")}))
    monkeypatch.setattr(headers, "dcmread", None)  # which inflates any amount
    assert headers._header(place, "a.dcm")["PatientID"] == "P7"


def test_folders_in_folders_are_gone_through_up_to_a_depth():
    base, splits = _find_base(["a/" * 5000 + "x.png"])
    assert (base.count("/"), splits) == (32, False)
    assert _find_base(["set/cat/1.png", "set/dog/1.png"]) == ("set/", False)
