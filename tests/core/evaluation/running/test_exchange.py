import dataclasses
import io
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from core.evaluation.results.record import evaluation_from
from core.evaluation.store.exchange import (
    InvalidExchange,
    export,
    export_bytes,
    import_file,
    same,
)
from core.evaluation.store.parquet_pages import unpacked_size

FORMS = ("parquet", "csv")


def make(task="binary", labels=("Normal", "Ill"), count=7, **changes):
    rng = np.random.default_rng(1)
    shape = (count,) if task == "binary" else (count, len(labels))
    truth = rng.integers(0, 2, shape) if task == "multilabel" else rng.integers(0, len(labels), count)
    facts = {
        "model": "finder", "model_title": "Finder", "model_sha256": "a" * 64, "dataset": "clinic",
        "dataset_title": "Clinic, 'north', \"old\"", "dataset_digest": "d" * 64, "split": "test", "kind": "external",
        "threshold_from": "val", "task": task, "labels": list(labels), "derived": {}, "threshold": None,
        "thresholds": {"Ill": 0.3}, "temperature": 1.25,
    }  # fmt: skip
    names = [f'a,{k} "x"\nß' if k == 3 else f"case {k}" for k in range(count)]
    attributes = {"age": [str(k) for k in range(count)], "note": ["", "007", "NA", "a\nb", "ü", "=1", "nan"][:count]}
    logits = rng.normal(size=shape) * 10.0 ** rng.integers(-9, 9, shape)
    return evaluation_from(
        facts | changes, names, [f"p{k}" for k in range(count)], truth, logits, attributes, {"lost": "It is broken."}
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("binary", ("No", "Yes")),
        ("multiclass", ("A", "B", "C")),
        ("ordinal", ("0", "1", "2")),
        ("multilabel", ("A", "B")),
    ],
)
def test_an_exported_evaluation_comes_back_equal(form, task, labels):
    made = make(task, labels, derived={"B or C": ["B", "C"]} if task == "multiclass" else {})
    found = import_file(export_bytes(made, form))
    assert same(found, made)
    assert found.scores.logits.tobytes() == made.scores.logits.tobytes()
    assert found.failed == {"lost": "It is broken."}


@pytest.mark.parametrize("form", FORMS)
def test_an_evaluation_without_cases_comes_back(form):
    made = make(count=0)
    assert same(import_file(export_bytes(made, form)), made)


def test_same_sees_any_difference():
    made = make()
    other = dataclasses.replace(made, attributes={**made.attributes, "age": made.attributes["age"][::-1]})
    assert same(made, make())
    assert not same(made, other)
    assert not same(made, make(temperature=1.0))


@pytest.mark.parametrize("form", FORMS)
def test_other_programs_read_the_columns(form):
    made = make()
    content = io.BytesIO(export_bytes(made, form))
    table = pd.read_csv(content, skiprows=1) if form == "csv" else pd.read_parquet(content)
    assert list(table.columns) == ["case", "patient", "split", "y_true", "y_score", "logit", "attr_age", "attr_note"]
    np.testing.assert_array_equal(table["logit"], made.scores.logits)
    np.testing.assert_array_equal(table["y_score"], made.scores.y_score())


@pytest.mark.parametrize("form", FORMS)
def test_files_of_the_same_name_do_not_overwrite_each_other(form, tmp_path):
    first, second = make(), make(dataset_digest="e" * 64)
    paths = export([first, second], tmp_path / "out", form)
    assert paths[0].name == f"finder--clinic--test.{form}"
    assert [same(import_file(path), made) for path, made in zip(paths, (first, second), strict=True)] == [True, True]


def test_names_of_files_stay_in_the_folder(tmp_path):
    (path,) = export([make(dataset="../up/../there")], tmp_path)
    assert path.parent == tmp_path
    assert path.is_file()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kept", [0, 1, 20, 0.5, 0.99])
def test_a_cut_file_is_one_sentence(form, kept):
    content = export_bytes(make(), form)
    length = int(len(content) * kept) if isinstance(kept, float) else kept
    with pytest.raises(InvalidExchange):
        import_file(content[:length])


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"threshold": null', b'"threshold": 0.2'), (b"case 1,", b"case 9,"), (b",p2,", b",p1,"), (b"007", b"008")],
)
def test_a_changed_table_is_told(old, new):
    content = export_bytes(make(), "csv")
    assert content.count(old) == 1
    with pytest.raises(InvalidExchange, match="changed since"):
        import_file(content.replace(old, new))


