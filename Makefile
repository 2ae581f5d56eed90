# Tasks of Ratewright. A machine needs Python >= 3.11 and make; everything else goes into .venv.
# `make help` prints the lines below that carry two hashes.

.PHONY: help .venv demo test test-deep test-postgresql fuzz fuzz-rating fuzz-decoders lives hostile check check-style check-words check-format check-types check-imports check-proto bench bench-close bench-rerate bench-service proto lock
.DEFAULT_GOAL := help

# Python to build .venv with. Each candidate is run before it is believed: a shim on PATH may name a version that is not there.
PYTHON ?= python3.13 python3.12 python3.11 python3.14 python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Prints the interpreter behind a candidate (never that of a virtual environment, which would clear itself away), or why it will not do.
PROBE := import sys; \
	found = "%d.%d" % sys.version_info[:2]; \
	supported = (3, 11) <= sys.version_info[:2] < (3, 15); \
	supported or sys.exit("%s is Python %s; Ratewright needs 3.11 to 3.14" % (sys.argv[1], found)); \
	import importlib.util as u; \
	missing = [m for m in ("venv", "ensurepip") if u.find_spec(m) is None]; \
	missing and sys.exit("%s lacks the module %s; install it, on Debian and Ubuntu: apt install python%s-venv" % (sys.argv[1], missing[0], found)); \
	import venv, ensurepip; \
	print(getattr(sys, "_base_executable", None) or sys.executable)

help: ## show this list
	@sed -n 's/^\([-.a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '%-23s %s\n' "$$name" "$$text"; done

.venv: .venv/.ready ## build or refresh .venv from requirements.lock (about 750 MB, a minute)

.venv/.deps: requirements.lock
	@python=; reasons=; \
	for candidate in $(PYTHON); do \
		if answer=$$($$candidate -W ignore -c '$(PROBE)' $$candidate 2>&1); then python=$$answer; break; fi; \
		case "$$answer" in *"Ratewright needs"*|*"lacks the module"*) reasons="$$reasons  $$answer\n";; esac; \
	done; \
	if [ -z "$$python" ]; then \
		printf "error: no Python 3.11 to 3.14 with its venv module was found (tried: $(PYTHON))\n$$reasons" >&2; \
		printf "  remedy: install one (Debian and Ubuntu: apt install python3 python3-venv), or name it: make .venv PYTHON=/path/to/python3.12\n" >&2; \
		exit 1; \
	fi; \
	echo "building .venv with $$python (about 750 MB, a minute)"; \
	"$$python" -m venv --clear .venv
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock || { \
		printf "error: the locked packages could not be installed\n  remedy: read pip's message above; a platform without wheels (Intel Macs) is not supported, an own index is set in pip's configuration\n" >&2; exit 1; }
	@touch $@

.venv/.ready: .venv/.deps pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# Peers of the benchmarks that no other command may find.
.venv/.peers: .venv/.ready requirements-peers.lock
	@$(PIP) install --require-hashes --only-binary :all: -r requirements-peers.lock
	@touch $@

demo: .venv/.ready ## a month of calls from switch files to posted invoices; SEED= ACCOUNTS= RECORDS= DIR=
	@$(BIN)/python examples/demo/run.py $(if $(SEED),--seed $(SEED)) $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(RECORDS),--records $(RECORDS)) $(if $(DIR),--dir '$(DIR)')

# A file stays in one worker, so that what its tests share (a finished demo, compiled tables) is made once.
test: .venv/.ready ## tests of every change, held to 16 processor minutes; ARGS= goes to pytest, such as ARGS='-m "not slow"'
	@$(BIN)/python -m tests.tiers test $(ARGS)

test-deep: .venv/.ready ## what `make test` leaves out (tests/tiers.py), then billing on PostgreSQL; ARGS= goes to pytest
	@$(BIN)/python -m tests.tiers deep $(ARGS)

# Each statement of billing, sent to a real PostgreSQL that comes with the development packages; POSTGRESQL_TESTS=tests/billing runs all tests there.
test-postgresql: .venv/.ready ## tests on PostgreSQL by the statements they send (tests/postgresql.txt); POSTGRESQL_TESTS= for all in a folder, ARGS= goes to pytest
ifdef POSTGRESQL_TESTS
	@RATEWRIGHT_TEST_STORE=postgresql $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m slow $(POSTGRESQL_TESTS) $(ARGS)
