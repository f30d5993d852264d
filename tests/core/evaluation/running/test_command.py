"""`python -m core.evaluation` in processes of its own, where it is killed, and in this one for what it says."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from core.evaluation.__main__ import main
from core.evaluation.runs.shipped import shipped
from core.evaluation.store.evaluations import Store
from core.evaluation.store.exchange import same
from core.evaluation.store.schema import CHUNKS
from core.models.card import load_card

ROOT = Path(__file__).resolve().parents[4]
DATA = Path(os.environ.get("DATA") or ROOT.parent / "shared" / "data").resolve()


def command(*arguments, url):
    return [sys.executable, "-m", "core.evaluation", "--database", url, *map(str, arguments)]


def start(*arguments, url):
    return subprocess.Popen(
        command(*arguments, url=url), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(*arguments, url):
    return subprocess.run(
        command(*arguments, url=url), cwd=ROOT, text=True, capture_output=True, check=False, timeout=300
    )


def chunks(store):
    """Number of each stored chunk to its bytes."""
    with store.reading() as connection:
        return {row.number: row.logits for row in connection.execute(sa.select(CHUNKS)).all()}


def wait_for_scores(store, process):
    """Until some of the cases are stored."""
    for _ in range(6000):
        if process.poll() is not None:
            pytest.fail(f"It ended before it could be stopped: {process.communicate()}")
        if any(run.scored for run in store.evaluations()):
            return
        time.sleep(0.01)
    pytest.fail("No chunk came within a minute.")


def killed_and_resumed(arguments, url, cases):
    """What the second command says after the first was killed; nothing of the first is computed again."""
    store = Store(url)
    process = start(*arguments, url=url)
    wait_for_scores(store, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = chunks(store)
    (stopped,) = store.evaluations()
    assert stopped.state == "stopped"
    assert 0 < stopped.scored < cases
    done = finish(*arguments, url=url)
    assert done.returncode == 0, done.stderr
    after, (run,) = chunks(store), store.evaluations()
    assert {number: after[number] for number in before} == before
    assert (run.id, run.state, run.scored, run.failed) == (stopped.id, "done", cases, 0)
    return done, store.load(run.id)


def test_a_killed_run_goes_on(finder, make_images, sqlite_url):
    folder = make_images(2000)
    arguments = ("run", "--model", finder, "--dataset", folder, "--kind", "external")
    done, found = killed_and_resumed(arguments, sqlite_url, 2000)
    assert (len(found.cases), found.kind, found.model) == (2000, "external", "finder")
    assert "Finder on clinic, test\n2,000 cases of 2,000 patients" in done.stdout
    assert "AUC (Ill) 1.000" in done.stdout
    again = finish(*arguments, url=sqlite_url)
    assert again.returncode == 0
    assert "Already computed" in again.stderr


@pytest.mark.data
def test_a_killed_run_over_a_real_dataset_goes_on_to_the_scores_of_the_card(sqlite_url):
    folder = DATA / "chest_xray_kermany"
    if not folder.is_dir():
        pytest.skip("no chest_xray_kermany in DATA or ../shared/data")
    arguments = ("run", "--model", "pneumonia-small-cnn", "--dataset", folder, "--option", "table=labels.csv")
    done, found = killed_and_resumed((*arguments, "--kind", "internal"), sqlite_url, 533)
    card = load_card(ROOT / "models" / "pneumonia-small-cnn")
    (stored,) = [each for each in shipped([card]) if (each.dataset, each.split) == ("kermany", "test")]
    assert list(found.cases) == list(stored.cases)
    np.testing.assert_array_equal(found.scores.y_true, stored.scores.y_true)
    np.testing.assert_array_equal(found.scores.patients, stored.scores.patients)
    np.testing.assert_allclose(found.scores.logits, stored.scores.logits, atol=2e-4)
    assert "AUC (Pneumonia)" in done.stdout


def test_an_interrupted_run_says_that_it_can_go_on(finder, make_images, sqlite_url):
    folder = make_images(2000)
    process = start("run", "--model", finder, "--dataset", folder, url=sqlite_url)
    wait_for_scores(Store(sqlite_url), process)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in told
    (run,) = Store(sqlite_url).evaluations()
    assert run.state == "stopped"
    assert run.scored > 0


@pytest.fixture
def cli(sqlite_url, monkeypatch, capsys):
    """Call it here: exit status, what it prints and what it says on stderr."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def call(*arguments):
        status = main(["--database", sqlite_url, *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_results_are_listed_handed_over_and_brought_in(cli, finder, make_images, tmp_path, sqlite_url):
    assert cli("run", "--model", finder, "--dataset", make_images())[0] == 0
    assert cli("list")[1].split() == ["1", "done", "finder", "clinic", "test", "unknown", "40", "of", "40"]
    status, out, _ = cli("export", "1", "--to", tmp_path / "out", "--form", "csv")
    assert (status, out.strip()) == (0, str(tmp_path / "out" / "finder--clinic--test.csv"))
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    assert main(["--database", other, "import", out.strip()]) == 0
    assert same(Store(other).load(1), Store(sqlite_url).load(1))


def test_a_label_map_is_given_told_and_remembered(cli, finder, make_images, sqlite_url):
    folder = make_images()
    status, out, err = cli("run", "--model", finder, "--dataset", folder, "--map", "Normal=")
    assert status == 0
    assert "Labels: Ill → Ill, Normal → left out\n20 of 40 cases are left out" in err
    assert "20 cases of 20 patients" in out
    assert "AUC (Ill) not defined" in out
    assert Store(sqlite_url).datasets()[0].maps == {"finder": {"Ill": "Ill", "Normal": ""}}
    assert "20 cases" in cli("run", "--model", finder, "--dataset", folder)[1]
    assert "40 cases" in cli("run", "--model", finder, "--dataset", folder, "--map", "Normal=Normal")[1]


def test_a_run_waits_until_every_label_has_a_meaning(cli, finder, make_images, sqlite_url):
    folder = make_images()
    for label in ("Ill (-)", "Ill excluded?", "Other"):
        (folder / "test" / label).mkdir()
        (folder / "test" / "Normal" / f"{len(label) - 5:04d}.png").rename(folder / "test" / label / "a.png")
    command = ("run", "--model", finder, "--dataset", folder)
    status, out, err = cli(*command)
    assert (status, out) == (1, "")
    assert "what 'Ill excluded?', 'Other' mean" in err.splitlines()[-1]
    assert '--map "Ill excluded?=Normal"' in err.splitlines()[-1]
    assert Store(sqlite_url).evaluations() == []
    assert "what 'Other' means" in cli(*command, "--map", "Ill excluded?=")[2]
    status, out, err = cli(*command, "--map", "Ill excluded?=Normal", "--map", "*=")
    assert status == 0, err
    assert "Ill → Ill, Ill (-) → Normal, Ill excluded? → Normal, Normal → Normal, Other → left out" in err
    assert cli(*command)[0] == 0, "what was said of this dataset is remembered"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "nobody"), "neither the folder of a model nor one of"),
        (("--dataset", "nowhere"), "nowhere"),
        (("--split", "val"), "no split val"),
        (("--map", "Other=Ill"), "correct --map"),
        (("--map", "Ill"), "KEY=VALUE"),
        (("--option", "patient"), "KEY=VALUE"),
        (("--stress", "thunder-3"), "in strengths 1 to 5"),
        (("--stress", "blur"), "in strengths 1 to 5"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(cli, finder, make_images, arguments, words):
    status, out, err = cli("run", "--model", finder, "--dataset", make_images(), *arguments)
    assert (status, out) == (1, "")
    assert words in err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_stressed_copy_is_a_run_of_its_own(cli, finder, make_images, sqlite_url):
    folder = make_images()
    assert cli("run", "--model", finder, "--dataset", folder)[0] == 0
    assert cli("run", "--model", finder, "--dataset", folder, "--stress", "blur-3")[0] == 0
    assert {(run.dataset, run.kind) for run in Store(sqlite_url).evaluations()} == {
        ("clinic", "unknown"), ("clinic~blur-3", "stress"),
    }  # fmt: skip


def test_the_command_line_needs_no_tensorflow():
    code = "import sys, core.evaluation.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, timeout=120, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not {"tensorflow", "keras", "streamlit"} & loaded
