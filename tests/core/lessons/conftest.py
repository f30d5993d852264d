"""The one Keras process of these tests."""

import pytest

from core.runtime.keras_process import KerasProcess


@pytest.fixture(scope="package")
def keras():
    process = KerasProcess()
    yield process
    process.close()
