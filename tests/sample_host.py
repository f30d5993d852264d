"""A host on this computer that serves made-up samples, well and badly, and a catalogue that names them."""

import csv
import hashlib
import io
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

COLUMNS = (
    "key", "use_case", "truths", "address", "sha256", "bytes", "licence", "licence_status", "credit", "view", "facts",
    "mask_address", "mask_sha256", "mask_bytes", "mask_label", "test_case",
)  # fmt: skip


def image_bytes(pixels, kind="PNG") -> bytes:
    """Pixels as a file."""
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, kind)
    return held.getvalue()


def noise(*shape, seed=0):
    """uint8 that does not compress."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


class Host:
    """What is served: path to bytes, and how.

    Attributes:
        files: Path to bytes.
        manner: Path to how it is served: `"well"`, `"cut"`, `"slow"`, `"endless"`, `"moved"` or a status.
        asked: Paths and headers of all requests.
    """

    def __init__(self, url):
        self.url, self.files, self.manner, self.asked = url, {}, {}, []

    def serve(self, name, data, manner="well"):
        """Serve bytes; their address."""
        self.files[f"/{name}"], self.manner[f"/{name}"] = data, manner
        return f"{self.url}/{name}"

    def row(self, key, data, suffix=".png", mask=None, **changes):
        """A row of a catalogue for a file that is served."""
        address = self.serve(f"{key}{suffix}", data)
        row = dict.fromkeys(COLUMNS, "") | {
            "key": key, "use_case": "chest", "truths": "pneumonia-chest-xray: Normal", "address": address,
            "sha256": hashlib.sha256(data).hexdigest(), "bytes": str(len(data)), "licence": "CC0",
            "licence_status": "clear", "credit": "Made for a test", "test_case": key,
        }  # fmt: skip
        if mask is not None:
            row |= {
                "mask_address": self.serve(f"{key}-mask.png", mask), "mask_sha256": hashlib.sha256(mask).hexdigest(),
                "mask_bytes": str(len(mask)),
            }  # fmt: skip
        return row | changes


def write_catalogue(path, rows):
    """A catalogue of some rows."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        host = self.server.host
        host.asked.append((self.path, dict(self.headers)))
        data, manner = host.files.get(self.path), host.manner.get(self.path, "404")
        if data is None or manner.isdigit():
            self.send_error(int(manner))
            return
        if manner == "moved":
            self.send_response(302)
            self.send_header("Location", f"{host.url}/elsewhere")
            self.end_headers()
            return
        self.send_response(200)
        if manner != "endless":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(OSError):  # who asked may have gone
            self._send(data, manner)

    def _send(self, data, manner):
        if manner == "cut":
            self.wfile.write(data[: len(data) // 2])
        elif manner == "slow":
            for start in range(0, len(data), 1 << 16):
                self.wfile.write(data[start : start + (1 << 16)])
                time.sleep(0.05)
        elif manner == "endless":
            for _ in range(200):
                self.wfile.write(bytes(1 << 16))
        else:
            self.wfile.write(data)


@contextmanager
def serving():
    """A `Host` that runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.host = Host(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.host
    finally:
        server.shutdown()
        server.server_close()
