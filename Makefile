# Two commands for a stranger: `make demo` and `make test`.

.PHONY: build golangci test race pkcs11 soak siege memory memory-figures durability junk check fmt vet lint generate generate-check tidy platforms dist dist-check journey readme demo bench fuzz conformance interop interop-python gateway-test gateway-compat fleet growth restart clean

TOOL := go tool -modfile=go.tool.mod

build:
	go build -trimpath -o bin/sigdriver ./cmd/sigdriver

test:
	go test -timeout 30m ./...

# Short form: the loops that kill a process at every file operation take every
# few; `make test` takes them all.
RACE ?= ./...
race:
	go test -race -short -timeout 30m $(RACE)

# Keys in tokens: needs cgo and SoftHSM (apt-get install softhsm2).
pkcs11:
	go vet -tags pkcs11 ./cmd/sigdriver/...
	CGO_ENABLED=1 go build -tags pkcs11 -trimpath -o bin/sigdriver-pkcs11 ./cmd/sigdriver
	CGO_ENABLED=1 go test -count=1 -tags pkcs11 -run 'PKCS11|Token' ./cmd/sigdriver/internal/keys ./cmd/sigdriver/internal/daemon ./cmd/sigdriver

# 64 gateways ask for a minute while a repository publishes 30 rotations, each
# followed by something bad. `make test` plays 8 seconds of it.
SOAK ?= 60s
soak:
	go test -count=1 -run '^TestSoak$$' -v ./cmd/sigdriver/internal/daemon -soak $(SOAK)

# An honest gateway polls 200 sandboxes while two listed ones, the attestation folder
# and role, the mirror, the clock, the disk and whoever moves the journal away make
# noise, and 99.9 % of its answers must be in time: for a machine with nothing else to
# do. `make test` plays half a minute of it, and holds nothing against the clock.
SIEGE ?= 10m
siege:
	go test -count=1 -timeout 30m -run '^TestSiege$$' -v ./cmd/sigdriver/internal/daemon -siege $(SIEGE) -siege-in-time

# Three drivers and 64 callers over one PostgreSQL, while drivers are killed, connections
# cut and delayed, and the database restarts, is promoted from a standby and restored from an
# old dump: every answer is held against what sharing a
# memory promises. `make test` plays 6 seconds of it.
MEMORY ?= 60s
memory:
	go test -count=1 -timeout 20m -run '^TestHistory' -v ./cmd/sigdriver/internal/memory -history $(MEMORY)

# What sharing costs, in rounds that alternate with a driver that remembers alone.
memory-figures:
	go test -count=1 -timeout 20m -run '^TestFigures$$' -v ./cmd/sigdriver/internal/memory -figures 21
	go test -run '^$$' -bench '^BenchmarkHitShared$$' -benchtime 300x -count 3 ./cmd/sigdriver/internal/server

# What an attestation, a signature, an epoch, a revocation and a restart cost those who
# poll for many sandboxes: failed calls, how long, evaluations and bytes. It is a
# measurement, for a machine with nothing else to do. `make test` plays a short form and
# holds nothing against the clock.
FLEET ?= 10000 50000
fleet:
	set -e; for n in $(FLEET); do \
	  go test -count=1 -timeout 30m -run '^TestPolledSandboxes$$' -v ./cmd/sigdriver/internal/daemon -fleet $$n -fleet-every 5s; done

# How what a decision allocates grows with each thing that others can make larger, with the
# exponent fitted. `make test` doubles each once.
growth:
	go test -count=1 -run '^TestGrowth$$' -v ./verifier -growth 7
	go test -count=1 -run '^TestGrowth$$' -v ./cmd/sigdriver/internal/server -growth 4
	go test -count=1 -run '^TestGrowthOfASnapshot$$' -v ./cmd/sigdriver/internal/record -growth 7

# What a driver's start takes that has allowed a million sandboxes, and its memory while it is
# asked for more. `make test` plays a short form and holds nothing against the clock.
EVER ?= 10000 1000000
restart:
	set -e; for n in $(EVER); do \
	  go test -count=1 -timeout 60m -run '^TestEverAllowed$$' -v ./cmd/sigdriver/internal/daemon -ever-allowed $$n -ever-asked 1000000; done

