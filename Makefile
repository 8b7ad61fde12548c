# Every command of the project. `make help` lists them.
#
# PREFIX and DESTDIR as usual: `make install PREFIX=/usr DESTDIR=pkg`.
# Each target first installs the Debian packages that it misses (scripts/install-dependencies).

PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= /etc
SYSTEMD_UNITS ?= $(PREFIX)/lib/systemd/system
SWIFT ?= swift
# Colours follow the terminal and are part of each compiler's command line: with them, a build whose output
# goes elsewhere than the last one's would compile everything again.
RELEASE = $(SWIFT) build -c release --static-swift-stdlib --no-color-diagnostics

.DEFAULT_GOAL := help
.PHONY: help run build test install uninstall generate lint format bench bench-quick sanitize fuzz soak clean

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: ## build, serve from an embedded database, print a command to try
	@scripts/run --check
	@$(MAKE) --no-print-directory build
	@scripts/run

build: ## release build at .build/release/tally
	@scripts/install-dependencies build
	$(RELEASE) --product tally

test: ## the whole suite: Swift, then each client's
	@scripts/install-dependencies build test
	@scripts/test

install: build ## install tally, completions, systemd units and user (PREFIX, DESTDIR)
	@scripts/install "$(DESTDIR)" "$(PREFIX)" "$(SYSTEMD_UNITS)" "$(SYSCONFDIR)"

uninstall: ## remove what install put there
	@scripts/install --remove "$(DESTDIR)" "$(PREFIX)" "$(SYSTEMD_UNITS)" "$(SYSCONFDIR)"

generate: ## messages, stubs and the descriptor set, from proto/
	@scripts/install-dependencies build generate
	@scripts/generate

lint: ## swift format, tidy, C, Python, Go and shell
	@scripts/install-dependencies build lint
	@scripts/lint

format: ## rewrite the sources in the project's format
	@scripts/install-dependencies lint
	@scripts/lint --fix

bench: ## measure everything against the floors and peers; writes docs/BENCHMARKS.md's tables
	@scripts/install-dependencies build bench
	@scripts/bench

bench-quick: ## the same in under two minutes, printed only
	@scripts/install-dependencies build bench
	@scripts/bench --quick

sanitize: ## the Swift suite under the thread and the address sanitizer
	@scripts/install-dependencies build test
	@scripts/sanitize

fuzz: ## four hours of fuzzing what reads bytes (scripts/fuzz --seconds N TARGET...)
	@scripts/install-dependencies build
	@scripts/fuzz

soak: ## the proofs at length, another seed each time (scripts/soak PART...)
	@scripts/install-dependencies build test
	@scripts/soak

clean: ## remove what was built
	rm -rf .build .build-thread .build-address .build-part .build-fuzz .build-soak
