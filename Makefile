# Everything runs from a clean clone on Debian 12 with Go, Node, gcc and make;
# what else a target needs it installs itself into .cache (see setup).
SHELL      := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN    := bin
TOOLS  := .cache/bin
FUZZTIME ?= 20s
# testdata holds Go packages too (frames, wallet, stage, demo, bench); ./... passes them over.
PKGS   := ./... $(sort $(patsubst %/,./%,$(dir $(shell git ls-files 'testdata/*.go'))))

export CGO_ENABLED := 1
export GOFLAGS := -buildvcs=false

# Where there is a chain for tests, none of them passes for want of it.
ifeq ($(shell uname -sm),Linux x86_64)
export CHAIN ?= must
endif

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: build
build: ## build the commands into bin/
	@go build -o $(BIN)/ ./central ./gate ./central/registrar
	@go build -o $(BIN)/ ./testdata/demo ./testdata/bench ./testdata/stage/cmd/venue
	@go build -o $(BIN)/controller-sim ./firmware/cmd/controller
	@go build -o $(BIN)/image ./firmware/cmd/image

.PHONY: demo
demo: web build emulator node_modules/.stamp ## the whole story on this machine: no hardware, no account (DEMO=auto ends by itself)
	@firmware/build.sh $(BIN)/controller.elf || [ $$? = 3 ] # without TinyGo the story says what it plays with
	@$(BIN)/demo -bin $(BIN) $(if $(filter auto,$(DEMO)),-auto)

# The wallet's pages. Node is needed here only: without a build the commands compile
# and /wallet/ says that it is not built.
WEB      := central/web
WEB_SRC  := $(wildcard $(shell git ls-files -co --exclude-standard $(WEB) | grep -vE '\.go$$|/e2e/'))
WEB_DIST := $(WEB)/dist/wallet/index.html

.PHONY: web
web: $(WEB_DIST) ## build the wallet's pages into central/web/dist

node_modules/.stamp: package-lock.json package.json $(WEB)/package.json testdata/localnet/package.json
	@npm ci --no-fund --no-audit
	@touch $@

.PHONY: node_modules
node_modules: node_modules/.stamp ## what Node needs: the pages' tools, and the chain of the tests

PORT ?= 8899
SLOT ?= 400
.PHONY: localnet
localnet: node_modules/.stamp ## a Solana cluster on this machine until Ctrl-C: make localnet [PORT=8899] [SLOT=400 ms, 0 = by hand]
	@node testdata/localnet/main.js --port $(PORT) --slot $(SLOT)

.PHONY: localnet-check
localnet-check: node_modules/.stamp ## types and tests of that cluster's own parts
	@npm --workspace testdata/localnet run --silent check
	@npm --workspace testdata/localnet run --silent test

$(WEB_DIST): node_modules/.stamp $(WEB_SRC)
	@npm --workspace $(WEB) run --silent build
	@touch $@

.PHONY: web-check
web-check: node_modules/.stamp ## types, accessibility and tests of the wallet's pages
	@! grep -n '"resolved": "http' package-lock.json || { echo "package-lock.json names a registry"; exit 1; }
	@npm --workspace $(WEB) run --silent check
	@npm --workspace $(WEB) run --silent test
	@npm --workspace scanner/wasm run --silent check
	@npm --workspace scanner/wasm run --silent test

# What only tests and the browser need from the system: once, where it is missing.
APT := chromium fonts-noto-cjk poppler-utils ffmpeg
.PHONY: browser
browser:
	@if ! { command -v chromium && command -v pdftoppm && command -v ffmpeg && fc-list :lang=ko | grep -q .; } >/dev/null 2>&1; then \
	  echo "setup: installing $(APT)"; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  { $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(APT); } >/dev/null || \
	    { command -v chromium >/dev/null && echo "setup: went on without all of them; some tests will say what they skip"; } || \
	    { echo "cannot install them; run: apt-get install $(APT)"; exit 1; }; \
	fi

