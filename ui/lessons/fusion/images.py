"""Two images of one place: lay one on the other, and see what a second contrast adds once they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.fusion.alignment import (
    Pose,
    checkerboard,
    distance,
    joint_histogram,
    moved,
    mutual_information,
    register,
)
from core.lessons.fusion.figure import contrasts_figure
from core.lessons.fusion.pixel_fusion import PixelModel, dice, fit_pixels
from core.lessons.inside.feature_maps import map_image
from core.lessons.phantom import CONTRASTS, TITLES, Phantom, phantom
from core.scan import Scan, answered_frame, default_window, display_frame
from ui.charts import show_chart
from ui.components.tiles import (
    Mark,
    Tile,
    Wall,
    show_tiles,
)
from ui.lessons.fusion.work import kept
from ui.lessons.inside.columns import wide_columns
from ui.lessons.question import show_question
from ui.session import Reading

Image = NDArray[np.float32]
DRAWN, OPENED = "A drawn head, T1 and FLAIR", "Two of the open scans"
VIEWS = ("Checkerboard", "Both in colour", "Difference")
SIDE = 160
POSE = {"down": "fit-down", "across": "fit-across", "degrees": "fit-turn"}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two images from 0 to 1 of the same size.

    Attributes:
        fixed: That stays.
        moving: As it comes, not yet laid on the other.
        titles: Of both.
        truth: The pose that lays it on the other, where it is known.
        drawn: The head, where it is a drawn one.
    """

    fixed: Image
    moving: Image
    titles: tuple[str, str]
    truth: Pose | None
    drawn: Phantom | None


def show_images(state: Reading) -> None:
    """Registration, then fusion of the two."""
    pair = _choose(state)
    if pair is None:
        return
    pose = _sliders(pair)
    laid = moved(pair.moving, pose)
    _show_fit(pair, laid, pose)
    show_question(
        "fusion-registration",
        "Why not simply take the pose in which the two images differ least in brightness?",
        [
            "It would take too long",
            "The same tissue has another brightness in each contrast",
            "Images cannot be subtracted",
        ],
        1,
        "Fluid is dark in both, but white matter is brighter than grey matter in T1 and darker in FLAIR. Mutual "
        "information only asks whether one brightness tells the other.",
    )
    if pair.drawn is not None:
        _show_pixels(pair, pose)


def _choose(state: Reading) -> Pair | None:
    scans = list(state.opened.scans) if state.opened is not None else []
    source = DRAWN
    if len(scans) > 1:
        source = (
            st.segmented_control("Images", [DRAWN, OPENED], default=DRAWN, required=True, key="fit-source") or DRAWN
        )
    if source == DRAWN:
        number = st.number_input("Head no.", 1, 99, key="fit-head", bind="query-params", width=160)
        st.caption("A drawn head, no patient's. Two scans of one person, opened together on the page Read, can be "
                   "laid on each other here as well.")  # fmt: skip
        return kept().get(("drawn pair", number), lambda: _drawn_pair(int(number)))
    titles = [f"{index + 1}. {scan.title}" for index, scan in enumerate(scans)]
    first, second = (
        st.selectbox(name, titles, index=index, key=f"fit-scan-{index}")
        for index, name in enumerate(("Stays", "Is moved"))
    )
    chosen = [scans[titles.index(title)] for title in (first, second)]
    if chosen[0] is chosen[1]:
        st.info("Choose two different scans.")
        return None
    key = ("pair", *(scan.digest for scan in chosen), first, second)
    return kept().get(key, lambda: _opened_pair(chosen, (first, second)))


def _drawn_pair(number: int) -> Pair:
    drawn, rng = phantom(number, SIDE), np.random.default_rng(number)
    turn = float(rng.choice([-1, 1]) * rng.uniform(4, 10))
    down, across = (float(rng.choice([-1, 1]) * rng.uniform(5, 14)) for _ in range(2))
    away = Pose(down, across, turn)
    # Turning back first and shifting after is another pose than the negative of each.
    angle = np.deg2rad(-turn)
    truth = Pose(
        float(-(np.cos(angle) * down - np.sin(angle) * across)),
        float(-(np.sin(angle) * down + np.cos(angle) * across)),
        -turn,
    )
    titles = (TITLES["pre"], TITLES["flair"])
    return Pair(drawn.images["pre"], moved(drawn.images["flair"], away), titles, truth, drawn)


