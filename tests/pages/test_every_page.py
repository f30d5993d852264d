"""Every page opens by itself, whatever is added to the folder."""

import ast
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ui.show import DISCLAIMER

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").rglob("*.py"))


def test_pages_are_found():
    assert {"pages/scan/read.py", "pages/evidence/models.py"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_with_a_title_and_without_error(page):
    app = AppTest.from_file(str(ROOT / page), default_timeout=60).run()
    assert not app.exception
    assert not app.error
    assert [title.value for title in app.title if title.value.strip()]


@pytest.mark.parametrize("page", PAGES)
def test_the_navigation_leads_to_each_page_which_says_what_the_app_is_not_for(page, start):
    app = start()
    app.switch_page(page).run()
    assert not app.exception
    assert app.title
    assert any(DISCLAIMER in caption.value for caption in app.sidebar.caption)


@pytest.mark.parametrize("page", PAGES)
def test_pages_lie_in_sections(page):
    assert page.count("/") == 2, "a page directly below pages/ breaks links on a fresh server"


def test_pages_are_not_parsed_for_what_stands_alone():
    """Streamlit's magic parses a page into a tree; Python 3.11 fails now and then when two sessions do so at once."""
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["runner"]["magicEnabled"] is False


@pytest.mark.parametrize("page", [*PAGES, "app.py"])
def test_a_page_draws_by_calls_alone(page):
    first, *rest = ast.parse((ROOT / page).read_text(encoding="utf-8")).body
    assert isinstance(first, ast.Expr)
    assert isinstance(first.value, ast.Constant), "a page begins with what it is for"
    assert all(isinstance(node.value, ast.Call) for node in rest if isinstance(node, ast.Expr))
