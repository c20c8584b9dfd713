# SPDX-License-Identifier: GPL-3.0-or-later

SCENARIO ?= scenarios/node-churn.json
ARGS ?=
RELEASE := --configuration release --scratch-path .build-release
SWIFT_SOURCES := Sources Tests Package.swift $(wildcard Benchmarks/Package.swift Benchmarks/Sources)

PREFIX ?= /usr/local
COMPLETIONS := .build/completions

.PHONY: completions man install check-help help run test lab build release answers lint format bench clean toolchain lab-tools
.DEFAULT_GOAL := help

help: ## Say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10
	@echo 'Variables: SCENARIO (of make run; now $(SCENARIO)), ARGS (more arguments for sim)'

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

clean: ## Remove what was built; results stay
	rm -rf .build .build-release

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
