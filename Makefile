# make run    installs and starts the app          make test   installs, lints and tests
# make bench  measures what the README claims      make models DATA=… [ONLY=slug]  rebuilds the models
# make samples   fetches openly licensed scans for all models (28 MB)
# make fuzz   reads ten thousand broken files
# make docs   builds the documentation into build/docs   make coverage   runs the tests with coverage
# make fresh  installs the runtime lock alone and opens everything with it
PYTHON ?= python3
VENV ?= .venv
DATA ?= ../shared/data
PORT ?= 8501
PY := $(VENV)/bin/python
# Compiled at installation: otherwise each start compiles again where PYTHONDONTWRITEBYTECODE is set.
PIP := env -u PYTHONDONTWRITEBYTECODE $(PY) -m pip --disable-pip-version-check install --quiet --compile

FRESH := build/fresh

.PHONY: run test coverage docs fresh fuzz bench models samples lint lock format

run: $(VENV)/.run
	$(PY) -m ui.launch --server.port $(PORT)

test: lint
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Slower than `test`: before Python 3.12 a tracer follows every line.
coverage: $(VENV)/.dev
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

fresh: $(VENV)/.dev
	$(PY) tests/runtime_install/resolve_lock.py
	rm -rf $(FRESH)
	$(MAKE) --no-print-directory VENV=$(FRESH) PYTHON=$(PY) $(FRESH)/.run
	$(FRESH)/bin/python tests/runtime_install/import_everything.py
	$(FRESH)/bin/python tests/runtime_install/open_everything.py

fuzz: $(VENV)/.dev
	$(PY) -W ignore -m benchmarks.fuzz.mutants 10000

lint: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-cache

format: $(VENV)/.dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(VENV)/.dev
	$(PY) -m benchmarks

models: $(VENV)/.dev
	$(PY) -m core.training --data $(DATA) $(if $(ONLY),--only $(ONLY))

samples: $(VENV)/.run
	$(PY) -m core.samples fetch

lock:
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url requirements.txt -o requirements.lock
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url -c requirements.lock requirements-dev.txt -o requirements-dev.lock
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url -c requirements.lock requirements-cluster.txt -o requirements-cluster.lock

$(VENV)/.made:
	$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and 'ScanLens needs Python 3.11, 3.12 or 3.13: name one, as in make run PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: requirements.lock | $(VENV)/.made
	@echo "Installing (a few minutes the first time) …"
	$(PIP) -r requirements.lock
	touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/.made
	@echo "Installing (a few minutes the first time) …"
	$(PIP) -r requirements-dev.lock
	touch $@ $(VENV)/.run
