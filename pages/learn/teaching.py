"""For teachers: the lessons with goal, time and hints, and addresses that open them in a state ready for class."""

import streamlit as st

from ui.lessons.registry import LESSONS
from ui.lessons.teaching import forget_settings, show_entry, show_overview
from ui.show import errors_shown, show_title

show_title("For teachers")
st.markdown(
    "What a lesson shows works with the samples, and with a scan that is open on the page Read. Its address keeps what "
    "was set, so that a link opens the same for everybody; a scan that somebody opened is never in an address."
)
with errors_shown():
    forget_settings()
    lessons = [lesson for lesson in LESSONS if lesson.page.is_file()]
    show_overview(lessons)
    for lesson in lessons:
        show_entry(lesson)