def _opened_pair(scans: Sequence[Scan], titles: tuple[str, str]) -> Pair:
    images = [_levels(scan) for scan in scans]
    return Pair(images[0], images[1], titles, None, None)


def _levels(scan: Scan) -> Image:
    """The middle frame on a square of `SIDE` pixels, from 0 to 1, in true shape."""
    at = answered_frame(scan)
    frame = display_frame(scan, at, None if scan.is_color else default_window(scan))
    grey = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape[0] * scan.pixel_aspect, float(grey.shape[1])
    zoom = SIDE / max(height, width)
    rows, columns = max(1, round(height * zoom)), max(1, round(width * zoom))
    small = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)
    square = np.zeros((SIDE, SIDE), np.float32)
    top, left = (SIDE - rows) // 2, (SIDE - columns) // 2
    square[top : top + rows, left : left + columns] = small / 255.0
    return square


def _sliders(pair: Pair) -> Pose:
    def put(pose: Pose) -> None:
        st.session_state[POSE["down"]] = round(pose.down, 1)
        st.session_state[POSE["across"]] = round(pose.across, 1)
        st.session_state[POSE["degrees"]] = round(pose.degrees, 1)

    def search() -> None:
        key = ("registered", pair.fixed.tobytes()[:4096], pair.moving.tobytes()[:4096], pair.titles)
        found = kept().get(key, lambda: register(pair.fixed, pair.moving))
        st.session_state["fit-tried"] = found.tried
        put(found.pose)

    with st.container(horizontal=True, vertical_alignment="bottom"):
        down = st.slider("Down (px)", -30.0, 30.0, 0.0, 0.1, "%.1f", key=POSE["down"], bind="query-params", width=200)
        across = st.slider(
            "Across (px)", -30.0, 30.0, 0.0, 0.1, "%.1f", key=POSE["across"], bind="query-params", width=200
        )
        turn = st.slider("Turn (°)", -20.0, 20.0, 0.0, 0.1, "%.1f", key=POSE["degrees"], bind="query-params", width=200)
        st.button("Find it", type="primary", on_click=search)
        st.button("Start again", on_click=put, args=(Pose(),))
    return Pose(down, across, turn)


def _show_fit(pair: Pair, laid: Image, pose: Pose) -> None:
    left, right = wide_columns("fit", (1.7, 1))
    with left:
        view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="fit-view", bind="query-params")
        _show_views(pair, laid, view or VIEWS[0])
    with right:
        st.latex(r"I = \sum_{a,b} p(a,b)\,\log_2 \frac{p(a,b)}{p(a)\,p(b)}")
        now, start = mutual_information(pair.fixed, laid), mutual_information(pair.fixed, pair.moving)
        with st.container(horizontal=True):
            st.metric(
                "Mutual information", f"{now:.3f} bit", None if abs(now - start) < 5e-4 else f"{now - start:+.3f}"
            )
            if pair.truth is not None:
                away = distance(pose, pair.truth, pair.fixed.shape)
                st.metric("Still off by", f"{away:.1f} px", help="Mean distance of pixels half-way out; known, as the "
                          "head is drawn.")  # fmt: skip
        if "fit-tried" in st.session_state:
            st.markdown(f"The last search tried {st.session_state['fit-tried']} poses, from coarse to fine.")
        st.markdown(
            "It shifts and turns one slice. It cannot tilt it out of its plane, zoom it, or bend it, and from too far "
            "off it ends in the wrong place: look before you trust it."
        )


def _show_views(pair: Pair, laid: Image, view: str) -> None:
    if view == VIEWS[0]:
        shown = _grey(checkerboard(pair.fixed, laid))
    elif view == VIEWS[1]:
        shown = (np.stack([pair.fixed, (pair.fixed + laid) / 2, laid], axis=-1) * 255).astype(np.uint8)
    else:
        shown = map_image(pair.fixed - laid, -1.0, 1.0)
    tiles = [
        Tile(_grey(pair.fixed), pair.titles[0], pair.titles[0]),
        Tile(_grey(laid), pair.titles[1], pair.titles[1]),
        Tile(shown, view, view.lower()),
    ]
    show_tiles(tiles, Wall(3, 1.0, False), "fit-views")


def _grey(image: Image) -> NDArray[np.uint8]:
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def _model(contrasts: tuple[str, ...]) -> PixelModel:
    """Fitted to other drawn heads, all of which fit."""
    return kept().get(("pixels", contrasts), lambda: fit_pixels([phantom(1000 + n, 96) for n in range(6)], contrasts))


