# The ways into twinpool. `make help` lists them; what is installed on the machine, scripts/setup.sh installs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
CARGO := . scripts/rust.sh && cargo

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
DESTDIR ?=
# What install takes: release or debug.
PROFILE ?= release

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# The same number as in build.rs. Changes when the C interface does, and only then.
SOVERSION := 0
BUILT := target/$(PROFILE)
SOURCES := Cargo.toml Cargo.lock build.rs cli/Cargo.toml $(shell find src cli/src -name '*.rs')

.PHONY: help all demo test bench soak docs install uninstall clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

all: $(BUILT)/libtwinpool.so ## the library and the command, optimised

demo: ## a pair of SQLite files: mirror away, work goes on, mirror back, replay, verify
	@scripts/setup.sh demo
	@if [ -x scripts/demo.sh ]; then scripts/demo.sh; else echo "demo: there is no scripts/demo.sh yet"; fi

test: ## all tests, servers included; ONLY=main,death,… for some parts
	@scripts/setup.sh test
	@scripts/run-tests.sh $(ONLY)

bench: ## measurements; ONLY=mirror|values|pool|hosts for one
	@scripts/setup.sh test
	@scripts/run-bench.sh $(ONLY)

soak: ## hours of deaths, outages and load; ROUNDS=200, HEALTHY_SECONDS=60
	@scripts/setup.sh test
	@$(CARGO) test --test death --test main --no-fail-fast -- --nocapture || true
	@$(CARGO) test --test values eight_sessions -- --nocapture || true
	@$(CARGO) test -p twinpool -p twinpool-interleavings --test pool --test interleavings -- --nocapture || true
	@$(CARGO) test --lib pool:: -- --nocapture || true
	@$(CARGO) test -p twinpool-model --release --features soak -- --nocapture || true
soak: export TWINPOOL_ROUNDS := $(or $(ROUNDS),200)
soak: export TWINPOOL_HEALTHY_SECONDS := $(or $(HEALTHY_SECONDS),60)

docs: ## API pages, and the pages and constants that are generated from the code
	@$(CARGO) doc --no-deps --workspace
	@$(CARGO) run --quiet --example configuration >docs/configuration.md
	@TWINPOOL_RENEW=1 $(SHELL) -c '. scripts/rust.sh && cargo test --quiet --lib'

# One cargo run makes both: the command is linked against the same sources.
$(BUILT)/libtwinpool.so: $(SOURCES)
	@$(CARGO) build -p twinpool -p twinpool-cli $(if $(filter release,$(PROFILE)),--release)
	@touch $@

install: $(BUILT)/libtwinpool.so ## into PREFIX (default /usr/local), below DESTDIR
	@test -f include/twinpool.h || { echo "install: include/twinpool.h is missing" >&2; exit 1; }
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)" "$(DESTDIR)$(BINDIR)"
	install -m 755 $(BUILT)/libtwinpool.so "$(DESTDIR)$(LIBDIR)/libtwinpool.so.$(VERSION)"
	ln -sf libtwinpool.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/libtwinpool.so.$(SOVERSION)"
	ln -sf libtwinpool.so.$(SOVERSION) "$(DESTDIR)$(LIBDIR)/libtwinpool.so"
	install -m 644 include/twinpool.h "$(DESTDIR)$(INCLUDEDIR)/twinpool.h"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' twinpool.pc.in >"$(DESTDIR)$(LIBDIR)/pkgconfig/twinpool.pc"
	chmod 644 "$(DESTDIR)$(LIBDIR)/pkgconfig/twinpool.pc"
	install -m 755 $(BUILT)/twinpool "$(DESTDIR)$(BINDIR)/twinpool"
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

uninstall: ## what install put there
	rm -f "$(DESTDIR)$(LIBDIR)/libtwinpool.so.$(VERSION)" "$(DESTDIR)$(LIBDIR)/libtwinpool.so.$(SOVERSION)" \
	    "$(DESTDIR)$(LIBDIR)/libtwinpool.so" "$(DESTDIR)$(LIBDIR)/pkgconfig/twinpool.pc" \
	    "$(DESTDIR)$(INCLUDEDIR)/twinpool.h" "$(DESTDIR)$(BINDIR)/twinpool"

clean: ## what was built
	@$(CARGO) clean
