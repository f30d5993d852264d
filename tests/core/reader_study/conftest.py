"""A small plan made by hand, readers of it, and databases of both kinds."""

import importlib.util
from pathlib import Path

import pytest

from core.evaluation.store.database import Database
from core.reader_study.design import Answer, Plan, StudyCase
from core.reader_study.store import Reader, RoomStore

_PLACE = Path(__file__).parents[1] / "evaluation" / "running" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("databases_of_tests", _PLACE)
_DATABASES = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_DATABASES)
postgresql, sqlite_url, database_url = _DATABASES.postgresql, _DATABASES.sqlite_url, _DATABASES.database_url

#: Truth and the model's probability of eight cases; it misses the third and calls the sixth.
CASES = ((1, 0.9), (1, 0.8), (1, 0.3), (1, 0.7), (0, 0.2), (0, 0.6), (0, 0.1), (0, 0.4))


@pytest.fixture
def plan():
    cases = tuple(StudyCase(f"scan of {k}", bool(truth), score, k) for k, (truth, score) in enumerate(CASES))
    return Plan("Made up", "Lesion", "No lesion", "A model", "ab" * 32, 0.5, cases, 7, True, {"kind": "lesions"})


@pytest.fixture
def make_reader():
    """A reader of the first cases: `make_reader("11010000", "11010100")`, decisions without and with the model."""

    def made(without: str, aided: str, number: int = 1, sureness: int = 3) -> Reader:
        answers = [
            Answer(place, with_model, said == "1", sureness, 4.0 - 2 * with_model)
            for with_model, row in ((False, without), (True, aided))
            for place, said in enumerate(row)
        ]
        return Reader(number, f"nick {number}", 100 - number, tuple(answers))

    return made


@pytest.fixture
def store(database_url):
    database = Database(database_url)
    yield RoomStore(database)
    database.close()