def _show_pixels(pair: Pair, pose: Pose) -> None:
    """Fusion pixel by pixel, with the contrasts as they lie now."""
    assert pair.drawn is not None and pair.truth is not None  # noqa: PT018  the caller looked
    st.subheader("Fuse them, pixel by pixel", anchor=False)
    st.markdown(
        "A logistic regression, fitted to six other drawn heads that fit. The FLAIR lies where the sliders put it; T1 "
        "after contrast was taken with the first image and fits it."
    )
    names = {TITLES[name]: name for name in CONTRASTS}
    chosen = st.pills(
        "Contrasts it reads", list(names), selection_mode="multi", default=[TITLES["flair"], TITLES["post"]],
        key="pixel-contrasts", bind="query-params",
    )  # fmt: skip
    if not chosen:
        st.info("Choose one contrast at least.")
        return
    contrasts = tuple(name for name in CONTRASTS if TITLES[name] in chosen)
    laid = moved(pair.moving, pose)
    images = {**pair.drawn.images, "flair": laid}
    model = _model(contrasts)
    chance = model.probability([images[name] for name in contrasts])
    predicted = (chance >= model.threshold) & pair.drawn.head
    left, right = wide_columns("pixels", (1.7, 1))
    with left:
        place = _show_predicted(pair.drawn, images, contrasts, predicted, chance)
    with right:
        overlap = dice(predicted, pair.drawn.lesion)
        fitting = [pair.drawn.images[name] for name in contrasts]
        best = dice((model.probability(fitting) >= model.threshold) & pair.drawn.head, pair.drawn.lesion)
        change = None if abs(overlap - best) < 0.005 else f"{overlap - best:+.2f} against a perfect fit"
        st.metric("Overlap with the lesion (Dice)", f"{overlap:.2f}", change)
        st.latex(_pixel_formula(model, [float(images[name][place]) for name in contrasts], float(chance[place])))
        if len(contrasts) == 2:
            values = [images[name] for name in contrasts]
            titles = (TITLES[contrasts[0]], TITLES[contrasts[1]])
            here = (float(values[0][place]), float(values[1][place]))
            joint = joint_histogram(values[0][pair.drawn.head], values[1][pair.drawn.head])
            alt = f"Pairs of brightness of {titles[0]} and {titles[1]}"
            show_chart(lambda: contrasts_figure(joint, titles, model, here), "fusion-contrasts", alt)


def _show_predicted(
    drawn: Phantom, images: dict[str, Image], contrasts: tuple[str, ...], predicted: NDArray[np.bool_], chance: Image
) -> tuple[int, int]:
    """Tiles of what is read and what is called; returns the chosen pixel."""
    place = st.session_state.get("fit-pixel", (SIDE // 2, SIDE // 3))
    key = "pixel-views"

    def take() -> None:
        picked = st.session_state[key].picked
        if picked:
            st.session_state["fit-pixel"] = (int(picked[1] * SIDE), int(picked[2] * SIDE))

    base = np.repeat(_grey(images[contrasts[0]])[..., None], 3, axis=-1)
    marked = base.copy()
    marked[predicted & drawn.lesion] = (0, 158, 115)
    marked[predicted & ~drawn.lesion] = (230, 159, 0)
    marked[~predicted & drawn.lesion] = (86, 180, 233)
    mark = (Mark((place[1] - 2) / SIDE, (place[0] - 2) / SIDE, 5 / SIDE, 5 / SIDE),)
    tiles = [
        Tile(_grey(images[name]), TITLES[name], TITLES[name], f"{images[name][place]:.2f}", mark) for name in contrasts
    ]
    tiles.append(Tile(map_image(chance, 0.0, 1.0), "Probability", "probability", f"{chance[place]:.2f}", mark))
    tiles.append(Tile(marked, "Called", "called", "", mark))
    show_tiles(
        tiles, Wall(min(len(tiles), 4), 1.0, False, -1, (place[0] / SIDE, place[1] / SIDE), (SIDE, SIDE)), key, take
    )
    st.caption("Green: true positive. Orange: false positive. Blue: missed lesion. Click a pixel.")
    return int(place[0]), int(place[1])


def _pixel_formula(model: PixelModel, values: list[float], chance: float) -> str:
    terms = " ".join(rf"{weight:+.1f} \cdot {value:.2f}" for weight, value in zip(model.weights, values, strict=True))
    return rf"p = \sigma({model.bias:.1f} {terms}) = {chance:.2f}"
