import os

import pytest
import yaml

from core.bounded import (
    MOST_DIGITS,
    MOST_LEVELS,
    MOST_TEXT,
    Unbounded,
    dump_yaml,
    parse_json,
    parse_yaml,
    read_regular,
    read_text,
)

NESTED = {"brackets": "[", "mappings": "{a: ", "dashes": "- ", "questions": "? "}


@pytest.mark.parametrize("opener", NESTED.values(), ids=NESTED)
def test_yaml_that_nests_without_end_is_refused(opener):
    with pytest.raises(Unbounded, match=f"more than {MOST_LEVELS} levels"):
        parse_yaml(opener * 200_000)


def test_yaml_of_the_allowed_depth_is_read():
    found = parse_yaml("[" * MOST_LEVELS + "]" * MOST_LEVELS)
    for _ in range(MOST_LEVELS - 1):
        (found,) = found
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [lol]\nb: &b [*a, *a]\nc: [*b, *b]",
        "a: &a {b: *a}",
        "base: &base {x: 1}\nother:\n  <<: *base",
    ],
)
def test_aliases_are_refused(text):
    with pytest.raises(Unbounded, match="an alias"):
        parse_yaml(text)


@pytest.mark.parametrize(
    "number", ["1" + ":59" * 100_000, "9" * 10_000, "0x" + "f" * 10_000, "!!int 1" + ":1" * 10_000]
)
def test_numbers_that_take_minutes_to_compute_are_refused(number):
    with pytest.raises(Unbounded, match=f"more than {MOST_DIGITS} characters"):
        parse_yaml(f"a: {number}")


def test_long_digits_in_quotes_are_text():
    digits = "7" * 1000
    assert parse_yaml(f"a: '{digits}'") == {"a": digits}


@pytest.mark.parametrize("text", ["a: [", "\x00", "!!python/object/apply:os.getcwd []", "{[]: 1}", "'"])
def test_a_fault_in_yaml_is_a_value_error_of_one_line(text):
    with pytest.raises(ValueError, match="YAML with a fault") as fault:
        parse_yaml(text)
    assert "\n" not in str(fault.value)


def test_plain_yaml_is_read_as_by_yaml_itself():
    text = yaml.safe_dump({"a": [1, 2.5, None, True, "ü"], "b": {"c": "1e3"}}, allow_unicode=True)
    assert parse_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '["x\\"[", ' + "[" * 100])
def test_json_that_nests_without_end_is_refused(text):
    with pytest.raises(Unbounded, match=f"more than {MOST_LEVELS} levels"):
        parse_json(text)


def test_brackets_inside_json_strings_open_nothing():
    assert parse_json(b'{"a": "' + b"[{" * 1000 + b'\\\\\\"["}') == {"a": "[{" * 1000 + '\\"['}


@pytest.mark.parametrize("text", ["", "[1,", '"', '"\\', b"\xff", "1" * 5000])
def test_a_fault_in_json_is_a_value_error(text):
    with pytest.raises(ValueError) as fault:  # noqa: PT011 - Python words them
        parse_json(text)
    assert str(fault.value)


@pytest.mark.parametrize("parse", [parse_yaml, lambda text: parse_json(text, MOST_TEXT)])
def test_more_text_than_allowed_is_refused_before_it_is_parsed(parse):
    with pytest.raises(Unbounded, match="more than 2 MB"):
        parse(" " * (MOST_TEXT + 1))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no fifos")
def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "README.md")
    with pytest.raises(Unbounded, match="no regular file"):
        read_text(tmp_path / "README.md")


def test_a_folder_or_a_device_is_no_regular_file(tmp_path):
    with pytest.raises((OSError, Unbounded)):
        read_regular(tmp_path)
    if os.path.exists("/dev/zero"):
        with pytest.raises(Unbounded, match="no regular file"):
            read_regular(tmp_path.__class__("/dev/zero"))


def test_a_file_is_read_up_to_its_limit_and_no_further(tmp_path):
    path = tmp_path / "card"
    path.write_bytes(b"x" * 100)
    assert read_regular(path, 100) == b"x" * 100
    with pytest.raises(Unbounded):
        read_regular(path, 99)


def test_line_ends_and_byte_order_marks_are_those_of_a_text_file(tmp_path):
    path = tmp_path / "README.md"
    path.write_bytes("\ufeff---\r\nä\r\n".encode())
    assert read_text(path) == "---\nä\n"


def test_what_is_written_here_can_be_read_here():
    shared = {"size": [4, 4]}
    data = {"inputs": [shared, shared], "title": "Ä: [b] *c"}
    text = dump_yaml(data)
    assert "*" not in text.replace("*c", "")
    assert parse_yaml(text) == data
