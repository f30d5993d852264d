import pytest

from core.report.text import printable, shortened


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_anything_becomes_writable_on_one_line(encoding):
    strange = "".join(chr(code) for code in range(0x3100)) + "\U0001f4a5\u2028"
    written = printable(strange, encoding)
    written.encode(encoding)
    assert "\n" not in written
    assert "\r" not in written


def test_spaces_are_joined():
    assert printable("  a\n\tb  ", "ascii") == "a b"


@pytest.mark.parametrize("text", ["", "short", "several words that go on", "x" * 50])
@pytest.mark.parametrize("longest", [1, 5, 12])
def test_shortened_text_is_never_longer(text, longest):
    assert len(shortened(text, longest)) <= longest
