"""What is not ours stays text. `tests/browser` looks at the same payloads in a browser."""

import ast
import re
from pathlib import Path

import pytest

from ui.foreign_text import card_markdown, plain

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "text",
    [
        "<iframe srcdoc='<script>1</script>'>", "![x](http://e.org/a.png)", "[x](http://e.org)", "*a* _b_ ~c~ `d`",
        "$x^2$", ":red[a]", ":smile:", ":material/home:", "a | b", "http://e.org", "www.e.org", "&lt;b&gt;", "a\\*",
    ],
)  # fmt: skip
def test_every_sign_of_markup_is_taken_for_itself(text):
    escaped = plain(text)
    bare = escaped
    for sign in "\\`*_[]<>$~|:&.":
        bare = bare.replace(f"\\{sign}", "")
    assert not set(bare) & set("`*_[]<>$~|\\"), "each of them stands behind a backslash"
    assert not re.search(r":\S", bare)
    assert "&" not in bare
    assert "www." not in bare


@pytest.mark.parametrize(("text", "shown"), [("# a", "\\# a"), ("- a", "\\- a"), ("12. a", "12\\. a")])
def test_no_heading_or_list_begins_with_it(text, shown):
    assert plain(text) == shown


@pytest.mark.parametrize(
    "text",
    ["Pneumonia, chest X-ray", "Normal (0.12)", "T1-weighted: after contrast", "≥ 3 mm", "50 %", "O'Brien & Sons"],
)
def test_ordinary_names_stay_as_they_are(text):
    assert plain(text) == text


def test_each_line_begins_nothing():
    assert plain("a\n\n# b") == "a\n\n\\# b"


@pytest.mark.parametrize("image", ["![a](b)", "!![a](b)", "!!![a](b)", "![a][b]", "[![a](b)](c)", "![a]"])
def test_no_image_of_a_card_is_left(image):
    assert "![" not in card_markdown(f"text {image} text")


def test_a_card_keeps_its_headings_tables_and_links():
    text = "# Title\n\n| a | b |\n|---|---|\n\n[paper](https://doi.org/1)\n"
    assert card_markdown(text) == text


def calls(tree):
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("ui/**/*.py"), *ROOT.glob("pages/**/*.py"), ROOT / "app.py"]), ids=str
)
def test_no_page_lets_html_through_markdown_and_none_runs_script(path):
    for call in calls(ast.parse(path.read_text(encoding="utf-8"))):
        named = {keyword.arg for keyword in call.keywords}
        assert not named & {"unsafe_allow_html", "unsafe_allow_javascript"}, f"{path.name}:{call.lineno}"