# Evidence under fire, the long form: thousands of kills, a longer model, 100,000 edits of compositions by each recipe, a flip of every byte of a
# larger log, a restart over 100,000 entries, 100,000 steps of answers held against decisions made from nothing, and durable appends beside a bare
# fsync (TMPDIR on a disk). `make test` kills 140 times.
KILLS ?= 3000
durability:
	go test -count=1 -v -timeout 2h -run 'Killed|Flip' ./cmd/sigdriver/internal/tilelog -kills $(KILLS) -tile-kills 1000 -every-byte
	go test -count=1 -v -run '^TestEveryEditOfRealCompositions$$' ./cmd/sigdriver/internal/policy -edits 100000
	go test -count=1 -v -run '^TestEveryEditOfACompositionIsNamed$$' ./verifier -edits-apart 1
	go test -count=1 -v -run '^TestModel$$' ./cmd/sigdriver/internal/record -model-steps 100000
	go test -count=1 -v -timeout 1h -run '^TestCachedIsUncached$$' ./cmd/sigdriver/internal/server -cached-steps 100000
	go test -count=1 -v -run '^TestRestartOverLongLog$$' ./cmd/sigdriver/internal/daemon -restart-entries 100000
	go test -run '^$$' -bench '^BenchmarkDurable$$' -benchtime 1x -count 3 ./cmd/sigdriver/internal/record

# What is released, in dist/: binaries, deb, rpm, an OCI layout, SBOMs and checksums. The
# same commit gives the same bytes, which dist-check tries.
VERSION ?= $(shell sed -n 's/^const Driver = "\(.*\)"/\1/p' cmd/sigdriver/internal/version/version.go)
dist:
	cd packaging && go run . -version $(VERSION) -o ../dist

dist-check:
	cd packaging && go mod tidy -diff && go vet ./... && go test -count=1 ./...

# From a package to an auditor's replay, as an operator would: installed, first ALLOW, a
# DENY explained, rotation, revocation, renewal, a full disk and back, doctor. As root it
# runs as a user of its own.
HERE := linux_$(shell go env GOARCH)
journey:
	cd packaging && go run . -version $(VERSION) -only $(HERE) -o ../out/journey
	SIGDRIVER_DEB="$(CURDIR)/out/journey/sigdriver_$(VERSION)_$(HERE).deb" go test -count=1 -run '^TestJourney$$' ./cmd/sigdriver

# The README's own commands, which end with the driver saying ALLOW.
readme: build
	dir=$$(mktemp -d) && cd "$$dir" && awk '/^```sh$$/ {on = 1; next} /^```$$/ {on = 0} on' "$(CURDIR)/README.md" > commands.sh && echo wait >> commands.sh && PATH="$(CURDIR)/bin:$$PATH" sh -eu commands.sh && rm -rf "$$dir"

# From publication to the last wrong answer beside as many junk targets as trust may list.
junk:
	go test -count=1 -v -run '^TestJunkTargetsHoldNothingBack$$' ./cmd/sigdriver/internal/daemon -junk-targets 4096

# The whole job on this machine, with no network: keys, a TUF repository, the
# driver as a process of its own, and a gateway that asks.
demo: build
	./bin/sigdriver demo

check: fmt vet lint generate-check tidy

fmt:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi

vet:
	go vet ./...

lint:
	$(TOOL) buf lint
	$(TOOL) buf format --diff --exit-code
	$(TOOL) staticcheck ./...

# What .golangci.yml holds us to beyond `make check`.
GOLANGCI ?= v2.15.0
golangci:
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI) run --timeout 20m ./...

