"""Model cards, runs made by hand, and databases: SQLite in a file, PostgreSQL as Debian packages it."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import sqlalchemy as sa

from core.datasets.readers import open_dataset
from core.evaluation.store.cases import RunCases
from core.evaluation.store.evaluations import Store
from core.inference.bundle import open_bundle
from core.models.card import InputSpec, ModelCard, load_card

PASSWORD = "correct-horse"


@pytest.fixture
def make_card(tmp_path):
    """A card of a 16-pixel model in a folder of its own."""

    def make(slug="finder", labels=("Normal", "Ill"), **changes):
        folder = tmp_path / "models" / slug
        (folder / "evaluations").mkdir(parents=True, exist_ok=True)
        task = "binary" if len(labels) == 2 else "multiclass"
        facts = {
            "slug": slug,
            "folder": folder,
            "title": slug.capitalize(),
            "summary": "",
            "task": task,
            "labels": tuple(labels),
            "inputs": (InputSpec("image", "image", (16, 16), 1, (0.0, 1.0), "display", "stretch", ()),),
            "threshold": 0.5 if task == "binary" else None,
            "threshold_from": "Chosen on the validation split",
            "temperature": 1.5,
            "explain_layer": "last",
            "sha256": {"model.keras": "AB" * 32},
            "license": "",
            "non_commercial": False,
            "training_modality": "an image",
        }
        return ModelCard(**(facts | changes))

    return make


def run_facts(**changes):
    """What a run of a binary model says of itself."""
    facts = {
        "model": "finder", "model_title": "Finder", "model_sha256": "a" * 64, "dataset": "clinic",
        "dataset_title": "Clinic", "dataset_digest": "d" * 64, "split": "test", "kind": "unknown",
        "threshold_from": "val", "task": "binary", "labels": ["Normal", "Ill"], "derived": {}, "threshold": 0.5,
        "thresholds": {}, "temperature": 1.5, "input": {"size": [16, 16]}, "mapping": {"ill": "Ill"},
    }  # fmt: skip
    return facts | changes


def run_cases(count=10, usable=None):
    """Cases `case-0` … of which every second is ill."""
    usable = np.arange(count) if usable is None else np.asarray(usable)
    names = [f"case-{k}" for k in range(count)]
    return RunCases(names, [f"p{k // 2}" for k in range(count)], usable, usable % 2, {"sex": ["F", "M"] * (count // 2)})


@pytest.fixture
def facts():
    return run_facts


@pytest.fixture
def cases():
    return run_cases


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'results' / 'results.sqlite'}"


@pytest.fixture(scope="session")
def postgresql():
    """Address of a server of its own; it refuses to run as root, so it runs as its package's user then."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        if os.environ.get("CI"):
            pytest.fail("CI needs PostgreSQL for the database tests.")
        pytest.skip("no PostgreSQL server on this machine")
    folder = Path(tempfile.mkdtemp(prefix="scanlens-postgresql-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    secret = folder / "secret"
    secret.write_text(PASSWORD, encoding="ascii")

    def call(name, *arguments):
        command = [programs[-1].parent / name, *arguments]
        with (folder / "called").open("ab") as log:
            subprocess.run(command, check=True, user=user, cwd=folder, stdout=log, stderr=log, timeout=120)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    call("initdb", "-D", data, "-U", "doctor", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    call("pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
    try:
        yield f"postgresql://doctor:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    url = request.getfixturevalue("postgresql")
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE empty")
    yield url.removesuffix("postgres") + "empty"
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE empty WITH (FORCE)")
    engine.dispose()


@pytest.fixture
def store(database_url):
    opened = Store(database_url)
    yield opened
    opened.close()


def _onnx_model():
    """Logits = log(mean of the image) + 1: above 0 for bright images, not finite for a black one."""
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Log", ["mean"], ["log"]),
        helper.make_node("Add", ["log", "one"], ["logits"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 16, 16, 1])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1])
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph(nodes, "finder", [image], [logits], [one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return onnx.load_from_string(model.SerializeToString()).SerializeToString()


FRONT_MATTER = """---
scanlens:
  title: Finder
  summary: Tells bright images.
  task: binary
  labels: [Normal, Ill]
  inputs:
  - {name: image, kind: image, size: [16, 16], channels: 1, range: [0.0, 1.0], intensity: window,
     window: [127.5, 255], resize: stretch, modality: []}
  threshold: 0.5
  threshold_from: Chosen on the validation split
  temperature: 1.5
  explain_layer: last
  training_modality: an image
  sha256: {model.keras: HASH, model.onnx: HASH}
---
A model of a test.
"""


@pytest.fixture
def finder(tmp_path):
    """Folder of a bundle that calls bright images ill."""
    folder = tmp_path / "models" / "finder"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(_onnx_model())
    text = FRONT_MATTER.replace("HASH", hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest())
    (folder / "README.md").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def card(finder):
    return load_card(finder)


@pytest.fixture
def bundle(card):
    return open_bundle(card)


@pytest.fixture
def make_images(tmp_path):
    """A folder of grey images by split and class; ill ones are brighter."""

    def make(count=40, name="clinic", split="test"):
        rng = np.random.default_rng(5)
        for k in range(count):
            ill = k % 2 == 1
            folder = tmp_path / name / split / ("Ill" if ill else "Normal")
            folder.mkdir(parents=True, exist_ok=True)
            image = rng.integers(90, 200, (20, 24)) if ill else rng.integers(20, 130, (20, 24))
            cv2.imwrite(str(folder / f"{k:04d}.png"), image.astype(np.uint8))
        return tmp_path / name

    return make


@pytest.fixture
def clinic(make_images):
    """The dataset of 40 such images."""
    return open_dataset(make_images())