def test_a_changed_parquet_is_told():
    table = pd.read_parquet(io.BytesIO(export_bytes(make())))
    content = io.BytesIO()
    table.to_parquet(content)
    with pytest.raises(InvalidExchange, match="no whole evaluation"):
        import_file(content.getvalue())


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"# scanlens {}\n", b"# scanlens []\ncase\n", b"a,b\n1,2\n", b"\xff" * 99]
)
def test_what_is_no_evaluation_is_one_sentence(content):
    with pytest.raises(InvalidExchange):
        import_file(content)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(InvalidExchange, match=r"nothing\.csv cannot be read"):
        import_file(tmp_path / "nothing.csv")


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-2", "@x", "'quoted", "\tx"])
def test_text_in_an_exported_csv_is_no_formula_and_comes_back(text):
    made = make()
    made = dataclasses.replace(made, attributes={"note": np.array([text] * len(made.cases), object)})
    content = export_bytes(made, "csv")
    table = pd.read_csv(io.BytesIO(content), skiprows=1, dtype=str, keep_default_na=False)
    assert not table["attr_note"].str.startswith(("=", "+", "-", "@", "\t")).any()
    assert same(import_file(content), made)


def grown(column, value, rows, form):
    """A file whose column says the same thing over and over: small on disk, as large as one likes when unpacked."""
    made = make(count=2)
    if form == "csv":
        head, names, row, _ = export_bytes(made, "csv").split(b"\n", 3)
        return b"\n".join([head, names, *[row] * rows, b""])
    table = pyarrow.parquet.read_table(io.BytesIO(export_bytes(made)))
    columns = {name: pyarrow.repeat(table[name][0], rows) for name in table.column_names}
    table = pyarrow.table(columns | {column: pyarrow.repeat(value, rows)}, metadata=table.schema.metadata)
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, compression="zstd")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("form", "column", "value", "rows"),
    [
        ("parquet", "case", "x" * 9_000, 30_000),  # one text of 9 kB, which 270 MB of names would point to
        ("parquet", "case", "x" * 20_000, 100),
        ("parquet", "logit", 0.5, 400_000),
        ("csv", "case", "x", 40_000),
    ],
)
def test_a_small_file_that_grows_is_refused_within_the_bound(form, column, value, rows, monkeypatch):
    monkeypatch.setattr("core.evaluation.store.exchange.MOST_UNPACKED", 8 << 20)
    content = grown(column, value, rows, form)
    assert len(content) < 8 << 20
    tracemalloc.start()
    before = pyarrow.total_allocated_bytes()
    with pytest.raises(InvalidExchange):
        import_file(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20
    assert pyarrow.total_allocated_bytes() - before < 64 << 20


def varint(value):
    """A whole number as Thrift's compact protocol writes it."""
    value, found = 2 * value, bytearray()
    while value >= 0x80:
        found.append(0x80 | value & 0x7F)
        value >>= 7
    return bytes([*found, value])


def denied(content):
    """The file with a footer that says that each column and row group unpacks to one byte."""
    metadata = pyarrow.parquet.ParquetFile(io.BytesIO(content)).metadata
    length = int.from_bytes(content[-8:-4], "little") + 8
    body, footer = content[:-length], content[-length:]
    groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
    sizes = {group.total_byte_size for group in groups}
    sizes |= {group.column(k).total_uncompressed_size for group in groups for k in range(group.num_columns)}
    for stated in map(varint, sizes):
        footer = footer.replace(stated, b"\x82" + b"\x80" * (len(stated) - 2) + b"\0" if len(stated) > 1 else stated)
    return body + footer


def test_a_footer_that_denies_what_its_pages_unpack_to_is_found_out(monkeypatch):
    monkeypatch.setattr("core.evaluation.store.exchange.MOST_UNPACKED", 8 << 20)
    table = pyarrow.table({"logit": np.zeros(2_000_000)}, metadata={"scanlens": "{}"})
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, compression="zstd", use_dictionary=False)
    content = denied(stream.getvalue())
    metadata = pyarrow.parquet.ParquetFile(io.BytesIO(content)).metadata
    assert sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups)) < 100
    assert unpacked_size(content, metadata) >= 16_000_000
    with pytest.raises(InvalidExchange):
        import_file(content)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_pages_unpack_to_what_an_honest_footer_says(version, dictionary):
    rng = np.random.default_rng(0)
    texts = [f"case {k % 100}" for k in range(20_000)]
    table = pyarrow.table({"logit": rng.normal(size=20_000), "case": texts})
    stream = io.BytesIO()
    pyarrow.parquet.write_table(
        table, stream, use_dictionary=dictionary, data_page_version=version, data_page_size=4096, row_group_size=7000
    )
    metadata = pyarrow.parquet.ParquetFile(stream).metadata
    said = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    assert 0.9 * said <= unpacked_size(stream.getvalue(), metadata) <= said, "the footer counts the headers too"


def test_metadata_that_nests_without_end_is_one_sentence():
    with pytest.raises(InvalidExchange):
        import_file(b"# scanlens " + b"[" * 100_000 + b"\nlogit\n")
