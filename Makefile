# The two commands of the README are `make run` and `make test`. Every step is a script or one line that works by itself.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test packages lint format build unit release endtoend fuzz bench gas soak clean

# An undeclared import of a sibling target is an error, not a habit.
STRICT := --explicit-target-dependency-import-check error
# The command carries the Swift runtime with it, and checks exclusive access in debug, where the tests run.
RELEASE := -c release --product farebox --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked
SOURCES := Package.swift Sources Tests Fuzz bench

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

run: packages ## Builds in release and runs the demonstration
	swift build $(RELEASE)
	"$$(swift build -c release --show-bin-path)/farebox" demo

test: packages lint unit release endtoend fuzz ## Everything that CI asks for

packages: ## Installs the system packages that are missing
	@dev/install-packages

lint: ## Format, import direction, sizes and leftovers
	swift format lint --strict --recursive --parallel $(SOURCES)
	dev/check-imports
	dev/check-tidy
	dev/check-docs

format: ## Formats the Swift sources in place
	swift format --in-place --recursive --parallel $(SOURCES)

unit: ## Builds everything in debug and runs the Swift tests
	swift build $(STRICT) --build-tests
	swift test --skip-build $(if $(FILTER),--filter $(FILTER))

release: ## Builds the command in release
	swift build $(STRICT) $(RELEASE)

endtoend: release ## Drives the release binary with the official client (TESTS=… picks files or -k)
	@dev/install-packages test
	dev/run-endtoend $(TESTS)

fuzz: ## Fuzzes every parser, the same short run each time (SECONDS_EACH=… searches on, TARGETS=…)
	dev/run-fuzz

bench: packages ## Measures against nginx on the same machine
	@dev/install-packages bench
	swift build $(RELEASE)
	dev/run-bench

gas: ## Prints what a payment costs on chain, alone and in batches
	@dev/run-gas

soak: release ## Ten minutes of churn at the edge, a thousand payments on a chain (SOAK_SEED=…, EDGE_SOAK_SECONDS=…, SOAK_PAYMENTS=…)
	EDGE_SOAK_SECONDS="$${EDGE_SOAK_SECONDS:-600}" SOAK_PAYMENTS="$${SOAK_PAYMENTS:-1000}" SOAK_SEED="$${SOAK_SEED:-$$RANDOM}" \
		dev/run-endtoend -s Tests/EndToEnd/test_edge_soak.py Tests/EndToEnd/test_soak.py

clean: ## Removes what was built
	rm -rf .build .cache
