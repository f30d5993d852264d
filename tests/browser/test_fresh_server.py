"""The first visitor of a server may come by any link."""


def test_a_link_to_a_page_works_for_the_first_visitor(fresh_server, browser):
    page = browser.new_page()
    page.goto(f"{fresh_server}/models")
    page.get_by_role("heading", name="Models").wait_for()
    page.get_by_role("table").first.wait_for()
    assert page.get_by_text("Page not found").count() == 0
    page.close()
