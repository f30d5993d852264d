"""What stands above, between and in place of the headings of a table."""

import zipfile

import pytest

from core.datasets.dataset import UnusableDataset
from core.datasets.readers import open_dataset
from core.datasets.tables.table import parse_table

IMAGES = {f"images/p{number}.png": number for number in range(6)}
ROWS = [f"p{number}.png;{('ill', 'well')[number % 2]}" for number in range(6)]


@pytest.fixture
def opened(lay):
    def make(text, name="labels.csv", **options):
        data = text if isinstance(text, bytes) else text.encode()
        return open_dataset(lay(IMAGES | {name: data}), options)

    return make


def lines(*above, sign=";", rows=ROWS):
    return "\n".join([*above, *rows]).replace(";", sign) + "\n"


@pytest.mark.parametrize(
    "above",
    [
        ("file;label",), ("sep=;", "file;label"), ('"sep=;"', "file;label"), ("SEP=;\r", "file;label"),
        ("\ufefffile;label",),
        ("# made by hand", "file;label"), ("# one, with a comma", "# two; three", "file;label"), ("#file;label",),
        ("# comment", "# file;label"), ("Labels of the clinic", "file;label"), ("Labels of the clinic;", "file;label"),
        ("Labels", "", "2020-01-01;", "file;label"), ("Site;Hospital A", "Date;2020-01-01", "file;label"),
        ("// exported", "file;label"), ("\ufeffsep=;", "file;label"), ('"file";"label"',), ("file; label",),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", [";", "\t", "|", ","], ids=["semicolon", "tab", "bar", "comma"])
def test_what_stands_above_the_headings_is_skipped(above, sign, opened):
    if "sep" in above[0].lower():
        above = (above[0].replace(";", sign), *above[1:])
    dataset = opened("\n".join([*above, *(row.replace(";", sign) for row in ROWS)]).replace(
        "file;label", f"file{sign}label").replace("file; label", f"file{sign} label").replace(
        '"file";"label"', f'"file"{sign}"label"'))  # fmt: skip
    assert [case.labels[0] for case in dataset.cases] == ["ill", "well"] * 3
    assert (dataset.labels, dataset.questions, dataset.warnings) == (("ill", "well"), (), ())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(encoding, end, opened):
    text = lines("sep=;", "file;label;note", rows=[f"{row};Ärztin" for row in ROWS]).replace("\n", end)
    dataset = opened(text.encode(encoding))
    assert (len(dataset.cases), dataset.labels, dataset.warnings) == (6, ("ill", "well"), ())


@pytest.mark.parametrize("rows", [ROWS, [row.replace(".png", "") for row in ROWS]], ids=["with ending", "without"])
def test_a_table_without_headings_loses_no_image(rows, opened):
    dataset = opened(lines(rows=rows))
    assert len(dataset.cases) == 6
    assert "labels.csv has no line of headings" in " ".join(dataset.understood)
    assert [(q.option, q.guess) for q in dataset.questions] == [("label", "column 2")]
    assert opened(lines(rows=rows), label="column 2").labels == ("ill", "well")


def test_zeros_and_ones_without_headings_are_asked(opened):
    dataset = opened(lines(rows=[f"p{number};{number % 2}" for number in range(6)]))
    assert len(dataset.cases) == 6
    assert [question.option for question in dataset.questions] == ["positive"]


@pytest.mark.parametrize(
    "text",
    [
        "file;0;1\na.png;0;1\nb.png;1;0\n",
        "file;grade 1;grade 2\na;0;1\nb;1;0\nc;0;0\n",
        "what;where\nx;here\ny;there\n",
    ],
)
def test_headings_are_not_taken_for_data(text):
    assert parse_table("t.csv", text.encode()).columns == tuple(text.splitlines()[0].split(";"))


def test_comments_and_repeated_headings_between_rows_are_skipped_and_said(opened):
    dataset = opened(lines("file;label", rows=[*ROWS[:3], "# second part", "file;label", *ROWS[3:]]))
    assert (len(dataset.cases), dataset.labels, dataset.warnings) == (6, ("ill", "well"), ())
    assert "2 comments or repeated headings inside labels.csv were skipped." in dataset.understood


def test_a_comment_sign_may_begin_a_name():
    table = parse_table("t.csv", b"file;label\n#1.png;ill\n#2.png;well\n")
    assert table.values("file") == ["#1.png", "#2.png"]


def test_repeated_headings_and_line_breaks_in_cells_are_kept_apart(opened):
    rows = [f'{row};"first\nsecond; third";{number % 2}' for number, row in enumerate(ROWS)]
    dataset = opened(lines("file;label;note;note", rows=rows))
    assert (len(dataset.cases), dataset.questions) == (6, ())
    table = parse_table("t.csv", lines("file;label;note;note", rows=rows).encode())
    assert table.columns == ("file", "label", "note", "note (again)")
    assert table.values("note")[0] == "first\nsecond; third"


def test_a_heading_that_r_leaves_out_is_put_in():
    table = parse_table("t.tsv", b"file\tlabel\n1\ta.png\till\n2\tb.png\twell\n")
    assert table.columns == ("column 1", "file", "label")
    assert table.values("label") == ["ill", "well"]


def test_numbers_with_a_decimal_comma_are_numbers(opened):
    rows = [f"{row};{60 + number},5;{number},250" for number, row in enumerate(ROWS)]
    dataset = opened(lines("file;label;age;volume", rows=rows))
    assert dataset.cases[0].attributes["age"] == "60.5"
    assert "Numbers in age have a decimal comma." in dataset.understood
    table = parse_table("t.csv", b"file;codes\na;1,2\nb;3,4,5\n")
    assert table.values("codes") == ["1,2", "3,4,5"]


@pytest.mark.parametrize("name", ["labels.xlsx", "labels.ods", "labels.xls", "labels.parquet"])
def test_a_table_that_cannot_be_read_is_named(name, lay):
    with pytest.raises(UnusableDataset, match=f"{name}, which is .*: save it as CSV"):
        open_dataset(lay(IMAGES | {name: b"\xd0\xcf\x11\xe0"}))
    classes = {"ill/1.png": 1, "well/2.png": 2, name: b"\xd0\xcf\x11\xe0"}
    assert f"{name} was not read: save it as CSV if it holds labels." in open_dataset(lay(classes, "classes")).warnings


@pytest.mark.parametrize("member", ["xl/workbook.xml", "mimetype"])
def test_a_workbook_that_somebody_points_at_is_no_zip_of_images(member, tmp_path):
    with zipfile.ZipFile(tmp_path / "labels.xlsx", "w") as archive:
        archive.writestr(member, "application/vnd.oasis.opendocument.spreadsheet")
    with pytest.raises(UnusableDataset, match=r"labels\.xlsx is a workbook, .*: save its sheet as CSV"):
        open_dataset(tmp_path / "labels.xlsx")
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    with pytest.raises(UnusableDataset, match=r"old\.xls is a workbook"):
        open_dataset(tmp_path / "old.xls")
