import tomllib
from pathlib import Path

from core.version import VERSION


def test_version_is_the_one_of_the_package():
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"] == VERSION
