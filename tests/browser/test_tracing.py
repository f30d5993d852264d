"""The test of leaks sees planted ones: connections, look-ups, files elsewhere, marks in plain and packed files."""

import io
import subprocess
import sys
import zipfile
import zlib

import cv2
import numpy as np
import pandas as pd
import pytest
from fpdf import FPDF

MARK = "Zzyzx-Mark"
LEAKS = {
    "network": [
        "import socket; s = socket.socket(); s.setblocking(False); s.connect_ex(('192.0.2.1', 80))",
        "import socket; s = socket.socket(socket.AF_INET6); s.setblocking(False); s.connect_ex(('2001:db8::1', 80))",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('8.8.8.8', 1))",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
        "import socket; s = socket.socket(); s.bind(('0.0.0.0', 0))",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "'import socket; s = socket.socket(); s.setblocking(False); s.connect_ex((\"192.0.2.1\", 443))'])",
    ],
    "files": [
        "open('{elsewhere}/a.txt', 'w')",
        "import os; os.chdir('{elsewhere}'); open('a.txt', 'a')",
        "import os; os.mkdir('{elsewhere}/a')",
        "import os; open('{own}/a', 'w'); os.rename('{own}/a', '{elsewhere}/a')",
        "import tempfile; tempfile.TemporaryFile(dir='{elsewhere}')",
    ],
    "marked": [
        "open('{own}/a.txt', 'w').write('Name: Zzyzx-Mark')",
        "import tempfile; f = tempfile.TemporaryFile(dir='{own}'); f.write(b'x' * 80 + b'Zzyzx-Mark'); f.flush()",
    ],
}
HARMLESS = """
import os, socket, tempfile
server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname())
socket.getaddrinfo('127.0.0.1', 80)
open('{own}/a.txt', 'w').write('nothing'); open(os.devnull, 'w').write('Zzyzx-Mark')
try: open('/no/such/place', 'w')
except OSError: pass
"""


@pytest.fixture
def seen(tracing, tmp_path):
    own, elsewhere = tmp_path / "own", tmp_path / "elsewhere"
    own.mkdir()
    elsewhere.mkdir()

    def traced(code: str):
        code, log = code.replace("{own}", str(own)).replace("{elsewhere}", str(elsewhere)), tmp_path / "trace"
        subprocess.run([*tracing.strace(log), sys.executable, "-B", "-c", code], cwd=own, check=True)
        return tracing.judge(log, [own], [MARK])

    return traced


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in LEAKS.items() for code in codes])
def test_a_planted_leak_is_seen_as_what_it_is(seen, kind, code):
    found = seen(code)
    assert getattr(found, kind), code
    assert not any(getattr(found, other) for other in set(LEAKS) - {kind})


def test_what_stays_at_home_is_nothing(seen):
    found = seen(HARMLESS)
    assert (found.network, found.files, found.marked) == ((), (), ())
    assert found.calls > 5


def packed(kind: str) -> bytes:
    held, image = io.BytesIO(), cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes()
    text = b"zTXtComment\0\0" + zlib.compress(b"of " + MARK.encode())
    if kind == "zip":
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", packed("csv") * 50)
        return held.getvalue()
    if kind == "pdf":
        report = FPDF()
        report.add_page()
        report.set_font("helvetica", size=12)
        report.cell(text=f"Of {MARK}")
        return bytes(report.output())
    if kind == "parquet":
        pd.DataFrame({"patient": [MARK] * 50}).to_parquet(held)
        return held.getvalue()
    plain = {"csv": f"a,{MARK}\n".encode(), "utf-16": MARK.encode("utf-16")}
    return plain.get(kind, image[:33] + text + image[33:])


@pytest.mark.parametrize("kind", ["csv", "utf-16", "zip", "pdf", "png", "parquet"])
def test_a_mark_is_found_in_packed_files(tracing, kind):
    assert tracing.marks_in(packed(kind), [MARK, "Another"]) == {MARK}
