"""The one Keras process of these tests."""

import pytest

from core.keras_process.client import KerasProcess


@pytest.fixture(scope="package")
def keras():
    process = KerasProcess()
    yield process
    process.close()
