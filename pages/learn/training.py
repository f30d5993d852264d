"""Lesson: from data to diagnosis, with a small network that is trained while one looks on."""

import streamlit as st

from ui.lessons.registry import show_lesson
from ui.lessons.training.after import show_application, show_evaluation
from ui.lessons.training.data import choose_material
from ui.lessons.training.live import show_start, show_training
from ui.lessons.training.settings import choose_descent, choose_network, settings_of
from ui.lessons.training.state import preload_keras, training
from ui.lessons.training.steps import show_data, show_listing, show_preprocessing
from ui.show import errors_shown

STEPS = ("1 Data", "2 Preprocessing", "3 Training", "4 Evaluation", "5 Application", "The listing")


def show_steps() -> None:
    """Choices on the left, the chain on the right."""
    state = training()
    finished = state.take()
    preload_keras()
    with st.container(key="reading"):
        left, right = st.columns([2, 5], gap="large")
    with left:
        images, network, descent = st.tabs(["Images", "Network", "Descent"])
        with images:
            material = choose_material(state)
        with network:
            chosen = choose_network()
        with descent:
            settings = settings_of(chosen, choose_descent())
    with right, errors_shown():
        if not {"train-step"} & (st.session_state.keys() | st.query_params.keys()):
            st.session_state["train-step"] = STEPS[0]
        if state.is_behind(st.session_state.get("train-step", ""), finished):
            st.session_state["train-step"] = STEPS[2]
        step = st.segmented_control(
            "Step", STEPS, required=True, key="train-step", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        # Below the steps: its fragment asks the browser what is chosen, which must know of them by then.
        show_start(state, material, settings, "train-step", STEPS[2])
        if step == STEPS[2]:
            show_training(state)
        elif step == STEPS[3]:
            show_evaluation(state)
        elif step == STEPS[4]:
            show_application(state)
        elif material is None:
            st.info("The images are being read.", icon=":material/hourglass:")
        elif step == STEPS[1]:
            show_preprocessing(material, settings)
        elif step == STEPS[0]:
            show_data(material)
        else:
            show_listing(material, settings)


show_lesson("training")
with errors_shown():
    show_steps()