else
	@$(BIN)/python -m tests.tiers postgresql $(ARGS)
endif

fuzz: fuzz-rating fuzz-decoders ## both of the following, for hours; SEED= RECORDS= CASES=

fuzz-rating: .venv/.ready ## 20 million generated records, kernel against twin; SEED= RECORDS=
	@$(BIN)/python -m tests.rating.fuzz $(if $(SEED),--seed $(SEED)) $(if $(RECORDS),--records $(RECORDS))

fuzz-decoders: .venv/.ready ## a million damaged usage files through every decoder; SEED= CASES= FORMAT=
	@$(BIN)/python -m tests.mediation.fuzz $(if $(SEED),--seed $(SEED)) $(if $(CASES),--cases $(CASES)) $(if $(FORMAT),--format $(FORMAT))

lives: .venv/.ready ## random lives of accounts, billed step by step and at once; SEED= LIVES= KILLS= (real SIGKILLs a life)
	@$(BIN)/python -m tests.lives $(if $(SEED),--seed $(SEED)) $(if $(LIVES),--lives $(LIVES)) $(if $(KILLS),--kills $(KILLS))

hostile: .venv/.ready ## lines of 4 GiB that never end, in every text format: ten minutes
	@RATEWRIGHT_SPARSE_BYTES=4294967296 $(BIN)/pytest -q tests/mediation/test_hostile_files.py -k line_that_never_ends

check: check-style check-words check-format check-types check-imports check-proto ## style, words, format, types, import walls, generated code against its .proto

check-style: .venv/.ready
	$(BIN)/ruff check .
check-words: .venv/.ready
	$(BIN)/python -m tests.style.docstrings
	$(BIN)/python -m tests.style.messages
	$(BIN)/python -m tests.style.pages
check-format: .venv/.ready
	$(BIN)/ruff format --check .
check-types: .venv/.ready
	$(BIN)/mypy
	$(BIN)/mypy examples/switch_stream.py examples/finance_client.py examples/operator_client.py
check-imports: .venv/.ready
	$(BIN)/lint-imports --no-cache --no-logo
check-proto: .venv/.ready
	proto/generate.sh --check

# A value below its gate is printed as such and fails nothing; results that differ from a peer's or from the twin's do.
bench: .venv/.peers ## speed and memory against DuckDB, numpy, Polars, pandas: 10 M records, some five minutes; RECORDS=1000000 is quick
	@RECORDS=$(or $(RECORDS),10000000) $(BIN)/pytest -q -p no:xdist --benchmark-columns=median,min,rounds --benchmark-sort=fullname benchmarks

bench-close: .venv/.ready ## a month closed, stage by stage: ACCOUNTS=20000 RECORDS=2000000 STORE=sqlite|postgresql FLAT=1
	@$(BIN)/python -m benchmarks.closing.close $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(RECORDS),--records $(RECORDS)) $(if $(STORE),--store $(STORE)) $(if $(FLAT),--flat)

bench-service: .venv/.ready ## the service: streams over a bare stream, single calls over an empty one, identity over none; ACCOUNTS=20000 BATCHES=20
	@$(BIN)/python -m benchmarks.service.run $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(BATCHES),--batches $(BATCHES))

bench-rerate: .venv/.ready ## the re-rating of three billed months, previewed: ACCOUNTS=20000 RECORDS=1000000 (a month)
	@$(BIN)/python -m benchmarks.closing.rerate $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(RECORDS),--records $(RECORDS))

proto: .venv/.ready ## write the generated code anew from proto/**/*.proto
	proto/generate.sh

lock: ## resolve pyproject.toml into requirements.lock; needs uv
	@command -v uv >/dev/null || { printf "error: make lock needs uv, which is not in the lock itself\n  remedy: .venv/bin/python -m pip install uv, then PATH=.venv/bin:\$$PATH make lock\n" >&2; exit 1; }
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --group dev --extra pdf --extra einvoice --no-emit-index-url \
		--custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --group peers --constraint requirements.lock --no-emit-index-url \
		--custom-compile-command 'make lock' --output-file requirements-peers.lock
