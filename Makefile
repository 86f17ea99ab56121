# The short way to everything. `make demo` and `make test` need no step before them: what is missing is installed from
# Debian, then built. For other settings use CMake itself; the options are at the top of CMakeLists.txt.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
ARGS ?=

SOURCES = $(shell git ls-files 'core/*.h' 'core/*.cc' 'plugins/*.h' 'plugins/*.cc' 'sdk/*.hpp' 'sdk/python/*.h' 'sdk/*.cc' 'tests/*.h' \
            'tests/*.cc' 'bench/*.h' 'bench/*.cc')

configure = cmake -G Ninja -S . -B $(1) -DMS_DEVELOPER=ON $(2)

.PHONY: help deps build test demo test-asan test-tsan fuzz soak bench format tidy wheel install clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install the missing Debian packages
	@scripts/install_deps.sh

build: deps ## build the command, the library and the plugins into build/
	@$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release) >/dev/null
	@cmake --build $(BUILD) --target core/all plugins/all

test: deps ## build everything, warnings as errors, and run every test
	@$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release) >/dev/null
	@cmake --build $(BUILD)
	@ctest --test-dir $(BUILD) --output-on-failure -j$(JOBS) $(ARGS)

demo: build ## serve handwritten digits while a second process, the trainer, pushes new weights
	@scripts/demo.sh $(BUILD) $(ARGS)

test-asan: deps ## run every test under the address and undefined behaviour sanitizers
	@$(call configure,$(BUILD)-asan,-DMS_SANITIZE=address$(comma)undefined $(sanitized)) >/dev/null
	@cmake --build $(BUILD)-asan
	@UBSAN_OPTIONS=print_stacktrace=1 ctest --test-dir $(BUILD)-asan --output-on-failure -j$(JOBS) $(ARGS)

test-tsan: deps ## run every test under the thread sanitizer
	@$(call configure,$(BUILD)-tsan,-DMS_SANITIZE=thread $(sanitized)) >/dev/null
	@cmake --build $(BUILD)-tsan
	@TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan_suppressions.txt ctest --test-dir $(BUILD)-tsan --output-on-failure -j$(JOBS) $(ARGS)

fuzz: ## fuzz every format, FUZZ_SECONDS (600) each: tests/fuzz/README.md
	@scripts/install_deps.sh --fuzz
	@$(call configure,$(BUILD)-fuzz,-DMS_FUZZ=ON -DMS_SANITIZE=address$(comma)undefined -DCMAKE_BUILD_TYPE=Release \
	  -DCMAKE_CXX_FLAGS_RELEASE="-O1 -g1" -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DMS_BENCH=OFF) >/dev/null
	@cmake --build $(BUILD)-fuzz --target fuzz
	@JOBS=$(JOBS) scripts/fuzz.sh $(BUILD)-fuzz $(ARGS)

soak: deps ## run for an hour what `make test` runs in a short form: tests/soak
	@$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release) >/dev/null
	@cmake --build $(BUILD) --target test_soak
	@MS_SOAK=full $(BUILD)/bin/test_soak $(ARGS)

bench: deps ## build and run the benches, one after the other
	@$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release -DMS_BENCH=ON) >/dev/null
	@cmake --build $(BUILD)
	@for bench in $(BUILD)/bin/bench_*; do $$bench $(ARGS) || exit 1; done

format: ## format the sources in place
	@scripts/install_deps.sh --tidy
	@clang-format -i $(SOURCES)

tidy: ## check names and common mistakes with clang-tidy
	@scripts/install_deps.sh --tidy
	@$(call configure,$(BUILD)-tidy,-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++) >/dev/null
	@run-clang-tidy -quiet -p $(BUILD)-tidy -j $(JOBS) '$(CURDIR)/(core|plugins)/.*'

wheel: deps ## build the Python package, build/wheel/midstream-VERSION-cp311-abi3-linux_x86_64.whl
	@$(call configure,$(BUILD),-DCMAKE_BUILD_TYPE=Release) >/dev/null
	@cmake --build $(BUILD) --target core/all plugins/all sdk/python/all
	@scripts/wheel.sh $(BUILD)

install: build ## install the command, library, plugins, headers and SDK under PREFIX (/usr/local)
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## remove what was built
	@rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-tidy

comma := ,
sanitized = -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1" -DCMAKE_C_FLAGS_DEBUG="-O1 -g1" -DMS_BENCH=OFF
