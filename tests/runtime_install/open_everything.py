"""Open every page with every choice of data, model and method that needs no upload: what a fresh install shows.

    python tests/runtime_install/open_everything.py [tour …]

Runs where only `requirements.lock` is installed, so without pytest. Each tour is a process of its own, two at a time.
Fails when a page raises, shows an error box, owns up to a fault, or logs one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from walking import Option, Tour  # noqa: E402


def without_checks() -> None:
    """Leave out the checks of an explanation, hundreds of predictions each; the first tour makes them for real."""
    import ui.explaining.work
    import ui.reading.trust
    from core.explain.trust.verdict import Check, Trust

    trust = Trust("undecided", (Check("Follows the model", "open", "Not measured here"),))
    ui.reading.trust.check_explanation = ui.explaining.work.check_explanation = lambda *_, **__: trust


def read_samples() -> Tour:
    """Every sample with its answer, each model that fits it, and everything to choose beside them."""
    from core.samples import SAMPLES

    tour = Tour("pages/scan/read.py")
    tour.click("sample-chest")
    tour.settle()  # with the checks
    tour.click("close")
    without_checks()
    for sample in SAMPLES:
        tour.trail.clear()
        tour.click(f"sample-{sample.key}")
        tour.settle()
        tour.walk(skip=lambda name: name in {"folder"})
        tour.settle()
        tour.click("close")
    return tour


def read_models() -> Tour:
    """Every model on a scan, also where it does not fit; those of a sequence on the beating heart."""
    from ui.cache import cached_cards

    without_checks()
    tour = Tour("pages/scan/read.py")
    films = {slug for slug, card in cached_cards()[0].items() if any(spec.kind == "sequence" for spec in card.inputs)}
    for sample, wanted in (("chest", set(cached_cards()[0]) - films), ("echo", films)):
        tour.trail.clear()
        tour.click(f"sample-{sample}")
        tour.settle()
        while forced := [b.key for b in tour.app.button if str(b.key).removeprefix("force-") in wanted]:
            tour.trail.clear()
            tour.click(forced[0])
            tour.settle()
        tour.click("close")
    return tour


def explain() -> Tour:
    """Every method, and a check for real; models side by side; a layer; an untrained copy; every model that fits."""
    tour = Tour("pages/scan/read.py")
    tour.click("sample-chest")
    tour.settle()
    tour.turn_to("pages/scan/explain.py", methods="grad-cam")
    tour.settle()
    tour.click("show-anyway")  # the sample is an adult's, and the models know children
    tour.settle()
    without_checks()
    tour.turn_to("pages/scan/explain.py")
    methods = tour.control("explain-methods")
    tour.choose("explain-methods", [Option(option) for option in methods.options])
    tour.settle()
    tour.choose("explain-methods", [Option(methods.options[0])])
    tour.settle()
    tour.walk({"explain-methods"}, skip=lambda name: "-box-" in name)  # dozens of layers, one of which is enough
    tour.settle()
    tour.choose(next(name for name, *_ in tour.controls() if name.endswith("-open")), True)
    boxes = next(control for name, control, _ in tour.controls() if "-box-" in name)
    tour.choose(str(boxes.key), Option(boxes.options[1]))
    tour.settle()
    return tour


def pooling() -> Tour:
    """Each part of the lesson with every scan, kernel and activation."""
    tour = Tour("pages/learn/pooling.py")
    for _ in tour.each("topic"):
        tour.walk({"topic"})
    return tour


def fusion() -> Tour:
    """Each part of the lesson with everything to choose, and with every model that fits some sample."""
    tour = Tour("pages/learn/fusion.py")
    for _ in tour.each("part"):
        tour.walk({"part"})
        if tour.control("sample-scan"):
            for _ in tour.each("sample-scan"):
                tour.walk(skip=lambda name: name != "Model")
    return tour


def training() -> Tour:
    """Each choice; then the default network is trained on the default data, judged, applied and kept."""
    page = "pages/learn/training.py"
    tour = Tour(page)
    for _ in tour.each("train-step"):
        tour.walk({"train-step"})
    tour.turn_to(page)
    again = Tour(page)
    again.click("train-go")
    again.settle()
    for _ in again.each("train-step"):
        again.walk({"train-step", "train-set"})
    again.choose("train-step", Option("5 Application"))
    again.click("Keep as a model")
    again.settle()
    return joined(tour, again)


def versus() -> Tour:
    """Each choice; a reader alone up to the result; a room for a class."""
    tour = Tour("pages/learn/versus.py")
    tour.walk()
    alone = Tour("pages/learn/versus.py")
    alone.choose("versus-number", Option("10"))
    alone.click("versus-start")
    alone.settle()
    while forms := [b.key for b in alone.app.button if str(b.key).startswith("FormSubmitter")]:
        alone.trail.clear()
        for control in alone.app.button_group:
            if control.value is None:
                control.set_value(Option(control.options[0]))
        alone.click(forms[0])
    alone.walk()
    room = Tour("pages/learn/versus.py")
    room.choose("versus-way", Option("Open a room for a class"))
    room.click("versus-start")
    room.settle()
    room.walk()
    return joined(tour, alone, room)


#: Models that know the labels of the made-up images.
KNOWING = (
    "Pneumonia, chest X-ray",
    "Pneumonia, chest X-ray, multi-scale with attention",
    "Pneumonia, chest X-ray, small network",
)


def datasets() -> Tour:
    """A folder of two classes: what it holds, its quality, a model run over it, and the result on the compare page."""
    folder = Path(tempfile.mkdtemp()) / "chest"
    write_images(folder)
    tour = Tour("pages/evidence/datasets.py")
    tour.app.text_input(key="add-path").set_value(str(folder))
    tour.click("Add")
    tour.settle()
    for view in tour.each("view"):
        # Leaving all labels out, or asking a model that knows none of them, is refused, rightly.
        tour.walk({"view"}, skip=lambda name: name.startswith(("map-", "run-models")))
        if view == "Data quality":
            tour.click("inspect")
        elif view == "Run models":
            models = next(control for name, control, _ in tour.controls() if name.startswith("run-models"))
            tour.choose(str(models.key), [Option(title) for title in models.options if title in KNOWING])
            tour.click("run")
        tour.settle()
    return tour


def write_images(folder: Path) -> None:
    """Made-up images in two classes and two splits."""
    import cv2
    import numpy as np

    for number in range(16):
        split, label = "test" if number < 12 else "train", "NORMAL" if number % 2 else "PNEUMONIA"
        path = folder / split / label / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).random((8, 8)).astype(np.float32)
        cv2.imwrite(str(path), (cv2.resize(noise, (64, 64)) * 255).clip(0, 255).astype(np.uint8))


def joined(first: Tour, *others: Tour) -> Tour:
    """Several visits as one."""
    for other in others:
        first.faults += other.faults
        first.choices += other.choices
    return first


def simply(page: str) -> Callable[[], Tour]:
    """A page of which every option is chosen once."""

    def tour() -> Tour:
        found = Tour(page)
        found.walk()
        found.settle()
        return found

    return tour


TOURS: dict[str, Callable[[], Tour]] = {
    "read-samples": read_samples,
    "read-models": read_models,
    "explain": explain,
    "inside": simply("pages/learn/inside.py"),
    "fusion": fusion,
    "training": training,
    "compare": simply("pages/evidence/compare.py"),
    "datasets": datasets,
    "models": simply("pages/evidence/models.py"),
    "convolution": simply("pages/learn/convolution.py"),
    "pooling": pooling,
    "sequences": simply("pages/learn/sequences.py"),
    "versus": versus,
    "teaching": simply("pages/learn/teaching.py"),
}


def conduct(name: str) -> bool:
    """Make one tour in this process, with a home of its own; whether nothing went wrong."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        os.environ["SCANLENS_HOME"] = home
        os.environ.pop("SCANLENS_DATABASE_URL", None)
        tour = TOURS[name]()
        from ui.cache import cached_keras

        cached_keras().close()
    took = time.perf_counter() - began
    print(f"{name}: {tour.choices} choices, {len(tour.faults)} faults, {took:.0f} s", flush=True)
    return not tour.faults


def conduct_apart(name: str) -> bool:
    """Make one tour in a process of its own; its output is printed when it is done."""
    command = [sys.executable, __file__, name]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if done.returncode or line.startswith(("FAULT", f"{name}:"))]
    print(*lines, sep="\n", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.exit(not conduct(sys.argv[1]))
    with ThreadPoolExecutor(2) as two:
        went = list(two.map(conduct_apart, sys.argv[1:] or TOURS))
    print(f"{sum(went)} of {len(went)} tours without a fault")
    sys.exit(not all(went))
