import numpy as np
import pytest

from core.lessons.sequences.beating_heart import (
    beats,
    brightness_curve,
    phantom_scan,
    pool_size,
    standardised,
)
from core.lessons.sequences.sequence_reader import (
    frame_order,
    fresh_reader,
    judged,
    read,
    slopes_by_frame,
    train_reader,
)

FRAMES = 30


@pytest.fixture(scope="module")
def gru():
    return train_reader("gru", FRAMES)


def test_classes_are_each_other_backwards_so_no_frame_tells_them():
    time = np.linspace(0, 1, 50, endpoint=False)
    np.testing.assert_allclose(pool_size(time, 1), pool_size(1 - time, 0), atol=1e-12)


def test_gru_learns_the_rhythm_from_the_order_alone(gru):
    assert gru.accuracy > 0.95
    fresh = beats(200, FRAMES, 77).curves
    shuffled = fresh[:, frame_order("shuffled", FRAMES)]
    assert judged(gru, shuffled) < 0.7
    assert judged(gru, fresh[:, frame_order("backwards", FRAMES)]) < 0.1


def test_frozen_sequence_carries_no_rhythm(gru):
    assert judged(gru, standardised(beats(200, FRAMES, 77).curves[:, frame_order("frozen", FRAMES, 0)])) == 0.5


def test_phantom_reads_like_its_curve(gru):
    for label in (0, 1):
        curve = standardised(brightness_curve(phantom_scan(FRAMES, label, seed=4)))
        _, probabilities = read(gru, curve[None])
        assert (probabilities[0, -1] > 0.5) == bool(label)


def test_slopes_by_frame_end_at_the_readout_and_a_trained_lstm_keeps_more_than_a_plain_cell():
    curve, kept = beats(2, 60, 1).curves[0], {}
    for kind in ("rnn", "lstm"):
        reader = train_reader(kind, 60)
        slopes = slopes_by_frame(reader, curve)
        assert slopes.shape == (60,)
        kept[kind] = slopes[0] / slopes[-1]
    assert slopes_by_frame(fresh_reader("rnn"), curve)[-1] == pytest.approx(np.linalg.norm(fresh_reader("rnn").weights))
    assert kept["lstm"] > 10 * kept["rnn"]


def test_orders_have_as_many_frames_as_there_were():
    for way in ("whole", "dropped", "shuffled", "frozen", "backwards"):
        assert len(frame_order(way, 9, 4)) == 9
    assert frame_order("dropped", 5).tolist() == [0, 0, 2, 2, 4]
    assert frame_order("frozen", 5, 2).tolist() == [0, 1, 2, 2, 2]
