"""The product without a screen. Whatever process imports it, no package in it reports to its maker."""

import os

#: Read by packages when they are loaded, hence set before any of them can be; children inherit it.
SILENCE = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime's usage data
    "DO_NOT_TRACK": "1",  # a convention that other packages keep to
}
os.environ.update(SILENCE)
