# The front door: each target is one command on a fresh Debian machine. Meson does the building; this file only says
# which folder, which compiler and in what order (docs/decisions/0001-meson-behind-make.md).

CC = gcc
BUILD = build/$(CC)
DIST = build/dist
PREFIX = /usr/local
DESTDIR =
FUZZ_SECONDS = 20
SOAK_SECONDS = 3600
JOBS = $(shell nproc)
PYTHON = /usr/bin/python3

# $(call build,FOLDER,COMPILER,OPTIONS): configured once, then built. CC is always set for Meson, which would otherwise
# run the compiler through any compiler cache that it finds on PATH. The prefix is "/", so that what is installed below
# DESTDIR is a tree that can lie anywhere.
define build
	@test -e $(1)/.configured || { CC=$(2) meson setup $(if $(wildcard $(1)/build.ninja),--reconfigure) \
		--prefix=/ --libdir=lib $(3) $(1) && touch $(1)/.configured; }
	@ninja -C $(1) -j $(JOBS)
endef

# $(call install,FOLDER,WHERE,OPTIONS)
install_to = @DESTDIR=$(2) meson install -C $(1) --no-rebuild --only-changed --quiet $(3)

run_tests = @$(PYTHON) tools/run-tests --build $(1) --dist $(2) $(3)

.PHONY: all setup dist run test bench soak install asan tsan fuzz lint format clean

all: dist

setup:
	@tools/setup

# The tree that an installation would have, runnable where it lies: every program finds the others from its own place.
dist: setup
	$(call build,$(BUILD),$(CC))
	$(call install_to,$(BUILD),$(abspath $(DIST)))

run: dist
	@tools/run-demo $(DIST)

test: dist
	$(call run_tests,$(BUILD),$(DIST))

bench: dist
	@bench/run

# Made projects and edits against the plain compiler, with new seeds each time; HPCC_SEED=N replays one.
soak: dist
	@tools/soak --seconds $(SOAK_SECONDS) $(DIST)

install: dist
	$(call install_to,$(BUILD),$(DESTDIR)$(abspath $(PREFIX)),--strip)

# Address and undefined-behaviour sanitizers over everything but the client, a static musl program, for which there is
# no runtime: its modules are covered by unit tests and fuzz corpora.
asan: setup
	$(call build,build/asan,gcc,-Db_sanitize=address$(,)undefined -Db_lundef=false)
	$(call install_to,build/asan,$(abspath build/asan/dist))
	$(call run_tests,build/asan,build/asan/dist,--no-suite tree)

# Thread sanitizer: unit tests, and the daemon under the end-to-end tests.
tsan: setup
	$(call build,build/tsan,gcc,-Db_sanitize=thread -Db_lundef=false)
	$(call install_to,build/tsan,$(abspath build/tsan/dist))
	$(call run_tests,build/tsan,build/tsan/dist,--no-suite tree)

fuzz: setup
	$(call build,build/fuzz,clang,-Dfuzz=true -Db_sanitize=address$(,)undefined -Db_lundef=false)
	@tools/run-fuzz build/fuzz $(FUZZ_SECONDS)

# The slow static checks, on a clang build's database; the quick ones (layers, prefixes, format …) are tests.
lint: setup
	$(call build,build/clang,clang)
	@tools/run-lint build/clang

format:
	git ls-files -co --exclude-standard '*.c' '*.h' '*.cc' | xargs clang-format -i

# Not build/deps: it would have to be downloaded again.
clean:
	rm -rf build/gcc build/dist build/clang build/asan build/tsan build/fuzz build/demo build/soak

# A comma inside of a call's argument.
, := ,
