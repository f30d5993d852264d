"""Several scales: the parallel branches of a network, each of which can be switched off."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.lessons.fusion.figure import parts_figure
from core.lessons.inside.switchboard import Switch, Switchboard
from ui.charts import show_chart
from ui.components.tiles import (
    Mark,
    Tile,
    Wall,
    show_tiles,
)
from ui.lessons.fusion.work import (
    kept,
    lost_alone,
    show_move,
    shown_label,
    switchboard_of,
)
from ui.lessons.inside.columns import wide_columns
from ui.lessons.inside.work import (
    Work,
    frame_on_scan,
    place_on_model,
    shown_image,
)
from ui.lessons.question import show_question

HOWS = {"silent": "silent (0 everywhere)", "mean": "its mean everywhere"}
DOWN, ACROSS = "down", "across"


def show_scales(work: Work) -> None:
    """Switches, what they do, and how wide each branch looks."""
    board = switchboard_of(work.card)
    groups = _groups(board)
    if not groups:
        st.info(
            f"{work.card.title} has one path and no parallel branches. Choose the model with several scales, "
            "“Pneumonia, chest X-ray, multi-scale with attention”."
        )
        return
    if work.card.task == "segmentation":
        st.info(
            f"{work.card.title} answers for each pixel, and here one answer is taken apart. Choose the model with "
            "several scales, “Pneumonia, chest X-ray, multi-scale with attention”."
        )
        return
    left, right = wide_columns("scales", (1, 1.25))
    with right:
        answer = st.container()
        st.markdown("**Branches that are on**")
        _presets(groups)
        off = [name for number, switches in groups.items() for name in _choose(work, number, switches)]
        how = st.segmented_control(
            "A branch that is off is",
            list(HOWS),
            format_func=HOWS.__getitem__,
            default="silent",
            required=True,
            key="off-is",
        )
    with left:
        _show_spans(work, groups)
        chart = st.container()
    _show_answer(work, board, groups, off, how or "silent", answer, chart)
    show_question(
        "fusion-scales",
        "Why does a kernel with holes (every 4th pixel) see wide without more weights than a dense 3 × 3?",
        [
            "It averages the pixels in between",
            "It has nine weights all the same, only further apart",
            "It works on a smaller image",
        ],
        1,
        "Nine weights at steps of 4 span (3 − 1) · 4 + 1 = 9 cells. What lies in between is left to the other "
        "branches: that is why they stand side by side.",
    )


def _groups(board: Switchboard) -> dict[int, list[Switch]]:
    found: dict[int, list[Switch]] = {}
    for switch in board.switches:
        if switch.kind == "branch":
            found.setdefault(switch.group, []).append(switch)
    return found


def _key(number: int) -> str:
    return f"branches-{number}"


def _titles(switches: list[Switch]) -> list[str]:
    titles = [switch.title for switch in switches]
    return [f"{t} ({i + 1})" if titles.count(t) > 1 else t for i, t in enumerate(titles)]


def _choose(work: Work, number: int, switches: list[Switch]) -> list[str]:
    """Names of the switches of one group that are off."""
    titles, key = _titles(switches), _key(number)
    box = work.network.boxes[number]
    where = box.name.replace(" scales", "").capitalize()
    grid = f", {box.grid[0]} × {box.grid[1]}" if box.grid else ""
    on = st.pills(f"{where}{grid}", titles, selection_mode="multi", default=titles, key=key, bind="query-params")
    return [switch.name for switch, title in zip(switches, titles, strict=True) if title not in on]


def _presets(groups: dict[int, list[Switch]]) -> None:
    def put(which: str) -> None:
        for number, switches in groups.items():
            titles = _titles(switches)
            order = sorted(range(len(switches)), key=lambda index: switches[index].span)
            chosen = {"all": titles, "narrow": [titles[order[0]]], "wide": [titles[order[-1]]]}[which]
            st.session_state[_key(number)] = chosen

    with st.container(horizontal=True):
        for which, title in (("all", "All on"), ("narrow", "Only the narrowest"), ("wide", "Only the widest")):
            st.button(title, key=f"scales-{which}", on_click=put, args=(which,))


def _show_answer(
    work: Work,
    board: Switchboard,
    groups: dict[int, list[Switch]],
    off: list[str],
    how: str,
    answer: DeltaGenerator,
    chart: DeltaGenerator,
) -> None:
    batch = work.prepared.batch
    whole, alone = kept().get(("alone", *work.key, how), lambda: board.each_alone(batch, how))  # type: ignore[arg-type]
    now = kept().get(("off", *work.key, how, tuple(off)), lambda: board.logits(batch, off, how))  # type: ignore[arg-type]
    with answer:
        target = shown_label(work.card)
        show_move(work.card, whole[0], now[0], target)
    lost = lost_alone(work.card, whole[0], {name: logits[0] for name, logits in alone.items()}, target)
    named = {}
    for number, switches in groups.items():
        where = work.network.boxes[number].name.replace(" scales", "")
        for switch, title in zip(switches, _titles(switches), strict=True):
            named[f"{where}: {title}"] = (lost[switch.name], switch.name)
    faded = [title for title, (_, name) in named.items() if name in off]
    values = {title: value for title, (value, _) in named.items()}
    with chart:
        st.markdown("**Each branch off by itself**")
        label = work.card.labels[target]
        alt = ", ".join(f"{title} {value:+.2f}" for title, value in values.items())
        show_chart(lambda: parts_figure(values, label, faded), "fusion-branches", f"Logit lost: {alt}")
        st.caption(
            "The network was trained with all of them. What it loses without one says how it uses it, not how well a "
            "network that never had it would do. Losses do not add up: branches make up for each other."
        )


def _show_spans(work: Work, groups: dict[int, list[Switch]]) -> None:
    """The scan with the width of one kernel of each branch, to scale."""
    names = {f"{work.network.boxes[number].name.capitalize()}": number for number in groups}
    chosen = st.selectbox("Draw the kernels of", list(names), index=min(1, len(names) - 1), key="fusion-spans")
    switches = groups[names[chosen]]
    down, across = st.session_state.get(DOWN, 50) / 100, st.session_state.get(ACROSS, 50) / 100
    size = work.prepared.geometry.model_size
    at = down * size[0], across * size[1]
    marks = []
    for number, switch in enumerate(sorted(switches, key=lambda one: -one.span)):
        half = switch.span / 2
        edges = (at[0] - half, at[1] - half, at[0] + half, at[1] + half)
        marks.append(Mark(*frame_on_scan(work, edges), look=("wide", "dashed", "cell")[number % 3]))
    key = f"fusion-spans-{work.scan.digest[:12]}"

    def take() -> None:
        picked = st.session_state[key].picked
        if picked:
            place = place_on_model(work, picked[1], picked[2])
            st.session_state[DOWN], st.session_state[ACROSS] = int(place[0] * 100), int(place[1] * 100)

    image = shown_image(work)
    aspect = work.scan.columns / (work.scan.rows * work.scan.pixel_aspect)
    tile = Tile(image, f"{work.scan.title} with the width of the kernels", marks=tuple(marks))
    show_tiles([tile], Wall(1, aspect, False, -1, (down, across), (40, 40)), key, take)
    spans = ", ".join(f"{title}: {s.span} px" for title, s in zip(_titles(switches), switches, strict=True))
    st.caption(f"What one kernel spans of the model's {size[0]} × {size[1]} pixels. {spans}. Click to move them.")
    first = switches[-1]
    rule = _rule(work, first)
    if rule:
        st.latex(rule)


def _rule(work: Work, switch: Switch) -> str:
    from core.lessons.inside.receptive_field import reaches

    rule = reaches(work.network).get(switch.number)
    if rule is None or rule.before is None:
        return ""
    k, d, j = rule.kernel, rule.dilation, rule.before[1]
    return (
        rf"\text{{span}} = (k - 1) \cdot d \cdot j + 1 = ({k} - 1) \cdot {d} \cdot {j} + 1 = {switch.span}\ \text{{px}}"
    )
