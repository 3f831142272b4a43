# The front door: each target is one command on a fresh Debian machine. Meson does the building; this file only says
# which folder, which compiler and in what order.
#
# CC is always set for Meson, which would otherwise wrap the compiler in any compiler cache it finds on PATH.

CC = gcc
BUILD = build/gcc
DIST = build/dist
PREFIX = /usr/local
DESTDIR =
FUZZ_SECONDS = 20
JOBS = $(shell nproc)
PYTHON = /usr/bin/python3

MESON_SETUP = CC=$(CC) meson setup --prefix=/ --libdir=lib

.PHONY: all setup dist run test bench install asan tsan fuzz lint format clean

all: dist

setup:
	@tools/setup

$(BUILD)/build.ninja:
	$(MESON_SETUP) $(BUILD)

# The tree that an installation would have, runnable where it lies: every program finds the others from its own place.
dist: | setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS)
	@DESTDIR=$(abspath $(DIST)) meson install -C $(BUILD) --no-rebuild --only-changed --quiet

run: dist
	@tools/run-demo $(DIST)

test: dist
	@$(PYTHON) tools/run-tests --build $(BUILD) --dist $(DIST)

bench: dist
	@bench/run $(DIST)

install: dist
	DESTDIR=$(DESTDIR)$(PREFIX) meson install -C $(BUILD) --no-rebuild --strip --quiet

# Address and undefined-behaviour sanitizers over everything; the client stays as it is (static musl has no runtime
# for them), so its modules are covered by the unit tests and by the fuzz corpora.
asan: | setup
	@test -e build/asan/build.ninja || \
		$(MESON_SETUP) build/asan -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C build/asan -j $(JOBS)
	@DESTDIR=$(abspath build/asan/dist) meson install -C build/asan --no-rebuild --only-changed --quiet
	@$(PYTHON) tools/run-tests --build build/asan --dist build/asan/dist --no-suite tree

# Thread sanitizer over the parts that have threads: the unit tests and the end-to-end tests of the daemon.
tsan: | setup
	@test -e build/tsan/build.ninja || $(MESON_SETUP) build/tsan -Db_sanitize=thread -Db_lundef=false
	@ninja -C build/tsan -j $(JOBS)
	@DESTDIR=$(abspath build/tsan/dist) meson install -C build/tsan --no-rebuild --only-changed --quiet
	@$(PYTHON) tools/run-tests --build build/tsan --dist build/tsan/dist --no-suite tree

fuzz: | setup
	@test -e build/fuzz/build.ninja || CC=clang meson setup build/fuzz --prefix=/ --libdir=lib \
		-Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C build/fuzz -j $(JOBS)
	@tools/run-fuzz build/fuzz $(FUZZ_SECONDS)

# The slow static checks; the quick ones (layers, prefixes, format …) are tests.
lint: | setup
	@test -e build/clang/build.ninja || CC=clang meson setup build/clang --prefix=/ --libdir=lib
	@ninja -C build/clang -j $(JOBS)
	@tools/run-lint build/clang

format:
	git ls-files -co --exclude-standard '*.c' '*.h' '*.cc' | xargs clang-format -i

clean:
	rm -rf build/gcc build/dist build/clang build/asan build/tsan build/fuzz build/demo
