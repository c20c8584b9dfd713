# SPDX-License-Identifier: GPL-3.0-or-later

SCENARIO ?= scenarios/node-churn.json
ARGS ?=
RELEASE := --configuration release --scratch-path .build-release
VENV := analysis/.venv
PLAN ?= plan.jsonl
RESULTS ?= results/node-churn
BROWSER ?= yes
SWIFT_SOURCES := Sources Tests Package.swift $(wildcard Benchmarks/Package.swift Benchmarks/Sources)

PREFIX ?= /usr/local
COMPLETIONS := .build/completions

.PHONY: help run test lab build release answers coverage lint format bench clean toolchain lab-tools
.PHONY: completions man install check-help analysis analysis-test analysis-tools report sweep
.DEFAULT_GOAL := help

help: ## Say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 15
	@echo 'Variables: SCENARIO (of make run; now $(SCENARIO)), PLAN (of make sweep), RESULTS (of make report; now $(RESULTS)),'
	@echo '           ARGS (more arguments for the program)'

run: toolchain ## Build, run $(SCENARIO) and show its report
	swift run sim $(SCENARIO) $(ARGS)

test: toolchain ## Run all tests
	swift build --build-tests
	swift test --skip-build
	@echo 'left out: the kernel lab, which sends real packets through our rules (make lab; needs Linux and root)'

lab: toolchain lab-tools ## Hold our rules against this machine's kernel (Linux, as root)
	swift build --product simlab
	$$(swift build --show-bin-path)/simlab validation/lab/cluster.yaml $(ARGS)
	$$(swift build --show-bin-path)/simlab validation/lab/cluster.yaml --damage --connections 100

build: toolchain ## Build for debugging
	swift build

release: toolchain ## Build for speed, into .build-release
	swift build $(RELEASE) --product sim

lint: ## Check the layout of every Swift file
	swift format lint --strict -r $(SWIFT_SOURCES)

format: ## Lay out every Swift file
	swift format -i -r $(SWIFT_SOURCES)

