# make demo [VIDEOS=~/Videos] [PORT=8501]   a library, indexed, and its page at http://127.0.0.1:8501
# make test                                 style, types, all tests
# make coverage                             all tests, and which lines none of them runs (half as long again)
# All do their own set-up in .venv; all they need is Python >= 3.11 with its venv module.

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
VIDEOS ?=

# The first Python that really runs, is new enough and can make an environment. PYTHON=... overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	if $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)

PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test coverage check install help pins clean

help:
	@sed -n '1,4s/^# //p' Makefile

install: $(VENV)/.installed-base

demo: $(VENV)/.installed-base
	$(BIN)/vret demo --port $(PORT) $(if $(VIDEOS),--videos "$(VIDEOS)")

# A test process needs up to 1.5 GB, so no more than four run at once; the tests of a file stay in one. In the order of
# their folders, since the long files of browser and e2e would otherwise come last.
# The tests run even when style or types fail, so that one slip does not hide another; either fails the command.
test: $(VENV)/.installed-dev
	@style=0; $(MAKE) --no-print-directory check || style=$$?; \
	$(PYTEST) $(PYTEST_ARGS) || exit $$?; \
	if [ $$style != 0 ]; then echo "The tests pass, but ruff or mypy does not: see the top, or run: make check" >&2; fi; exit $$style

coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-report=term $(PYTEST_ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Writes the versions of the present environment as the pins, without local version labels such as +cpu; the pins of the
# gpu extra, which cannot be installed beside the cpu extra, are kept.
pins: $(VENV)/.installed-dev
	{ head -n 1 constraints.txt; $(BIN)/python -m pip freeze --all --exclude pip --exclude-editable | grep -v '^-e\|^#' | sed 's/+[a-z0-9.]*$$//'; \
	  grep '^[a-z]*-gpu==' constraints.txt; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV)

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "vret needs Python 3.11 or newer with its venv module. On Debian or Ubuntu: apt-get install python3 python3-venv; or name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# The stamps are older than the files they depend on only when something to install has changed, so a second run costs nothing.
$(VENV)/.installed-base: $(VENV)/.created pyproject.toml constraints.txt
	$(PIP) --editable '.[cpu]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.created pyproject.toml constraints.txt
	$(PIP) --editable '.[cpu,train,dev]'
	touch $@ $(VENV)/.installed-base
