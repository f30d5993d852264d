import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.lessons.sequences.recurrent import (
    KINDS,
    Cell,
    gradients_through_time,
    new_cell,
    plain_chain,
    run_cell,
)


@pytest.fixture
def sequences():
    return np.random.default_rng(3).standard_normal((4, 7, 3))


@pytest.mark.keras
@pytest.mark.parametrize("kind", KINDS)
def test_cell_answers_like_keras(kind, sequences):
    import keras

    layer = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[kind]
    keras.utils.set_random_seed(1)
    reference = layer(5, return_sequences=True, bias_initializer="random_normal")
    expected = np.asarray(reference(sequences.astype(np.float32)))
    kernel, recurrent, bias = (np.asarray(weight, np.float64) for weight in reference.weights)
    np.testing.assert_allclose(run_cell(Cell(kind, kernel, recurrent, bias), sequences).states, expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_through_time_are_those_of_finite_differences(kind, sequences):
    cell = new_cell(kind, 3, 5, seed=2)
    readout = np.random.default_rng(4).standard_normal(5)

    def score(kernel=cell.kernel, recurrent=cell.recurrent, bias=cell.bias, inputs=sequences):
        return float((run_cell(Cell(kind, kernel, recurrent, bias), inputs).states[:, -1] @ readout).sum())

    found = gradients_through_time(cell, run_cell(cell, sequences), np.tile(readout, (4, 1)))
    given = {"kernel": cell.kernel, "recurrent": cell.recurrent, "bias": cell.bias, "inputs": sequences}
    random = np.random.default_rng(5)
    for name, value in given.items():
        for _ in range(6):
            place = tuple(random.integers(0, size) for size in value.shape)
            up, down = value.copy(), value.copy()
            up[place] += 1e-5
            down[place] -= 1e-5
            slope = (score(**{name: up}) - score(**{name: down})) / 2e-5
            assert getattr(found, name)[place] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_slope_of_the_state_is_what_a_nudge_of_it_does(kind, sequences):
    """A nudge of the state after frame 3 is the same as going on from another state."""
    from core.lessons.sequences import recurrent as module

    cell, readout = new_cell(kind, 3, 5, seed=2), np.random.default_rng(4).standard_normal(5)
    trace = run_cell(cell, sequences)
    found = gradients_through_time(cell, trace, np.tile(readout, (4, 1)))

    def goes_on(state, memory):
        for frame in range(4, 7):
            _, state, memory, _ = module._step(cell, sequences[:, frame], state, memory)
        return (state @ readout).sum()

    state, memory = trace.states[:, 3], trace.memories[:, 3]
    nudge = np.zeros_like(state)
    nudge[1, 2] = 1e-5
    if kind == "lstm":
        by_memory = (goes_on(state, memory + nudge) - goes_on(state, memory - nudge)) / 2e-5
        output_gate = found.states[1, 3, 2] * trace.gates["o"][1, 3, 2] * (1 - np.tanh(memory[1, 2]) ** 2)
        assert found.memories[1, 3, 2] == pytest.approx(by_memory + output_gate, rel=1e-6)
        memories = (memory, memory)
    else:
        memories = (memory + nudge, memory - nudge)
    slope = (goes_on(state + nudge, memories[0]) - goes_on(state - nudge, memories[1])) / 2e-5
    assert found.states[1, 3, 2] == pytest.approx(slope, rel=1e-6)


def test_slope_along_a_plain_chain_is_the_product_of_its_factors_and_vanishes():
    curve = np.sin(np.arange(30))
    chain = plain_chain(curve, 0.8, 0.9)
    cell = Cell("rnn", np.array([[0.8]]), np.array([[0.9]]), np.zeros(1))
    found = gradients_through_time(cell, run_cell(cell, curve[None, :, None]), np.ones((1, 1)))
    np.testing.assert_allclose(chain.products, found.states[0, :, 0], rtol=1e-12)
    assert chain.products[-1] == 1.0
    assert chain.products[0] < 0.9**29
    assert plain_chain(np.zeros(30), 0.8, 1.2).products[0] == pytest.approx(1.2**29)


@pytest.mark.keras
def test_layers_of_a_trained_network_are_read_with_what_they_are_given(keras, tmp_path):
    """What comes back is enough to compute what Keras itself makes of it."""
    from keras import Input, Model, layers

    entry = Input((6, 4), name="cine")
    x = layers.LSTM(5, return_sequences=True, name="first")(layers.Dense(3)(entry))
    model = Model(entry, layers.Dense(1, name="logits")(layers.GRU(4, name="second")(x)))
    model.save(tmp_path / "model.keras")
    batch = np.random.default_rng(0).standard_normal((2, 6, 4)).astype(np.float32)
    told, arrays = keras.call("recurrent_states", {"model": str(tmp_path / "model.keras")}, {"cine": batch})
    assert [(layer["name"], layer["kind"], layer["units"]) for layer in told["layers"]] == [
        ("first", "lstm", 5),
        ("second", "gru", 4),
    ]
    for number, layer in enumerate(told["layers"]):
        weights = [arrays[f"{number}_{name}"].astype(float) for name in ("kernel", "recurrent", "bias")]
        states = run_cell(Cell(layer["kind"], *weights), arrays[f"{number}_inputs"].astype(float)).states
        expected = arrays[f"{number}_output"]
        np.testing.assert_allclose(states if expected.ndim == 3 else states[:, -1], expected, atol=1e-5)


@pytest.mark.keras
def test_network_without_recurrent_layer_is_refused_in_words(keras, tmp_path):
    from keras import Input, Model, layers

    entry = Input((4,), name="cine")
    Model(entry, layers.Dense(1)(entry)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedModel, match="recurrent layer"):
        keras.call("recurrent_states", {"model": str(tmp_path / "model.keras")}, {"cine": np.zeros((1, 4), np.float32)})
