import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from core.errors import Cancelled, InvalidCard, KerasProcessFailed, UnsafeModel, UnsupportedModel
from core.inference.bundle import open_bundle
from core.keras_process.client import KerasProcess
from core.processes import worker_process
from core.processes.worker_process import ROOT

pytestmark = pytest.mark.keras
linux = pytest.mark.skipif(sys.platform != "linux", reason="reaches for the child by signals and /proc")


@pytest.fixture(scope="module")
def keras_process():
    process = KerasProcess()
    yield process
    process.close()


@pytest.fixture(scope="module")
def saved(tmp_path_factory, model_of):
    """Name of an architecture to the path of its .keras file."""
    folder = tmp_path_factory.mktemp("models")

    def save(name):
        path = folder / f"{name.replace(' ', '_')}.keras"
        if not path.exists():
            model_of(name).save(path)
        return str(path)

    return save


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_nothing_runs_before_the_first_call():
    assert KerasProcess().pid is None


def test_warming_starts_it_without_waiting(keras_process, monkeypatch):
    may_answer, call = threading.Event(), keras_process.call
    monkeypatch.setattr(keras_process, "call", lambda task: may_answer.wait(60) and call(task))
    thread = keras_process.warm()  # returns, though nothing has answered
    assert keras_process.pid is None
    may_answer.set()
    thread.join(60)
    assert keras_process.pid is not None