# Generated files are committed; generate-check proves that they are current.
generate:
	rm -f proto/signing/v1/*.pb.go cmd/sigdriver/internal/interceptor/wire/*.pb.go
	$(TOOL) buf generate proto
	$(TOOL) buf generate cmd/sigdriver/internal/interceptor/wire --template cmd/sigdriver/internal/interceptor/wire/buf.gen.yaml
	go generate ./verifier/...
	go generate ./...

generate-check: generate
	git diff --exit-code

tidy:
	go mod tidy -diff

# What approvers, authors of trust and auditors use runs anywhere; the driver on Linux.
platforms:
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build -o /dev/null ./cmd/sigdriver
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go build -o /dev/null ./cmd/sigdriver
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go vet ./...
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go vet ./...

# Ratios to a gRPC echo that reads its request, in interleaved rounds, then what a hit and a cold
# decision cost in process. BENCH_ROUNDS=5 is a quick look.
BENCH_ROUNDS ?= 21
bench: build
	go build -o bin/bench ./cmd/sigdriver/internal/demo/bench
	./bin/bench --sigdriver bin/sigdriver --rounds $(BENCH_ROUNDS)
	go test -run '^$$' -bench 'BenchmarkHit' -benchmem -count 5 ./cmd/sigdriver/internal/server
	go test -run '^$$' -bench 'BenchmarkVerifyCold' -benchmem -count 5 ./verifier

# Every parser's fuzz target, FUZZ_RUNS executions each, from its seeds.
FUZZ_RUNS ?= 100000
fuzz: SHELL := /bin/bash
fuzz:
	@set -eo pipefail; targets=0; \
	for pkg in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
	  for target in $$(go test -list '^Fuzz' ./$$pkg | grep '^Fuzz'); do \
	    echo "== $$pkg $$target"; targets=$$((targets + 1)); \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_RUNS)x -fuzzminimizetime 1x ./$$pkg | grep -v '^fuzz: elapsed: 0s'; \
	  done; \
	done; \
	echo "$$targets fuzz targets, $(FUZZ_RUNS) executions each"; test $$targets -gt 0

# The public TUF suite against our client: TUF_CONFORMANCE is a checkout of
# theupdateframework/tuf-conformance whose Python requirements are installed.
conformance:
	@if [ ! -d "$(TUF_CONFORMANCE)/tuf_conformance" ]; then echo "conformance: set TUF_CONFORMANCE to a checkout of theupdateframework/tuf-conformance (now: '$(TUF_CONFORMANCE)')"; exit 2; fi
	go test -c -o bin/tufconformance ./tuf
	cd "$(TUF_CONFORMANCE)" && python3 -m pytest tuf_conformance --entrypoint "$(CURDIR)/bin/tufconformance"

# The gateway's side, in Rust: it needs cargo and, the first time, crates from the
# registry. Its integration tests start the driver that was just built.
GATEWAY_CARGO := cd gateway-patch && SIGDRIVER="$(CURDIR)/bin/sigdriver" CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 cargo
gateway-test: build
	$(GATEWAY_CARGO) fmt --all --check
	$(GATEWAY_CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings
	$(GATEWAY_CARGO) test --locked --workspace --all-features
	$(GATEWAY_CARGO) test --locked -p openshell-policy-receipt --test config

# The crate of release 0.1.0 against this driver, and the reverse.
gateway-compat: build
	gateway-patch/compat.sh

# Attestations of the real cosign v2 and v3, built from the Go module proxy (minutes)
# and judged as the recorded ones are.
interop:
	mkdir -p out/interop
	testdata/interop/make.sh out/interop out/cosign
	SIGDRIVER_INTEROP="$(CURDIR)/out/interop" go test -count=1 -v -run '^TestCosign$$' ./verifier

# A Python with securesystemslib and in-toto-attestation, for TestPythonDSSE.
interop-python: out/python/bin/python

out/python/bin/python: testdata/interop/requirements.txt
	rm -rf out/python
	python3 -m venv out/python
	out/python/bin/python -m pip install --quiet --disable-pip-version-check -r testdata/interop/requirements.txt
	for v in 0.1.0 0.1.5; do out/python/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target out/python/openshell-$$v openshell==$$v || exit 1; done

clean:
	rm -rf bin out dist