answers: release ## Answer the questions of all scenarios; the table goes into scenarios/README.md
	.build-release/release/sim answers $(filter-out %.schema.json,$(wildcard scenarios/*.json)) --update scenarios/README.md \
	  --theory validation/theory.csv

# 1,000 experiments of each kind, minutes; `simstudy coverage --experiments 100` is the quick form.
coverage: toolchain ## Measure how often intervals and verdicts are right; writes validation/coverage.csv and sequential.csv
	swift build $(RELEASE) --product simstudy
	.build-release/release/simstudy coverage --output validation/coverage.csv
	.build-release/release/simstudy sequential --output validation/sequential.csv

completions: build ## Completion scripts for bash, zsh and fish, into .build/completions
	mkdir -p $(COMPLETIONS)
	sim=$$(swift build --show-bin-path)/sim; for shell in bash zsh fish; do \
	  $$sim --generate-completion-script $$shell >$(COMPLETIONS)/$$shell || exit 1; done

man: build ## The manual page, into .build/sim.1 (needs Python)
	docs/man.py $$(swift build --show-bin-path)/sim >.build/sim.1

install: release completions man ## Install sim, completions and manual page under PREFIX (/usr/local)
	install -D -m 755 .build-release/release/sim $(DESTDIR)$(PREFIX)/bin/sim
	install -D -m 644 $(COMPLETIONS)/bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sim
	install -D -m 644 $(COMPLETIONS)/zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_sim
	install -D -m 644 $(COMPLETIONS)/fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/sim.fish
	install -D -m 644 .build/sim.1 $(DESTDIR)$(PREFIX)/share/man/man1/sim.1

check-help: release ## Run every example of every --help (needs Python)
	docs/check-help.py .build-release/release/sim

bench: toolchain ## Measure speed (release build)
	bash Benchmarks/run.sh $(ARGS)

analysis: $(VENV)/.installed ## Make analysis/.venv: Python with the package simanalysis

report: analysis ## Draw $(RESULTS) as one HTML page, report.html in it
	$(VENV)/bin/python -m simanalysis.report $(RESULTS) $(ARGS)

analysis-test: analysis analysis-tools release ## Test analysis/: report, sweep with a killed worker, SciPy against GSL
	swift build $(RELEASE) --product simstudy
	cd analysis && SIM='$(CURDIR)/.build-release/release/sim' .venv/bin/python -m pytest $(ARGS)

sweep: analysis release ## Run the jobs of $(PLAN) on all cores, into $(basename $(PLAN)).done
	SIM='$(CURDIR)/.build-release/release/sim' $(VENV)/bin/python -m simanalysis.sweep $(PLAN) \
	  --out $(basename $(PLAN)).done $(ARGS)

# Direct dependencies are pinned in pyproject.toml, everything that they pull in by constraints.txt (docs/sweeps-dask.md
# says how it is made anew).
$(VENV)/.installed: analysis/pyproject.toml analysis/constraints.txt
	@$(MAKE) --no-print-directory analysis-tools BROWSER=no
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed' >&2; exit 1; }
	rm -rf $(VENV)
	python3 -m venv $(VENV)
	PIP_CONSTRAINT='$(CURDIR)/analysis/constraints.txt' $(VENV)/bin/python -m pip install --quiet \
	  --disable-pip-version-check --editable 'analysis[recompute,report,sweep,test]'
	touch $@

clean: ## Remove what was built; results stay
	rm -rf .build .build-release $(VENV)

# What the build needs beside Swift: GSL with its headers, and pkg-config to find them. Installed where apt-get is
# there and we may use it; otherwise the message says what to install.
toolchain:
	@command -v swift >/dev/null || { echo 'Swift 6.2 or later is needed: https://www.swift.org/install' >&2; exit 1; }
	@if command -v pkg-config >/dev/null && pkg-config --exists gsl; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo 'GSL (2.5 or later) with its headers and pkg-config are needed; install them and try again' >&2; exit 1; \
	fi; \
	if [ "$$(id -u)" = 0 ]; then root=; \
	elif command -v sudo >/dev/null; then root=sudo; \
	else echo 'needed, as root: apt-get install libgsl-dev pkg-config' >&2; exit 1; fi; \
	echo 'installing libgsl-dev and pkg-config' >&2; \
	$$root apt-get update -q >&2 && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends libgsl-dev pkg-config >&2

# What the kernel lab needs beside Swift. It says itself what is missing where it cannot be installed.
lab-tools:
	@missing=; for pair in ip:iproute2 iptables-restore:iptables nft:nftables conntrack:conntrack; do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	if [ -z "$$missing" ] || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi; \
	echo "installing$$missing" >&2; \
	apt-get update -q >&2 && \
	env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing >&2

# What analysis/ needs beside Python: venv, which Debian packs apart, and (unless BROWSER=no) a browser in which its tests
# look at the report.
analysis-tools:
	@command -v python3 >/dev/null || { echo 'Python 3.11 or later is needed' >&2; exit 1; }
	@missing=; python3 -c 'import ensurepip, venv' 2>/dev/null || missing=python3-venv; \
	if [ '$(BROWSER)' = yes ]; then \
	command -v chromedriver >/dev/null || missing="$$missing chromium-driver"; \
	browser=; for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v $$name >/dev/null; then browser=$$name; fi; \
	done; [ -n "$$browser" ] || missing="$$missing chromium"; fi; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then echo "needed:$$missing (or what this system calls it)" >&2; exit 1; fi; \
	if [ "$$(id -u)" = 0 ]; then root=; \
	elif command -v sudo >/dev/null; then root=sudo; \
	else echo "needed, as root: apt-get install $$missing" >&2; exit 1; fi; \
	echo "installing $$missing" >&2; \
	$$root apt-get update -q >&2 && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing >&2
