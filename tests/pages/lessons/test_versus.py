"""Reading against a model: every state of the page, alone and in a class."""

import re
import time

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation.store.database import Database
from core.reader_study.design import Answer, reading_order
from core.reader_study.sources import LesionCases, make_plan
from core.reader_study.store import RoomStore

PAGE = "pages/learn/versus.py"


@pytest.fixture(scope="module")
def plan():
    return make_plan(LesionCases(50, 1), 10, 1, True, lambda *_: None, lambda: False)[0]


@pytest.fixture
def store(own_home):
    database = Database()
    yield RoomStore(database)
    database.close()


@pytest.fixture
def page(start):
    """The page, with an address if wanted: `page(room="BCDFGH")`."""

    def opened(**address) -> AppTest:
        app = start()
        app.query_params.update(address)
        app.switch_page(PAGE)
        app.query_params.update(address)
        return settled(app.run())

    return opened


def settled(app: AppTest) -> AppTest:
    """Run until nothing is under way; the browser does the same by itself."""
    until = time.monotonic() + 120
    while (job := app.session_state["jobs"].find("reader-study")) is not None:
        assert job.wait(max(0.0, until - time.monotonic()))
        app.run()
    return app


def group(app: AppTest, start: str):
    return next(one for one in app.button_group if str(one.key).startswith(start))


def answer(app: AppTest, predicted: bool, sureness: int = 3) -> AppTest:
    group(app, "versus-called").set_value(predicted)
    group(app, "versus-sure").set_value(sureness)
    return submit(app)


def submit(app: AppTest) -> AppTest:
    next(button for button in app.button if str(button.key).startswith("FormSubmitter")).click()
    return settled(app.run())


def fill(store, room, reader, plan, wrong=()):
    """Read everything: `wrong` are the places that are misread without the model."""
    for place in reading_order(len(plan.cases), reader.seed).tolist():
        truth = bool(plan.truth[place])
        store.answer(room, reader, Answer(place, False, truth != (place in wrong), 3, 4.0))
        store.answer(room, reader, Answer(place, True, truth, 4, 2.0))


def test_alone_each_case_is_read_without_and_then_with_the_model_and_nothing_of_the_truth_is_told(page, words):
    app = page()
    app.selectbox(key="versus-number").set_value(10).run()
    app = settled(app.button(key="versus-start").click().run())
    assert not app.exception
    assert "Case 1 of 10" in words(app)
    assert "The model says" not in words(app)
    app = submit(app)
    assert "Choose what you see and how sure you are" in words(app)
    app = answer(app, True)
    assert "The model says" in words(app)
    assert "Case 1 of 10" in words(app)
    assert group(app, "versus-called").value is True
    app = submit(app)  # the first answer is filled in
    assert "Case 2 of 10" in words(app)
    assert not re.search(r"\bright\b|\bwrong\b|true is", words(app), re.IGNORECASE)


def test_a_reload_goes_on_where_the_reader_was(page, words, store, plan):
    room, reader, token = store.read_alone(plan)
    place = int(reading_order(10, reader.seed)[0])
    store.answer(room, reader, Answer(place, False, True, 5, 1.0))
    app = page(room=room.code, reader=token)
    assert not app.error
    assert "Case 1 of 10" in words(app)
    assert "The model says" in words(app)
    assert group(app, "versus-sure").value == 5


def test_the_end_shows_the_reader_beside_the_model_with_a_question_and_the_truth(page, words, store, plan):
    room, reader, token = store.read_alone(plan)
    fill(store, room, reader, plan, wrong=(0, 5))
    app = page(room=room.code, reader=token)
    assert not app.exception
    assert not app.error
    told = words(app)
    assert "Of 10 cases you had 8 right without the model and 10 with it" in told
    assert "2 for the better, 0 for the worse. That is too little to tell help from chance" in told
    assert "True is" in told
    question = next(radio for radio in app.radio if str(radio.key).startswith("versus-question"))
    question.set_value(question.options[0]).run()
    assert "Not quite" in words(app)
    assert "Four coins" in words(app)
    question = next(radio for radio in app.radio if str(radio.key).startswith("versus-question"))
    question.set_value(question.options[1]).run()
    assert "McNemar's exact test of 3 against 1 gives p = 0.62" in words(app)