def test_web_process_imports_no_tensorflow(keras_process):
    versions, _ = keras_process.call("ping")
    assert set(versions) == {"keras", "tensorflow"}
    code = (
        "import sys, core.keras_process.client, core.inference.bundle, core.explain;"
        "print([m for m in ('tensorflow', 'keras', 'tf2onnx', 'h5py') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_it_gives_the_models_own_output(keras_process, saved, model_of, sample):
    _, arrays = keras_process.call("predict", {"model": saved("nested backbone")}, sample)
    np.testing.assert_allclose(arrays["output"], np.asarray(model_of("nested backbone")(sample["image"])), atol=1e-6)


def test_it_compiles_what_the_web_process_can_run(keras_process, saved, sample, tmp_path, card_for):
    arguments = {"model": saved("sequential around backbone"), "folder": str(tmp_path)}
    facts, _ = keras_process.call("compile", arguments, sample)
    bundle = open_bundle(card_for(tmp_path))
    assert facts["affine"]
    assert facts["explain_layer"] == bundle.explain_layer == "backbone/last"
    assert bundle.run(sample).logits.shape == (5, 3)


def test_gradients_of_any_head_are_grad_cam_by_its_definition(keras_process, saved, model_of, sample):
    """Against central differences of the head, which know nothing of tapes."""
    import keras

    model = model_of("hidden dense layer")
    arguments = {"model": saved("hidden dense layer"), "layer": "last", "unit": 2}
    _, arrays = keras_process.call("grad_cam", arguments, {"image": sample["image"][:1]})
    layers = [layer.name for layer in model.layers]
    body = keras.Model(model.input, model.get_layer("last").output)
    found, weights = np.asarray(body(sample["image"][:1])), []

    def logit(activations):
        x = activations
        for layer in model.layers[layers.index("last") + 1 : -1]:
            x = layer(x)
        return float((np.asarray(x) @ np.asarray(model.layers[-1].kernel))[0, 2])

    for channel in range(found.shape[-1]):  # GlobalAveragePooling: every position has the channel's slope over h·w
        step = np.zeros_like(found)
        step[..., channel] = 1e-2
        weights.append((logit(found + step) - logit(found - step)) / 2e-2 / (found.shape[1] * found.shape[2]))
    np.testing.assert_allclose(arrays["grids"], np.maximum(found @ np.array(weights), 0), atol=1e-4)


def test_second_run_gives_the_same_and_reports_progress(keras_process, saved, sample):
    arguments, fractions = {"model": saved("flatten and dense"), "layer": "last", "unit": 0}, []
    batch = {"image": np.concatenate([sample["image"]] * 4)}
    first, second = (keras_process.call("grad_cam", arguments, batch, progress=fractions.append)[1] for _ in range(2))
    np.testing.assert_array_equal(first["grids"], second["grids"])
    assert fractions == [0.4, 0.8, 1.0] * 2


def test_unsafe_file_is_refused_in_words_and_the_process_lives(keras_process, tmp_path):
    keras_process.call("ping")
    pid = keras_process.pid
    (tmp_path / "model.keras").write_bytes(b"no archive")
    for task in ("check", "predict"):
        with pytest.raises(UnsafeModel, match=r"no \.keras archive"):
            keras_process.call(task, {"model": str(tmp_path / "model.keras")})
    assert keras_process.pid == pid


def test_exchanged_file_is_refused(keras_process, saved):
    with pytest.raises(InvalidCard, match="written for"):
        keras_process.call("predict", {"model": saved("sequential"), "sha256": "0" * 64})


def test_what_a_task_finds_wrong_is_told(keras_process, saved, sample):
    with pytest.raises(UnsupportedModel, match="no layer called first"):
        keras_process.call("grad_cam", {"model": saved("sequential"), "layer": "first", "unit": 0}, sample)


def test_array_that_is_no_number_is_refused_before_it_leaves(keras_process):
    pid = keras_process.pid
    with pytest.raises(ValueError, match="numbers"):
        keras_process.call("ping", {}, {"a": np.array(["text"])})
    assert keras_process.pid == pid


def test_stop_is_heard_between_frames(keras_process, saved, sample):
    pid, batch, fractions = keras_process.pid, {"image": np.concatenate([sample["image"]] * 400)}, []
    arguments = {"model": saved("flat functional"), "layer": "last", "unit": 0}
    with pytest.raises(Cancelled):
        keras_process.call("grad_cam", arguments, batch, progress=fractions.append, cancelled=lambda: bool(fractions))
    assert fractions[-1] < 1.0
    assert keras_process.call("ping")[0]["keras"]
    assert keras_process.pid == pid


def test_page_that_is_run_anew_leaves_no_work_behind(keras_process, saved, sample):
    class Rerun(BaseException):
        """What Streamlit raises to end a script, by another name."""

    def leave(fraction):
        raise Rerun

    pid, batch = keras_process.pid, {"image": np.concatenate([sample["image"]] * 400)}
    with pytest.raises(Rerun):
        keras_process.call(
            "grad_cam", {"model": saved("sequential"), "layer": "last", "unit": 0}, batch, progress=leave
        )
    assert keras_process.call("ping")[0]["keras"]
    assert keras_process.pid == pid


def test_calls_of_several_threads_queue_up(keras_process, saved, sample):
    answers = {}

    def ask(name):
        answers[name] = keras_process.call("predict", {"model": saved(name)}, sample)[1]["output"].shape

    names = ["flat functional", "one sigmoid unit", "sequential"]
    for name in names:
        saved(name)
    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {"flat functional": (5, 3), "one sigmoid unit": (5, 1), "sequential": (5, 3)}


@linux
def test_hung_process_is_killed_and_replaced(keras_process):
    first = keras_process.pid
    os.kill(first, signal.SIGSTOP)  # it neither answers nor ends
    with pytest.raises(KerasProcessFailed, match="did not answer in time"):
        keras_process.call("ping", timeout=0.5)
    assert gone(first)
    assert keras_process.call("ping")[0]["keras"]
    assert keras_process.pid != first


@linux
def test_crashed_process_is_replaced(keras_process, saved, sample):
    first, fractions = keras_process.pid, []

    def crash(fraction):
        if not fractions:
            os.kill(first, signal.SIGKILL)
        fractions.append(fraction)

    batch = {"image": np.concatenate([sample["image"]] * 400)}
    with pytest.raises(KerasProcessFailed, match="ended suddenly: try again, a new one starts by itself"):
        keras_process.call(
            "grad_cam", {"model": saved("sequential"), "layer": "last", "unit": 0}, batch, progress=crash
        )
    assert keras_process.call("ping")[0]["keras"]
    assert keras_process.pid != first


@linux
def test_process_that_talks_nonsense_is_killed(keras_process, saved, sample):
    """A model that got hold of standard output could write anything there."""
    first = keras_process.pid

    def intrude(fraction):
        with open(f"/proc/{first}/fd/{answers_of(first)}", "wb") as pipe:
            pipe.write(b"Segmentation fault")

    batch = {"image": np.concatenate([sample["image"]] * 400)}
    with pytest.raises(KerasProcessFailed, match="makes no sense"):
        keras_process.call(
            "grad_cam", {"model": saved("sequential"), "layer": "last", "unit": 0}, batch, progress=intrude
        )
    assert gone(first)


def answers_of(pid):
    """The descriptor of the child that is the pipe for answers: the only pipe beside 0, 1 and 2 that it writes."""
    targets = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    return next(
        fd for fd, to in targets.items() if fd > 2 and to.startswith("pipe:") and to not in (targets[0], targets[2])
    )


def test_memory_limit_ends_it():
    process = KerasProcess(memory_limit=100 << 20)
    with pytest.raises(KerasProcessFailed, match="more than its 100 MB of memory"):
        process.call("ping")
    assert process.pid is None


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (b"terminate called after throwing an instance of 'std::bad_alloc'", "more than its 64 MB of memory"),
        (b"MemoryError: Unable to allocate 8.00 GiB for an array", "more than its 64 MB of memory"),
        (b"ResourceExhaustedError: OOM when allocating tensor", "more than its 64 MB of memory"),
        (b"Segmentation fault", "ended suddenly"),
    ],
)
def test_an_end_for_want_of_memory_is_told_as_that(last, told):
    """Between two looks of the web process the operating system refuses, and the child ends by itself."""
    child = object.__new__(worker_process._Child)
    child._drained, child.last_lines, child._memory_limit = threading.Event(), [b"before", last], 64 << 20
    child._drained.set()
    assert told in child._last_words()


def test_it_does_not_outlive_the_web_process():
    code = (
        "import time; from core.keras_process.client import KerasProcess; k = KerasProcess(); k.warm();\n"
        "while k.pid is None: time.sleep(0.01)\n"
        "print(k.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert gone(child)


def test_secrets_of_the_environment_stay_with_the_web_process(monkeypatch):
    from core.processes.worker_process import _environment

    monkeypatch.setenv("SCANLENS_DATABASE_URL", "postgresql://user:password@host/db")
    assert "password" not in str(_environment())