.PHONY: e2e
e2e: web build browser ## the wallet in Chromium against real gates, and every state of it under axe; pictures in var/e2e
	@rm -rf var/e2e && mkdir -p var/e2e
	@node $(WEB)/e2e/gallery.mjs --size phone --out var/e2e/gallery >var/e2e/gallery.log 2>&1 & gallery=$$!; status=0; \
	node --test --test-reporter=spec --test-concurrency=1 $(WEB)/e2e/*.test.mjs || status=1; \
	wait $$gallery || status=1; cat var/e2e/gallery.log; exit $$status

.PHONY: gallery
gallery: web browser ## every state of the wallet in both languages, judged by axe; pictures in var/gallery
	@node $(WEB)/e2e/gallery.mjs --out var/gallery

.PHONY: setup
setup: browser $(TOOLS)/golangci-lint $(TOOLS)/gofumpt ## build the pinned tools of tools.mod (cached)

$(TOOLS)/golangci-lint: tools.mod tools.sum
	@echo "setup: building golangci-lint once (some minutes, cached in .cache)"
	@mkdir -p $(TOOLS) && go build -modfile=tools.mod -o $(TOOLS)/ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

$(TOOLS)/gofumpt: tools.mod tools.sum
	@mkdir -p $(TOOLS) && go build -modfile=tools.mod -o $(TOOLS)/ mvdan.cc/gofumpt
	@touch $@

.PHONY: fmt
fmt: $(TOOLS)/gofumpt ## format the Go files
	@$(TOOLS)/gofumpt -w $$(git ls-files '*.go')

.PHONY: fmt-check
fmt-check: $(TOOLS)/gofumpt
	@out=$$($(TOOLS)/gofumpt -l $$(git ls-files '*.go')); \
	if [ -n "$$out" ]; then echo "not formatted (run make fmt):"; echo "$$out"; exit 1; fi

.PHONY: vet
vet:
	@go vet $(PKGS)

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## golangci-lint with .golangci.yml
	@$(TOOLS)/golangci-lint run --allow-parallel-runners $(PKGS)

.PHONY: tidy-check
tidy-check: ## go.mod lists what is used, and no look-alike module
	@go mod tidy -diff
	@go mod verify >/dev/null
	@! grep -nE 'fxamac[^k]er' go.mod go.sum

.PHONY: wasm-check
wasm-check: ## what a browser shares must build for it
	@GOOS=js GOARCH=wasm CGO_ENABLED=0 go build -o /dev/null ./sync/ticket ./sync/canon ./sync/trust ./sync/pass ./gate/admit ./gate/qr
	@GOOS=js GOARCH=wasm CGO_ENABLED=0 go build -o /dev/null ./scanner/wasm

.PHONY: test
test: node_modules/.stamp ## all Go tests with the race detector
	@go test -race -timeout 20m $(PKGS)
	@go test ./firmware/lane # walks its state machine to the end only without it

# What is on chain: also in test, after which, in check, it comes from the cache.
ON_CHAIN := ./central/mint/... ./testdata/localnet

.PHONY: test-chain
test-chain: node_modules/.stamp localnet-check ## tokens against real Solana programs: life, attacks, faults, forks; then those of the built commands
	@go test -race -timeout 20m $(ON_CHAIN)
	@go test -race -timeout 20m $(if $(filter check,$(MAKECMDGOALS)),,-run '^TestTokens') ./testdata/stage

# What keeps its rows or its numbers in a server: the rooms' suites again, on PostgreSQL;
# what is tried against real servers anyway is in test too, and comes from its cache.
ON_SERVERS := ./central ./central/store/... ./central/queue/... ./central/outbox ./central/leader
ON_STORES  := ./central/sale ./central/account ./central/identity ./central/publish ./central/fleet ./central/api

.PHONY: test-stores
test-stores: node_modules/.stamp queue-servers ## every suite of stores and queues on SQLite, PostgreSQL and Redis, real servers started by the tests
	@go test -race -timeout 20m $(ON_SERVERS) $(ON_STORES)
	@STORES=postgres go test -race -timeout 20m $(ON_STORES)

.PHONY: vectors
vectors: ## published vectors: make vectors VECTORS=DIR
	@test -n "$(VECTORS)" || { echo "usage: make vectors VECTORS=DIR (Wycheproof, COSE, WebAuthn files)"; exit 2; }
	@VECTORS=$(abspath $(VECTORS)) go test -count=1 -v -run '^TestVectors' ./sync/trust ./sync/pass ./sync/ticketset ./sync/credential

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (20s)
	@for pkg in $$(go list $(PKGS)); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

.PHONY: bench-gate
bench-gate: build ## the gate's figures, one line each
	@$(BIN)/bench gate

.PHONY: bench-qr
bench-qr: ## readers of QR codes beside each other: make bench-qr [DIR=folder with a manifest.tsv] [SEED=n] [N=rendered frames a category]
	@go run ./testdata/bench $(if $(SEED),-seed $(SEED)) $(if $(N),-frames $(N)) qr $(DIR)

.PHONY: bench-queue
bench-queue: build queue-servers ## the waiting room under 100,000 people in ten seconds, with each engine; reports in var/bench
	@$(BIN)/bench -report var/bench $(if $(PEOPLE),-people $(PEOPLE)) queue $(ENGINE)

.PHONY: bench-sale
bench-sale: build queue-servers ## seats that four want at once, on each store and through HTTP; report in var/bench
	@$(BIN)/bench -report var/bench $(if $(SEATS),-seats $(SEATS)) sale $(STORE)

.PHONY: bench-chain
bench-chain: node_modules/.stamp ## tokens a second on the local chain, with and without faults, what they cost, and a table of it: make bench-chain [N=3000]
	@go build -o $(BIN)/ ./testdata/bench
	@$(BIN)/bench $(if $(N),-tickets $(N)) chain

# The real servers that benches measure and tests try.
SERVERS := redis-server postgresql
.PHONY: queue-servers
queue-servers:
	@if ! { command -v redis-server && ls /usr/lib/postgresql/*/bin/postgres; } >/dev/null 2>&1; then \
	  echo "setup: installing $(SERVERS)"; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  { $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SERVERS); } >/dev/null || \
	    { echo "cannot install them; run: apt-get install $(SERVERS)"; exit 1; }; \
	fi

