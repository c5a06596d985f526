# Everything is built from a plain Python with pip: `make lint` and `make test` need nothing else.

PYTHON ?= python3
FILES ?=
VENV := .venv
TORCH_VENV := .venv-torch
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
PYTEST_ARGS ?=
WHEELS := dist

.PHONY: help lint test conformance check types style bench docs wheel clean

help:  ## show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/gradlint: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.test: $(BIN)/gradlint
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	touch $@

$(TORCH_VENV)/.test: pyproject.toml
	test -x $(TORCH_VENV)/bin/python || $(PYTHON) -m venv $(TORCH_VENV)
	$(TORCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' '$(TORCH)' expecttest
	touch $@

lint: $(BIN)/gradlint  ## lint the examples, or FILES="path ..."
ifeq ($(FILES),)
	@$(BIN)/gradlint check --output-format full --exit-zero --isolated examples
else
	@$(BIN)/gradlint check --output-format full $(FILES)
endif

test: $(VENV)/.test  ## the tests, without torch
	$(BIN)/python -m pytest -n auto -m "not torch" $(PYTEST_ARGS)

conformance: $(TORCH_VENV)/.test  ## the claims, with real PyTorch as third judge
	GRADLINT_REQUIRE_TORCH=1 $(TORCH_VENV)/bin/python -m pytest -n auto -m torch $(PYTEST_ARGS)

check: style types  ## ruff and mypy

style: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

bench: $(VENV)/.test  ## time a cold run against ruff and TorchFix on one tree: TREE=path; the engine against autograd
	$(BIN)/python tools/bench.py $(TREE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check autograd scipy
	$(BIN)/python -m tools.engine.bench

docs: $(BIN)/gradlint  ## bring the README up to date: outputs that it shows, the table of rules
	$(BIN)/python tools/documents.py

wheel: $(VENV)/.test  ## build a wheel, and try it in an empty environment
	rm -rf $(WHEELS)
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(WHEELS) .
	GRADLINT_WHEEL=$(WHEELS) $(BIN)/python -m pytest tests/packaging/test_wheel.py $(PYTEST_ARGS)

clean:  ## remove what was built
	rm -rf $(VENV) $(TORCH_VENV) $(WHEELS) build
