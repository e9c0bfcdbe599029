# Everything lives in one virtual environment, .venv, which grows by what a target needs: `make demo` installs the
# runtime, `make check` adds the tools and no torch, `make test` the trainer.
PYTHON ?= python3
BIN := .venv/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check $$($(BIN)/python -c "$(PINNED)")
# The versions of constraints.txt are of these; older and newer Pythons get the newest that there are for them.
PINNED := import sys; print('--constraint constraints.txt' * ((3, 11) <= sys.version_info[:2] <= (3, 12)))
RUNTIME := .[ros,mediapipe,video,cpu]
export OMP_NUM_THREADS ?= 2

.PHONY: demo test check types unit fast core bench trainer soak clean help

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: .venv/runtime ## Recognise the shipped recording through ROS 2 and draw demo.mp4 and demo.png
	@$(BIN)/csre pose-model || echo "cameras and videos need it later; the recording does without"
	$(BIN)/csre demo --source recording --headless --ros --output demo.mp4 --events demo.jsonl

test: check types unit ## Lint, types, and every test

check: .venv/tools ## Lint, format, spelling and types; needs no torch
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy csre_ros examples launch benchmarks

types: .venv/everything # of the trainer, which are only known where torch is
	$(BIN)/mypy models

# A file of tests at a time in each of two processes, which have a ROS domain each. They wait more than they work.
unit fast: export OMP_NUM_THREADS = 1
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

unit: .venv/everything
	$(PYTEST)

fast: .venv/everything ## The tests that take less than a second each
	$(PYTEST) -m "not slow"

bench: .venv/everything ## Every benchmark in its short form; `python -m benchmarks` lists them
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks all --short

core: .venv/bin/python ## The runtime's quick tests with the newest versions that this Python gets; no trainer, no ROS
	$(BIN)/pip install --quiet --disable-pip-version-check nox
	$(BIN)/nox --error-on-missing-interpreters --session "core-$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')"

trainer: .venv/trainer ## What trains your own gestures, without the test suite and ROS 2

soak: .venv/everything ## Ten minutes of the node under faults; fails where it breaks a limit
	$(BIN)/python -m benchmarks.soak --minutes 10

.venv/bin/python:
	@$(PYTHON) -c "$(TOO_OLD)"
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python setup.py constraints.txt
	$(PIP) --editable "$(RUNTIME)"
	@touch $@

.venv/trainer: .venv/bin/python setup.py constraints.txt
	$(PIP) --editable ".[mediapipe,cpu,train]"
	@touch $@

.venv/tools: .venv/runtime
	$(PIP) --editable "$(subst ],$(comma)test],$(RUNTIME))"
	@touch $@

.venv/everything: .venv/tools .venv/colcon/ready
	$(PIP) --editable "$(subst ],$(comma)test$(comma)browser$(comma)train],$(RUNTIME))"
	@touch $@

# colcon asks for a setuptools older than the one here, so it has an environment of its own, which sees the packages of
# this one behind its own.
.venv/colcon/ready: .venv/bin/python
	$(BIN)/python -m venv --clear .venv/colcon
	.venv/colcon/bin/pip install --quiet --disable-pip-version-check "setuptools<80" colcon-common-extensions
	$(BIN)/python -c "$(SITE)" > $$(.venv/colcon/bin/python -c "$(SITE)")/runtime.pth
	@touch $@

TOO_OLD := import sys; sys.exit('csre_ros needs Python 3.10 or newer, and $(PYTHON) is %d.%d: name another by make PYTHON=python3.12' % sys.version_info[:2] if sys.version_info < (3, 10) else 0)
SITE := import sysconfig; print(sysconfig.get_path('purelib'))
comma := ,

clean: ## Remove the virtual environment and everything that was built
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache demo.mp4 demo.png demo.jsonl
