"""The teacher's page, and the addresses on it."""

from urllib.parse import parse_qsl

import pytest

from ui.lessons.registry import LESSONS
from ui.lessons.teaching import LEADS

PAGE = "pages/learn/teaching.py"
WRITTEN = [lesson for lesson in LESSONS if lesson.page.is_file()]


def test_each_lesson_is_listed_with_time_goal_and_hints(start, words):
    app = start()
    app.switch_page(PAGE).run()
    assert not app.exception
    text = words(app)
    for lesson in WRITTEN:
        assert lesson.goal in text
        assert f"{lesson.minutes} minutes" in text
        assert lesson.hint.splitlines()[-1].removeprefix(LEADS[-1]) in text


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_each_lesson_has_a_goal_of_one_sentence_and_three_hints(lesson):
    assert lesson.goal.count(". ") == 0
    assert lesson.goal.endswith(".")
    assert len(lesson.hint.splitlines()) == len(LEADS)
    assert all(line.startswith(lead) for lead, line in zip(LEADS, lesson.hint.splitlines(), strict=True))
    assert 5 <= lesson.minutes <= 60


@pytest.mark.parametrize(
    ("lesson", "query"),
    [(lesson, query) for lesson in WRITTEN for _, query in lesson.links],
    ids=lambda value: value if isinstance(value, str) else value.slug,
)
def test_an_address_on_the_page_opens_its_lesson_in_that_state(start, lesson, query):
    wanted = dict(parse_qsl(query))
    app = start()
    app.query_params.update(wanted)
    app.switch_page(lesson.page.relative_to(lesson.page.parents[2]).as_posix()).run()
    assert not app.exception
    assert not app.error
    for name, value in wanted.items():
        key = "scan-scan" if name == "scan" else name
        assert str(app.session_state[key]) == value
