# `make help` lists the targets. Each of them goes through every module of the workspace (go.work).

SHELL := bash
.NOTPARALLEL:

TIMEOUT   ?= 15m
FUZZTIME  ?= 60s
SOAKREADS ?= 10000000
TORTURE   ?= 60m

# What tests run against.
servers := redis postgres mariadb etcd zookeeper kafka connect

lint_tool := $(CURDIR)/.bin/golangci-lint

# $(call each,command) runs a command in each module and stops at the first that fails. The list is read before
# the loop, so that a broken go.work is a failure and not an empty list.
each = set -euo pipefail; dirs=$$(go list -m -f '{{.Dir}}'); for dir in $$dirs; do (cd "$$dir"; $(1)); done

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Settings: TIMEOUT=$(TIMEOUT) FUZZTIME=$(FUZZTIME) SOAKREADS=$(SOAKREADS) TORTURE=$(TORTURE)"

.PHONY: test
test: tools vet lint race examples ## everything: install what is missing, vet, lint, race tests, examples

.PHONY: tools
tools: ## install the servers of the tests, a C compiler and golangci-lint where they are missing
	@scripts/install-tools.sh

.PHONY: vet
vet: ## go vet
	@$(call each,go vet ./...)

.PHONY: lint
lint: ## golangci-lint
	@scripts/install-tools.sh lint
	@$(call each,$(lint_tool) run --config $(CURDIR)/.golangci.yml ./...)

.PHONY: fmt
fmt: ## format the code as lint wants it
	@scripts/install-tools.sh lint
	@$(call each,$(lint_tool) fmt --config $(CURDIR)/.golangci.yml ./...)

.PHONY: race
race: ## all tests under the race detector
	@scripts/install-tools.sh $(servers) cc
	@$(call each,CGO_ENABLED=1 go test -race -timeout $(TIMEOUT) ./...)

.PHONY: examples
examples: ## build every example and run those that measure for three seconds each
	@$(call each,mains=$$(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./... | grep /examples/ || true); \
		[ -z "$$mains" ] || go build -o /dev/null $$mains)
	@for example in 'quickstart -for 3s' 'kafka -for 3s -pause 1s'; do \
		out=$$(go run ./examples/$$example 2>&1) || { echo "$$out"; echo "examples/$$example failed"; exit 1; }; \
	done

.PHONY: cover
cover: ## coverage by all tests, in cover/*.out and cover/*.html
	@scripts/install-tools.sh $(servers)
	@rm -rf cover; mkdir cover
	@$(call each,path=$$(GOWORK=off go list -m); out=$(CURDIR)/cover/$${path##*/}; \
		go test -timeout $(TIMEOUT) -coverpkg=./... -coverprofile=$$out.out ./... ; \
		go tool cover -html=$$out.out -o $$out.html; go tool cover -func=$$out.out | tail -1)

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@scripts/install-tools.sh redis
	@$(call each,targets=$$(go test -list '^Fuzz' ./... \
		| awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { while (n) print $$2 " " names[--n] }'); \
		while read -r package name; do \
			[ -z "$$name" ] || go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x "$$package" </dev/null; \
		done <<<"$$targets")

.PHONY: mutants
mutants: ## break each rule of the protocol, one at a time: the test that holds it must fail
	@scripts/install-tools.sh redis
	@go test ./internal/mutants -run '^TestNoMutantSurvives$$' -v -timeout 60m -mutants

.PHONY: torture
torture: ## processes, faults and a checker of histories, for TORTURE
	@scripts/install-tools.sh redis cc
	go run ./internal/torture -for $(TORTURE) -nemesis all

.PHONY: peers
peers: ## measure cachet beside its peers, and draw docs/benchmarks.md from it: 20 minutes, on a quiet machine
	@scripts/install-tools.sh redis
	go run ./bench/peers -json bench/peers.json; status=$$?; go run ./bench/report -json bench/peers.json; exit $$status

.PHONY: soak
soak: ## the torture test with SOAKREADS reads
	@scripts/install-tools.sh redis
	go test ./internal/torture/soak -run '^TestSoakNoReadIsStale$$' -timeout 60m -v -soak.reads=$(SOAKREADS)

.PHONY: soak-race
soak-race: ## the same under the race detector
	@scripts/install-tools.sh redis cc
	CGO_ENABLED=1 go test -race ./internal/torture/soak -run '^TestSoakNoReadIsStale$$' -timeout 60m -v -soak.reads=$(SOAKREADS)

.PHONY: tidy-check
tidy-check: ## fail where go.mod or go.sum is not tidy
	@$(call each,go mod tidy -diff)

.PHONY: clean
clean: ## remove what the targets have built
	@rm -rf .bin cover
