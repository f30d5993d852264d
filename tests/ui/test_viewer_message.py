"""The bytes that go to the viewer: their layout, that they show what core shows, and that they stay few."""

import json
import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest

import ui.components.viewer
from core.overlay_planes import OverlayPlane, packed_mask
from core.scan import FrameWindows, Scan, Window, display_frame
from ui.components.viewer import (
    HEAT_REEL_SIDE,
    REEL_FRAMES,
    REEL_SIDE,
    View,
    message,
)
from ui.session import Recent

WINDOW = Window(600.0, 1000.0)


def unpacked(data: bytes) -> tuple[dict, list[bytes]]:
    """Taken apart as the browser does it."""
    (length,) = struct.unpack_from("<I", data)
    header, offset, blobs = json.loads(data[4 : 4 + length]), 4 + length, []
    for size in header["blobs"]:
        blobs.append(data[offset : offset + size])
        offset += size
    assert offset == len(data), "no byte is left over"
    return header, blobs


def decoded(blob: bytes):
    image = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if image.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    return image


@pytest.fixture
def send():
    """A view to its header and images; `images` keeps what was encoded."""

    def sent(view, with_reel=False, images=None):
        return unpacked(message(view, with_reel, Recent(24) if images is None else images))

    return sent


@pytest.mark.parametrize("invert", [False, True])
def test_the_image_is_what_core_shows_to_the_last_grey_value(make_scan, send, invert):
    scan = make_scan(frames=3)
    header, blobs = send(View(scan, 2, WINDOW, "wide", invert))
    assert np.array_equal(decoded(blobs[header["picture"]]), display_frame(scan, 2, WINDOW, invert))


def test_each_frame_is_sent_with_its_own_window(make_scan, send):
    scan = make_scan(frames=3)
    windows = FrameWindows((Window(300.0, 500.0), WINDOW, Window(900.0, 200.0)))
    for frame, window in enumerate(windows.each):
        header, blobs = send(View(scan, frame, windows, "From the file"))
        assert np.array_equal(decoded(blobs[header["picture"]]), display_frame(scan, frame, window))


def test_overlay_planes_are_drawn_only_where_they_are_asked_for(make_scan, send):
    mask = np.zeros((make_scan().rows, make_scan().columns), bool)
    mask[3, 2:6] = True
    scan = replace(make_scan(), overlays=(OverlayPlane(False, mask.shape, {0: packed_mask(mask)}),))
    images = Recent(24)
    for asked, level in ((True, 255), (False, None)):
        header, blobs = send(View(scan, 0, WINDOW, "wide", overlays=asked), images=images)
        shown = decoded(blobs[header["picture"]])
        assert (shown[mask] == level).all() if asked else np.array_equal(shown, display_frame(scan, 0, WINDOW))


def test_colours_keep_their_places(send):
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = 200, 90
    scan = Scan(pixels, "single", "cd" * 32, "PNG", "picture")
    header, blobs = send(View(scan, 0, None, "colour"))
    assert np.array_equal(decoded(blobs[header["picture"]]), pixels[0])


def test_heat_is_sent_where_there_is_evidence(make_scan, explain, send):
    scan = make_scan()
    header, blobs = send(View(scan, 0, WINDOW, "wide", explanation=explain(scan), heat_key="a"))
    heat = decoded(blobs[header["heat"]])
    assert heat.shape == (40, 30, 4)
    assert heat[..., 3].max() == 255
    assert (heat[..., 3] == 0).mean() > 0.3, "clear where there is no evidence"
    assert "Pneumonia" in header["heat_alt"]
    assert header["scale_text"] == "1"


def test_no_heat_is_sent_for_an_empty_map(make_scan, explain, send):
    scan = make_scan()
    header, blobs = send(View(scan, 0, WINDOW, "wide", explanation=explain(scan, 0.0), heat_key="a"))
    assert header["heat"] is None
    assert header["scale_text"] == header["heat_alt"] == ""
    assert len(blobs) == 1


def test_frames_share_one_scale_of_heat(make_scan, explain, send):
    scan = make_scan(frames=2)
    explanation = explain(scan, 0.5, 2.0)
    weak, strong = (
        decoded(blobs[header["heat"]])
        for header, blobs in (send(View(scan, n, WINDOW, "wide", False, explanation, "a")) for n in range(2))
    )
    assert strong[..., 3].max() == 255 > weak[..., 3].max()


def test_the_reel_is_sent_only_when_it_is_asked_for(make_scan, explain, send):
    scan = make_scan(frames=5)
    view = View(scan, 0, WINDOW, "wide", explanation=explain(scan), heat_key="a")
    header, blobs = send(view)
    assert "reel" not in header
    assert len(blobs) == 2
    header, blobs = send(view, with_reel=True)
    assert len(header["reel"]) == len(header["heat_reel"]) == 5
    assert len(blobs) == 12


