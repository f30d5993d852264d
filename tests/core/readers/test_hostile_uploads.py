"""Uploads that are small and grow, or small and take for ever, opened in processes with bounds."""

import json
import os
import resource
import subprocess
import sys

import pytest

from benchmarks.fuzz import hostile

#: Bytes of address space and seconds of processor time of one process, which opens a fraction of the uploads.
SPACE, SECONDS = 4 << 30, 60
FRACTIONS = 2
CODE = "import sys; from benchmarks.fuzz import hostile; hostile.report(*map(int, sys.argv[1:]))"


def bound():
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


@pytest.fixture(scope="module")
def lines():
    """What each upload came to."""
    found = []
    for fraction in range(FRACTIONS):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CODE, str(fraction), str(FRACTIONS)],
            preexec_fn=bound,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": ".", "SCANLENS_SCAN_MEMORY_MB": "2000", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        found += [json.loads(line) for line in done.stdout.splitlines()]
    return found


def test_every_hostile_upload_opens_or_is_refused_in_a_sentence(lines):
    assert len({line["name"] for line in lines}) == len(hostile.uploads()) >= 80
    for line in lines:
        assert not line["fault"], line
        assert line["scans"] or line["sentence"], line
        assert "\n" not in line["sentence"]
        assert len(line["sentence"]) < 400, line


def test_no_hostile_upload_takes_two_gigabytes(lines):
    assert not [line for line in lines if line["peak"] > 2 << 30]


def test_what_grows_beyond_bounds_is_refused(lines):
    found = {line["name"]: line for line in lines}
    for name in hostile.REFUSED:
        assert not found[name]["scans"], name
