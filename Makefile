# Every target installs what it needs first; see CONTRIBUTING.md.

PYTHON ?= python3

# Debian's Node.js only where there is none; the compiler and headers build mysqlclient.
APT_PACKAGES := \
	prosody prosody-modules ejabberd mariadb-server redis-server memcached haproxy monit nginx-light \
	profanity mcabber chromium tmux openssl wrk \
	fonts-dejavu-core fonts-noto-color-emoji \
	python3-venv python3-dev gcc pkg-config default-libmysqlclient-dev \
	$(if $(and $(shell command -v node),$(shell command -v npm)),,nodejs npm)

BIN := .venv/bin
INSTALLED := .venv/installed
MODULES := widget/node_modules/.package-lock.json
BUILT := rpc/static/widget.js
PACKAGES := switchboard gateway rpc parley
CHECKED := $(PACKAGES) tests bench cluster
WIDGET_SOURCES := $(shell find widget -name node_modules -prune -o -type f -print 2>/dev/null)

.PHONY: setup demo cluster test test-unit chaos lint format bench build clean packages

setup: packages $(INSTALLED) $(BUILT)

packages:
	@tools/install-packages $(APT_PACKAGES)

$(BIN)/python: | packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(INSTALLED): requirements.lock setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(MODULES): widget/package.json widget/package-lock.json | packages
	cd widget && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(BUILT): $(MODULES) $(WIDGET_SOURCES)
	cd widget && npm run --silent build
	@touch $@

demo: setup
	@exec $(BIN)/parley demo $(if $(HTTP_PORT),--http-port $(HTTP_PORT)) \
		$(if $(XMPP_PORT),--xmpp-port $(XMPP_PORT))

cluster: setup
	@exec $(BIN)/python -m cluster

test: setup
	cd widget && npm test && npm run size && npm run check
	$(BIN)/python -m pytest -n 3

test-unit: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 tests/unit tests/contract tests/edge

chaos: setup
	$(BIN)/python -m pytest -m long
	$(BIN)/python -m tests.chaos --server prosody $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.chaos --server ejabberd $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.cluster $(if $(SEED),--seed $(SEED))

lint: $(INSTALLED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy $(CHECKED)

format: $(INSTALLED)
	$(BIN)/ruff check --fix-only --quiet $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

bench: setup
	$(BIN)/python -m bench

build: setup
	rm -rf dist build
	$(BIN)/python -m build --no-isolation --outdir dist

clean:
	rm -rf .venv .demo .cluster build dist *.egg-info widget/node_modules rpc/static
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find $(CHECKED) -name __pycache__ -prune -exec rm -rf {} +