def test_a_wrong_code_and_a_taken_nickname_are_said_in_one_sentence(page, words, store, plan):
    room, _ = store.open_room(plan)
    store.join(room.code, "Ada")
    app = page()
    group(app, "versus-way").set_value("join").run()
    app.text_input(key="versus-code").set_value("zzzzzz")
    app.text_input(key="versus-nickname").set_value("Ada")
    app = submit(app)
    wrong = "No room has the code 'ZZZZZZ'"
    assert [error.value for error in app.error] == [f"{wrong}: ask your teacher for its six characters."]
    app.text_input(key="versus-code").set_value(room.code)
    app = submit(app)
    assert "'Ada' is taken" in app.error[0].value
    app.text_input(key="versus-nickname").set_value("Ben")
    app = submit(app)
    assert not app.error
    assert "You are in, Ben" in words(app)


def test_a_link_to_no_room_leads_on(page, words):
    app = page(room="ZZZZZZ")
    assert "No room has the code 'ZZZZZZ'" in words(app)
    app.button(key="versus-leave").click().run()
    assert app.button(key="versus-start").label == "Start reading"


def test_a_closed_room_lets_nobody_in_and_shows_readers_what_they_read(page, words, store, plan):
    room, _ = store.open_room(plan)
    store.move(room, "open")
    _, reader, token = store.join(room.code, "Ada")
    for aided in (False, True):
        store.answer(room, reader, Answer(3, aided, bool(plan.truth[3]), 3, 2.0))
    store.move(room, "closed")
    assert "This room is closed" in words(page(room=room.code))
    app = page(room=room.code, reader=token)
    assert not app.exception
    assert "The room was closed before you were through" in words(app)
    assert "Of 1 case you had 1 right" in words(app)


def test_a_teacher_opens_starts_and_closes_a_room_and_sees_the_class(page, words, store, plan):
    app = page()
    group(app, "versus-way").set_value("class").run()
    app.selectbox(key="versus-number").set_value(10).run()
    app = settled(app.button(key="versus-start").click().run())
    assert "Nobody has joined yet" in words(app)
    room = store.room(app.session_state["versus"].address["room"])
    app.button(key="versus-open").click().run()
    _, reader, _ = store.join(room.code, "Ada *star*")
    fill(store, room, reader, room.plan, wrong=(1,))
    told = words(app.run())
    assert "1 reader**, 1 finished" in told
    assert "One reader is no class" in told
    _, reader, _ = store.join(room.code, "Ben")
    fill(store, room, reader, room.plan, wrong=(1, 2, 3))
    told = words(app.run())
    assert "Mean fraction correct of 2 readers: 80 %" in told
    app.button(key="versus-close").click().run()
    assert store.state(room) == "closed"
    assert "Closed" in words(app)
    app.button(key="versus-delete").click().run()
    assert store.state(room) is None
    assert not app.exception


def test_a_wrong_key_is_no_teacher(page, words, store, plan):
    room, _ = store.open_room(plan)
    app = page(room=room.code, key="guess")
    assert "the link of who opened this room" in words(app)
    assert "Nobody has joined" not in words(app)


def test_without_a_database_one_can_go_on_alone_in_memory(page, words, own_home, monkeypatch):
    own_home.write_text("a file where the folder should be", encoding="utf-8")
    app = page()
    app.selectbox(key="versus-number").set_value(10).run()
    app = settled(app.button(key="versus-start").click().run())
    assert "set SCANLENS\\_HOME" in words(app)
    app = settled(app.button(key="versus-memory").click().run())
    assert "Case 1 of 10" in words(app)
    assert "Answers are in memory only" in words(app)
    assert "reader" not in app.query_params
    app = answer(app, False)
    assert "The model says" in words(app)


def test_an_added_dataset_is_read_with_a_model_that_fits_it(page, words, tmp_path):
    for number in range(16):
        noise = np.random.default_rng(number).random((8, 8)).astype(np.float32)
        path = tmp_path / "chest" / ("NORMAL" if number % 2 else "PNEUMONIA") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), (cv2.resize(noise, (64, 64)) * 255).clip(0, 255).astype(np.uint8))
    app = page()
    app.switch_page("pages/evidence/datasets.py").run()
    app.text_input(key="add-path").set_value(str(tmp_path / "chest"))
    next(button for button in app.button if button.label == "Add").click()
    app.run()
    while (opening := app.session_state["jobs"].find("dataset")) is not None:
        assert opening.wait(60)
        app.run()
    app.run()
    app.switch_page(PAGE).run()
    cases = app.selectbox(key="versus-cases")
    assert cases.options == ["Made-up lesions", "chest"]
    cases.set_value(1).run()
    app.selectbox(key="versus-model").set_value("pneumonia-chest-xray")
    app.selectbox(key="versus-number").set_value(10).run()
    app = settled(app.button(key="versus-start").click().run())
    assert not app.error
    assert "Case 1 of 10" in words(app)
    app = answer(app, True)
    assert "The model says" in words(app)
    assert "Pneumonia, chest X-ray" in words(app)
