"""The one door to ONNX Runtime, which is silent behind it.

Its official builds send usage data to their maker from 1.27 on, on Linux too, and keep a database of it in
`~/.cache/Microsoft`: see `Privacy.md` in its wheel. `core/__init__.py` has switched that off for this process and its
children before this file can be imported; here its own switch is thrown as well. Whoever needs ONNX Runtime writes
`from core.onnx_runtime import onnxruntime`, and a test holds that nobody imports it elsewhere.
"""

import onnxruntime

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