# A load generator that is not ours, built once.
K6 := $(TOOLS)/k6
$(K6):
	@echo "setup: building k6 once (some minutes, cached in .cache)"
	@mkdir -p $(TOOLS) && GOBIN=$(abspath $(TOOLS)) GOFLAGS= go install go.k6.io/k6@v1.8.1

.PHONY: k6
k6: build $(K6) ## the surge again, by k6: make k6 [PEOPLE=2000]
	@$(BIN)/bench -k6 $(K6) $(if $(PEOPLE),-people $(PEOPLE)) k6 testdata/k6/surge.js

# The code reader for the browser, by two compilers: Go's own builds it anywhere; TinyGo's
# is half the bytes and quicker, takes two minutes, and needs the toolchain of the firmware.
WASM     := $(BIN)/wasm
WASM_SRC := $(filter-out %_test.go,$(wildcard scanner/wasm/*.go gate/qr/*.go)) go.mod scanner/wasm/tinygo.json

.PHONY: wasm
wasm: $(WASM)/go/reader.wasm ## the code reader for the browser, into bin/wasm/go

.PHONY: wasm-tiny
wasm-tiny: $(WASM)/tiny/reader.wasm ## the same by TinyGo, into bin/wasm/tiny

$(WASM)/go/reader.wasm: $(WASM_SRC)
	@mkdir -p $(@D) && cp "$$(go env GOROOT)/lib/wasm/wasm_exec.js" $(@D)/
	@GOOS=js GOARCH=wasm CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o $@ ./scanner/wasm

$(WASM)/tiny/reader.wasm: $(WASM_SRC) .cache/tinygo/tinygo
	@if ! [ -f /usr/lib/wasm32-wasi/libc.a ] || ! command -v wasm-opt >/dev/null; then \
	  echo "wasm: installing wasi-libc binaryen"; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  { $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wasi-libc binaryen; } >/dev/null; \
	fi
	@mkdir -p $(@D) && cp .cache/tinygo/root/targets/wasm_exec.js $(@D)/
	@TINYGOROOT=$(abspath .cache/tinygo/root) .cache/tinygo/tinygo build -target scanner/wasm/tinygo.json -opt 2 -no-debug -o $@ ./scanner/wasm

.PHONY: bench-wasm
bench-wasm: wasm $(if $(wildcard .cache/tinygo/tinygo),wasm-tiny) browser node_modules/.stamp ## our reader beside zxing-wasm in Chromium: make bench-wasm [DIR=folder with a manifest.tsv] [N=10] [SEED=1]
	@node scanner/wasm/bench/bench.mjs $(if $(DIR),--dir $(abspath $(DIR))) $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED))

# The turnstile's controller. TinyGo is built once, from the module proxy against
# Debian's LLVM; the image runs on an LM3S6965, which QEMU plays.
TINYGO       := .cache/tinygo/tinygo
FIRMWARE_APT := llvm-19-dev libclang-19-dev clang-19 lld-19
$(TINYGO): firmware/toolchain.sh
	@if ! { [ -d /usr/lib/llvm-19/include/clang-c ] && command -v ld.lld-19 && command -v clang-19; } >/dev/null; then \
	  echo "firmware: installing $(FIRMWARE_APT)"; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  { $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(FIRMWARE_APT); } >/dev/null || \
	    { echo "cannot install them; run: apt-get install $(FIRMWARE_APT)"; exit 1; }; \
	fi
	@echo "firmware: building TinyGo once (some minutes, cached in .cache)"
	@firmware/toolchain.sh $(abspath $(@D))

.PHONY: qemu-arm
qemu-arm:
	@if ! command -v qemu-system-arm >/dev/null; then \
	  echo "firmware: installing qemu-system-arm"; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  { $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-system-arm; } >/dev/null || \
	    { echo "cannot install it; run: apt-get install qemu-system-arm"; exit 1; }; \
	fi

.PHONY: emulator
emulator: # as far as this machine lets it
	@$(MAKE) --no-print-directory --silent $(TINYGO) qemu-arm || echo "setup: went on without the emulator; its tests will say what they skip"

.PHONY: firmware
firmware: $(TINYGO) ## the turnstile controller's image, into bin/controller.elf, with its size
	@firmware/build.sh $(BIN)/controller.elf
	@go build -o $(BIN)/controller-sim ./firmware/cmd/controller
	@go build -o $(BIN)/image ./firmware/cmd/image

.PHONY: test-firmware
test-firmware: $(TINYGO) qemu-arm ## the controller's tests on this machine, then its image in QEMU
	@go test -race -timeout 20m $$(go list ./firmware/... | grep -v /firmware/emulator)
	@go test ./firmware/lane # walks its state machine to the end only without it
	@go test -race -count=1 -v -timeout 10m ./firmware/emulator/...

.PHONY: bench-firmware
bench-firmware: firmware qemu-arm build ## the image's figures in QEMU, one line each, and those of a whole lane with it
	@go run ./firmware/emulator/bench $(BIN)/controller.elf
	@$(BIN)/bench lock

# Devices that only a kernel of one's own has: Debian's, in QEMU, with a keyboard, a
# USB-CDC engine and a camera made of software. A minute or two (QEMU_ACCEL=kvm
# is faster where it works): for the night, not part of check.
DEVICES := .cache/devices
$(DEVICES)/linux: Makefile
	@if ! command -v qemu-system-x86_64 >/dev/null; then \
	  echo "test-devices: installing qemu-system-x86"; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	  { $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-system-x86; } >/dev/null; \
	fi
	@mkdir -p $(DEVICES)/deb && cd $(DEVICES)/deb && rm -f *.deb && \
	  apt-get -o APT::Sandbox::User=root download -qq "$$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ {print $$2; exit}')"
	@rm -rf $@ && mkdir -p $@ && dpkg-deb -x $(DEVICES)/deb/linux-image-*.deb $@ && touch $@

.PHONY: test-devices
test-devices: $(DEVICES)/linux ## the built gate on a wedge, a USB-CDC engine and a V4L2 camera, in QEMU
	@go build -tags 'netgo osusergo sqlite_omit_load_extension' -ldflags '-linkmode external -extldflags -static' -o $(DEVICES)/gate ./gate
	@CGO_ENABLED=0 go build -o $(DEVICES)/devices ./testdata/devices
	@CGO_ENABLED=0 go test -c -o $(DEVICES)/engine.test ./gate/engine
	@DEVICES=$(abspath $(DEVICES)) go test -count=1 -v -timeout 10m -run '^TestDevices$$' ./gate

.PHONY: check
check: browser emulator queue-servers fmt-check tidy-check vet lint wasm-check test test-chain test-stores web-check e2e ## all that CI runs
	@$(MAKE) --no-print-directory demo DEMO=auto
	@echo "check: all passed"

.PHONY: clean
clean: ## remove what was built, keep the tools
	@rm -rf $(BIN) var
