"""What is taken home names nobody."""

import csv
import io
import json

from core.reader_study.export import as_csv, as_json


def test_an_export_has_every_answer_and_no_name(plan, make_reader):
    readers = [make_reader("10110010", "11010100", 1), make_reader("11", "1", 2)]
    text, told = as_csv(plan, readers), as_json(plan, readers)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 10
    for one in (text, told):
        assert "nick" not in one
        assert "scan of" not in one
    found = json.loads(told, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert found["results"]["accuracy"]["aided"]["value"] is not None
    assert found["answers"][0].keys() == rows[0].keys()
    unfinished = [row for row in rows if not row["with_says"]]
    assert len(unfinished) == 1


def test_numbers_of_readers_do_not_tell_who_came_first(plan, make_reader):
    rows = list(csv.DictReader(io.StringIO(as_csv(plan, [make_reader("1", "1", 1), make_reader("0", "0", 2)]))))
    assert [(row["reader"], row["without_says"]) for row in rows] == [("reader 1", "0"), ("reader 2", "1")]


def test_an_empty_room_still_gives_a_table(plan):
    assert as_csv(plan, []).startswith("reader,read_as,case,")
