"""A class in one room: a teacher and two students, each in a browser of their own."""

import re

import pytest

from core.evaluation.store.database import Database
from core.reader_study.design import Answer, reading_order
from core.reader_study.store import RoomStore

TIMEOUT = 60_000  # milliseconds


@pytest.fixture
def person(launched, server, server_log):
    """Open the page as somebody else: a browser context of its own, as on another computer."""
    faults, contexts, logged = [], [], server_log.stat().st_size

    def opened(address: str = "versus"):
        contexts.append(launched.new_context(viewport={"width": 1440, "height": 900}))
        page = contexts[-1].new_page()
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{server}/{address}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults
    new = server_log.read_bytes()[logged:].decode(errors="replace")
    assert "Uncaught app execution" not in new, new  # a socket that is closed while it is written to is no fault
    assert " failed with " not in new, new


def choose(page, name: str) -> None:
    page.locator("[data-testid=stForm]").get_by_role("radio", name=name, exact=True).or_(
        page.locator("[data-testid=stForm]").get_by_role("button", name=name, exact=True)
    ).first.click()


def turn_to(page, name: str) -> None:
    page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name, exact=True)).first.click()


def join(page, code: str, nickname: str) -> None:
    turn_to(page, "Join a class")
    page.get_by_label("Code of the room").fill(code)
    page.get_by_label("Nickname").fill(nickname)
    page.get_by_role("button", name="Join", exact=True).click()


def read(page, number: int, answer: str) -> None:
    """One case: first without the model, then the same answer with it."""
    page.get_by_role("heading", name=f"Case {number} of 10").wait_for()
    page.get_by_text("Without the model").wait_for()
    assert page.get_by_text("The model says").count() == 0
    choose(page, answer)
    choose(page, "4")
    page.get_by_role("button", name="Now show me the model's answer").click()
    page.get_by_text("The model says").wait_for()
    page.get_by_role("button", name=re.compile("Next case|Finish")).click()


def fill(home, code: str, nickname: str, leave: int) -> None:
    """Answer for a reader all but the last cases, to save time."""
    database = Database(f"sqlite:///{home / 'results.sqlite'}")
    store = RoomStore(database)
    room = store.room(code)
    reader = next(one for one in store.readers(room) if one.nickname == nickname)
    order = reading_order(len(room.plan.cases), reader.seed).tolist()
    for place in order[len(reader.answers) // 2 : len(order) - leave]:
        for aided in (False, True):
            store.answer(room, reader, Answer(place, aided, bool(place % 2), 3, 5.0))
    database.close()


def test_a_class_reads_while_its_teacher_watches(person, image_of, server_log):
    teacher = person()
    turn_to(teacher, "Open a room for a class")
    teacher.get_by_label("Number of cases").click()
    teacher.get_by_role("option", name="10", exact=True).click()
    teacher.get_by_role("button", name="Open the room").click()
    heading = teacher.get_by_role("heading", name=re.compile("Room [A-Z0-9]{6}"))
    heading.wait_for()
    code = heading.inner_text().split()[-1]

    ada, ben = person(), person()
    join(ada, "zzzzzz", "Ada")
    ada.get_by_text("No room has the code").wait_for()
    join(ada, code.lower(), "Ada")
    ada.get_by_text("You are in, Ada").wait_for()
    join(ben, code, "ada")
    ben.get_by_text("is taken in this room").wait_for()
    join(ben, code, "Ben")
    ben.get_by_text("You are in, Ben").wait_for()
    teacher.get_by_text("2 readers").wait_for()
    teacher.get_by_role("button", name="Start reading").click()

    read(ada, 1, "Lesion")
    read(ben, 1, "No lesion")
    teacher.get_by_text("Mean fraction correct of 2 readers").wait_for()
    image_of(teacher, "versus-teacher")

    link = ada.url
    ada.close()
    again = person(link.rpartition("/")[2])  # a reload in another browser goes on with the second case
    again.get_by_role("heading", name="Case 2 of 10").wait_for()

    read(ben, 2, "Lesion")
    fill(server_log.parent / "home", code, "Ben", leave=1)
    ben.reload()
    read(ben, 10, "Lesion")
    ben.get_by_role("heading", name=re.compile("Of 10 cases you had")).wait_for()
    ben.locator(".js-plotly-plot .main-svg").first.wait_for()
    image_of(ben, "versus-student")
    teacher.get_by_text("1 finished").wait_for()

    with teacher.expect_download() as taken:
        teacher.get_by_role("button", name="CSV", exact=True).click()
    text = taken.value.path().read_text(encoding="utf-8")
    assert text.count("\n") == 1 + 10 + 1
    assert "Ada" not in text
    assert "Ben" not in text
    teacher.get_by_role("button", name="Close the room").click()
    again.get_by_text("Without the model").wait_for()
    choose(again, "Lesion")
    choose(again, "2")
    again.get_by_role("button", name="Now show me the model's answer").click()
    again.get_by_text("The room was closed before you were through").wait_for()
