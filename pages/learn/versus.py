"""You against the model: read cases without and with it, alone or in a class, and see what it did to you."""

import streamlit as st

from core.errors import ScanLensError
from ui.lessons.registry import show_lesson
from ui.reader_study.reading import show_reading, step_of, use_style
from ui.reader_study.result import show_result
from ui.reader_study.room import show_room
from ui.reader_study.session import versus, visit
from ui.reader_study.start import show_invitation, show_lost, show_start
from ui.show import errors_shown

show_lesson("versus")
use_style()
state = versus()
with errors_shown():
    try:
        here = visit(state)
    except ScanLensError as problem:
        show_lost(problem)
        st.stop()
    if here.room is None:
        show_start(state)
    elif here.key:
        show_room(state, here.room)
    elif here.reader is None:
        show_invitation(state, here.room)
    else:
        step = step_of(here.room, here.reader)
        if step is None or here.room.state == "closed":
            if step is not None:
                st.info("The room was closed before you were through. This is what you read.", icon=":material/lock:")
            show_result(state, here.room, here.reader)
        else:
            show_reading(state, here.room, here.reader, step)
