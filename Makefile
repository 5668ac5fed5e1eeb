# The short way to everything; `make help` lists it. The builds themselves are CMake presets (CMakePresets.json).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
PROMPT ?= The capital of France is
MODEL ?=
ARGS ?=
CTEST_ARGS ?=
FUZZ_SECONDS ?= 30
# Prompts are text, not make: `value` keeps a $ in them, and the environment carries quotes past the shell.
override PROMPT := $(value PROMPT)
override MODEL := $(value MODEL)
export PROMPT MODEL

# Configures build/$(1) where that was never done, or the presets have changed since; Ninja re-runs CMake for the rest.
configure = if [ ! -f build/$(1)/build.ninja ] || [ CMakePresets.json -nt build/$(1)/build.ninja ]; then cmake --preset $(1); fi
build = $(call configure,$(1)); cmake --build build/$(1) -j $(JOBS)
test = ctest --preset $(1) -j $(JOBS) $(CTEST_ARGS)

help: ## show this list
	@echo 'Sterna: an engine and toolbox for ternary (1.58-bit) language models. Packages that are missing are installed by apt.'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo
	@echo '  Variables: PROMPT="text" MODEL=file.gguf ARGS="more arguments of sterna run" JOBS=2 FUZZ_SECONDS=30'

run: ## build and complete PROMPT with MODEL (without MODEL: downloads SmolLM2-135M, 98 MB, once)
	@tools/setup.sh build >&2
	@{ $(call build,release) --target sterna; } >&2
	@model=$$MODEL; [ -n "$$model" ] || model=$$(tools/fetch_model.py); exec build/release/bin/sterna run "$$model" "$$PROMPT" $(ARGS)

build: ## build everything (release preset, build/release/bin/)
	@tools/setup.sh build
	@$(call build,release)

test: ## build everything and run every test
	@tools/setup.sh test
	@$(call build,release)
	@$(call test,release)

check: ## the checks that need no build: layout, rooms, file sizes, text
	@tools/setup.sh format
	@failed=0; for check in format rooms file_sizes tracked_text; do \
	  echo "== $$check"; python3 -B tests/checks/$$check.py || { status=$$?; [ $$status -eq 77 ] || failed=1; }; done; exit $$failed

format: ## rewrite the C++ files in the house layout
	@tools/setup.sh format
	@python3 -B tests/checks/format.py --fix

tidy: ## clang-tidy on the C++ files changed against BASE (default: main)
	@tools/setup.sh tidy clang build
	@$(call configure,clang)
	@tools/tidy.sh $(BASE)

asan: ## build and test with AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/setup.sh test
	@$(call build,asan)
	@$(call test,asan)

tsan: ## build and test with ThreadSanitizer
	@tools/setup.sh test
	@$(call build,tsan)
	@$(call test,tsan)

clang: ## build and test with clang 14
	@tools/setup.sh test clang
	@$(call build,clang)
	@$(call test,clang)

fuzz: ## build the fuzz targets, replay their corpora, fuzz each for FUZZ_SECONDS
	@tools/setup.sh fuzz
	@$(call build,fuzz)
	@tools/fuzz.sh $(FUZZ_SECONDS)

aarch64: ## cross-build everything for AArch64 (build/aarch64/bin/)
	@tools/setup.sh aarch64
	@$(call build,aarch64)

model: ## download the first model and print its path
	@tools/fetch_model.py

clean: ## remove every build
	rm -rf build

.PHONY: help run build test check format tidy asan tsan clang fuzz aarch64 model clean
