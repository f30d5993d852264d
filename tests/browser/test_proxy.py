"""Behind a reverse proxy: who comes through it sits elsewhere, and what it refuses is told in words of ours."""

import socket

import pytest

from ui.components.uploading import SENTENCES


@pytest.fixture
def page_behind(browser, server, behind_proxy):
    """Open an address of the server through a proxy: `page_behind("datasets", status=413)`."""
    opened = []

    def page_of(address="", status=0):
        proxy = behind_proxy(server, status)
        page = browser.new_page()
        opened.append((proxy, page))
        page.goto(f"{proxy.__enter__()}/{address}")
        page.locator(".stMainBlockContainer h1").first.wait_for()
        return page

    yield page_of
    for proxy, page in opened:
        page.close()
        proxy.__exit__(None, None, None)


def test_who_comes_through_a_proxy_on_this_computer_reads_no_folders_of_it(page_behind):
    page = page_behind("datasets")
    page.get_by_text("SCANLENS_FOLDERS").wait_for()
    assert page.locator(".st-key-add-path").count() == 0
    assert page.get_by_text("this computer").count() == 0


def test_the_page_says_to_which_computer_scans_go(page_behind, open_page):
    where = page_behind().get_by_text(f"Your scan goes to the computer {socket.gethostname()}")
    where.wait_for()
    open_page().get_by_text("Nothing leaves this computer").wait_for()


@pytest.mark.parametrize(("status", "sentence"), [(413, "413"), (403, "403"), (-1, "cut"), (502, "other")])
def test_an_upload_that_the_proxy_refuses_is_one_sentence(page_behind, status, sentence):
    page = page_behind(status=status)
    page.locator("input[type=file]").first.set_input_files({"name": "a.dcm", "mimeType": "", "buffer": bytes(300_000)})
    shown = page.locator(".upload-fault")
    shown.wait_for()
    assert shown.inner_text() == SENTENCES[sentence].format(status=status)
    page.get_by_test_id("stTooltipErrorHoverTarget").hover()
    page.get_by_test_id("stTooltipErrorContent").or_(page.get_by_test_id("stTooltipContent")).wait_for()
    assert "Axios" not in page.inner_text("body")


def test_a_file_above_our_own_limit_is_one_sentence(browser, serve, tmp_path):
    with serve(tmp_path / "log.txt", "--server.maxUploadSize", "1") as url:
        page = browser.new_page()
        page.goto(url)
        page.locator("input[type=file]").first.set_input_files(
            {"name": "a.dcm", "mimeType": "", "buffer": bytes(1_200_000)}
        )
        shown = page.locator(".upload-fault")
        shown.wait_for()
        assert shown.inner_text() == SENTENCES["size"].format(size="1MB")
        page.close()
