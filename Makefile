.DEFAULT_GOAL := help
.PHONY: help run test check bench format conformance

# check and test build the same way, so that nothing is compiled twice.
STRICT := FREEIM_WARNINGS=error

# Tests with clocks or servers of their own, one target at a time: side by side they take each other's time.
SERVER_TESTS := FreeIMAPITests|FreeIMDaemonTests|RedisClientTests|FreeIMRedisTests|FreeIMRedisPresenceTests|FreeIMTokenAuthTests|IntegrationTests

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: ## build and run a node on the built-in manifest, with the demo page
	scripts/bootstrap run
	swift build -c release --product freeimd
	.build/release/freeimd run

test: ## build and run all tests, and the examples
	scripts/bootstrap test
	$(STRICT) swift build --build-tests
	$(STRICT) swift test --skip-build --skip '^($(SERVER_TESTS))\.'
	for tests in $(subst |, ,$(SERVER_TESTS)); do $(STRICT) swift test --skip-build --filter "^$$tests\." || exit 1; done
	.build/debug/chaos --seconds 20 --seed 72
	scripts/examples

check: ## format, warnings as errors, imports, habits
	scripts/bootstrap test
	scripts/check

format: ## format all Swift sources
	swift format --in-place --parallel --recursive Package.swift Sources Tests Examples Benchmarks Fuzzing

bench: ## measure a release build beside the cheapest possible server, against the targets (ARGS=--quick: three minutes)
	scripts/bootstrap bench
	Benchmarks/suite $(ARGS)

.PHONY: bench-cluster bench-faults bench-latency bench-endurance
bench-cluster: ## measure 50,000 connections to three nodes on Redis
	scripts/bootstrap bench
	Benchmarks/cluster

bench-faults: ## kill and stop nodes and Redis under 15,000 connections, and check what becomes of them
	scripts/bootstrap bench
	Benchmarks/faults

bench-latency: ## measure point to point messages through Redis
	scripts/bootstrap bench
	Benchmarks/latency

bench-endurance: ## two hours of coming and going, terminals that never read, slow handshakes (ARGS=--quick: five minutes)
	scripts/bootstrap bench
	Benchmarks/endurance $(ARGS)

.PHONY: bench-micro bench-check bench-allow
# The benchmarks import FreeIMCore as tests do.
MICRO := swift run -c release --package-path Benchmarks -Xswiftc -enable-testing micro

bench-micro: ## time the steps of the message path, and count their allocations
	scripts/bootstrap run
	$(MICRO)

bench-check: ## fail where a step of the message path makes more allocations than before
	scripts/bootstrap run
	$(MICRO) --check Benchmarks/thresholds.json

bench-allow: ## allow the allocations that are made now
	scripts/bootstrap run
	$(MICRO) --allow Benchmarks/thresholds.json

conformance: ## run the Autobahn test suite against a release build
	scripts/bootstrap bench
	Benchmarks/conformance

.PHONY: chaos
chaos: ## faults at random under terminals and senders, with an account of each message (ARGS="--seconds 1800 --seed 7")
	scripts/bootstrap test
	swift build -c release --product freeimd
	swift build -c release --product chaos
	.build/release/chaos $(ARGS)

.PHONY: fuzz sanitize
fuzz: ## feed each parser with made-up input for a minute (ARGS="envelope --seconds 600")
	scripts/bootstrap run
	Fuzzing/run $(ARGS)

sanitize: ## run all tests, and their nodes, under the thread and the address sanitizer (ARGS=thread)
	scripts/bootstrap test
	scripts/sanitize $(ARGS)
