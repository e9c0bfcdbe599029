# Everything lives in one virtual environment, .venv; `make demo` installs the runtime only, `make test` adds the rest.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
RUNTIME := .[ros,mediapipe,cpu]
export OMP_NUM_THREADS ?= 2

.PHONY: demo test check unit clean help

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: .venv/runtime ## Recognise the shipped recording through ROS 2 and draw demo.mp4 and demo.png
	$(BIN)/csre demo --source recording --headless --ros --output demo.mp4 --events demo.jsonl

test: check unit ## Lint, types, and every test

check: .venv/everything ## Lint and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

unit: .venv/everything
	$(BIN)/python -m pytest

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python setup.py constraints.txt
	$(PIP) --editable "$(RUNTIME)"
	@touch $@

.venv/everything: .venv/runtime
	$(PIP) --editable "$(subst ],$(comma)train$(comma)test],$(RUNTIME))"
	@touch $@

comma := ,

clean: ## Remove the virtual environment and everything that was built
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache demo.mp4 demo.png demo.jsonl