def test_the_reel_holds_the_frames_in_order(make_scan, send):
    scan = make_scan(frames=4, size=(64, 64))
    header, blobs = send(View(scan, 0, Window(2000.0, 4000.0), "wide"), with_reel=True)
    shades = [decoded(blobs[index]).mean() for index in header["reel"]]
    assert shades == sorted(shades)
    assert shades[0] < shades[-1]


def test_moving_images_are_small(send):
    noise = np.random.default_rng(1).integers(0, 255, (3, 1200, 900)).astype(np.uint8)
    scan = Scan(noise, "time", "cd" * 32, "DICOM", "sequence")
    header, blobs = send(View(scan, 0, Window(127.0, 255.0), "all"), with_reel=True)
    for index in header["reel"]:
        assert max(decoded(blobs[index]).shape) == REEL_SIDE
        assert len(blobs[index]) < 200_000


def test_heat_over_moving_images_is_small_too(make_scan, explain, send):
    scan = make_scan(frames=2, size=(600, 500))
    view = View(scan, 0, WINDOW, "wide", explanation=explain(scan), heat_key="a")
    header, blobs = send(view, with_reel=True)
    assert max(decoded(blobs[header["heat_reel"][0]]).shape[:2]) == HEAT_REEL_SIDE


@pytest.mark.parametrize(("frames", "offered"), [(1, False), (2, True), (REEL_FRAMES, True), (REEL_FRAMES + 1, False)])
def test_a_reel_is_offered_for_stacks_within_the_bound(make_scan, frames, offered):
    assert bool(View(make_scan(frames=frames, size=(4, 4)), 0, WINDOW, "wide").reel_key) == offered


def test_the_reel_has_another_name_when_it_would_look_otherwise(make_scan, explain):
    scan = make_scan(frames=3)
    heat = explain(scan)
    views = [
        View(scan, 0, WINDOW, "wide"),
        View(scan, 0, WINDOW, "narrow"),
        View(scan, 0, WINDOW, "wide", True),
        View(scan, 0, WINDOW, "wide", False, heat, "a"),
        View(scan, 0, WINDOW, "wide", False, heat, "b"),
    ]
    assert len({view.reel_key for view in views}) == len(views)
    assert View(scan, 2, WINDOW, "wide").reel_key == views[0].reel_key, "turning a slice asks for nothing new"


def test_images_are_encoded_once(make_scan, send, monkeypatch):
    scan, kept = make_scan(frames=2), Recent(24)
    encoded = []
    real = ui.components.viewer.encode_image
    monkeypatch.setattr(ui.components.viewer, "encode_image", lambda *a, **k: encoded.append(a) or real(*a, **k))
    first = send(View(scan, 0, WINDOW, "wide"), images=kept)
    made = len(encoded)
    assert made > 0
    assert send(View(scan, 0, WINDOW, "wide"), images=kept) == first
    assert len(encoded) == made


def test_two_looks_never_share_an_image(make_scan, send):
    scan, kept = make_scan(), Recent(24)
    plain = send(View(scan, 0, WINDOW, "wide"), images=kept)[1][0]
    assert send(View(scan, 0, WINDOW, "wide", True), images=kept)[1][0] != plain
    assert send(View(scan, 0, Window(100.0, 50.0), "narrow"), images=kept)[1][0] != plain


def test_the_header_names_the_slice_and_nobody(make_scan, send):
    header, _ = send(View(make_scan(frames=3, slice_spacing_mm=2.5), 1, WINDOW, "wide"))
    assert header["position"] == "Slice {n} of 3"
    assert header["alt"] == "CT series, slice 2 of 3"
    assert (header["rows"], header["columns"], header["frames"]) == (40, 30, 3)


@pytest.mark.parametrize(("given", "used"), [(None, 80.0), (33.3, 33.3), (0.5, 16.0), (60_000.0, 1000.0)])
def test_sequences_play_at_their_own_speed_within_reason(make_scan, send, given, used):
    header, _ = send(View(make_scan(frames=3, axis="time", frame_time_ms=given), 0, WINDOW, "wide"))
    assert header["frame_ms"] == used


def test_two_scans_of_one_upload_never_show_each_others_image(make_scan, send):
    one, kept = make_scan(frames=2), Recent(24)
    other = replace(one, pixels=one.pixels.max() - one.pixels, digest="ef" * 32)
    send(View(one, 1, WINDOW, "wide"), with_reel=True, images=kept)
    header, blobs = send(View(other, 1, WINDOW, "wide"), with_reel=True, images=kept)
    assert np.array_equal(decoded(blobs[header["picture"]]), display_frame(other, 1, WINDOW))
    fresh, fresh_blobs = send(View(other, 1, WINDOW, "wide"), with_reel=True)
    assert [blobs[i] for i in header["reel"]] == [fresh_blobs[i] for i in fresh["reel"]]
