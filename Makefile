# agent0-converge: `make help` lists what there is to make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO          ?= go
BIN         := bin/agent0-converge
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS     := -s -w -X main.version=$(VERSION)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
LEVEL       ?= native
# The engine's builds for CPUs of this machine's kind.
LEVELS      ?= $(if $(filter x86_64,$(shell uname -m)),x86-64-v2 x86-64-v3 x86-64-v3-avxvnni x86-64-v4-avx512vnni,arm64 arm64-dotprod)
FUZZTIME    ?= 100000x
# The Debian packages of the programs that tests run.
TOOLS       := btrfs-progs curl debootstrap docker-registry dosfstools e2fsprogs exfatprogs fsverity g++ iproute2 iptables logrotate mandoc nftables \
               nginx-light nodejs npm passwd procps python3-jinja2 skopeo systemd xfsprogs

.PHONY: help build engine demo tools test check vet fmt archtest fuzz bench lab docs generate release clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build the static binary bin/agent0-converge
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/agent0-converge

engine: tools ## build bin/agent0-engine-LEVEL, the inference engine, for this CPU (LEVEL=… for others: runtime/level)
	cmd/agent0-engine/build.sh $(LEVEL) bin $(VERSION)

demo: build engine ## converge the quickstart plan into a scratch root, show drift, repair and undo, and serve a model
	examples/quickstart/demo.sh $(BIN)

tools: ## install what the tests run and is missing, where that is apt's and root's to do
	@internal/lab/tools.sh $(TOOLS)

test: tools build ## run every test, and every fuzz target with some inputs
	$(GO) test -timeout 40m ./...
	$(MAKE) --no-print-directory fuzz FUZZTIME=20000x

check: fmt vet archtest docs ## format, vet for every platform, staticcheck, import rules, docs up to date
	$(GO) run $(STATICCHECK) ./...

fmt:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "run gofmt -w on:"; echo "$$out"; exit 1; fi

vet: tools
	GOOS=linux GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...
	cmd/agent0-engine/build.sh native vet

archtest:
	$(GO) test ./internal/archtest

generate: ## write the reference, man pages and schema from the doc comments of the kinds and the commands' help
	$(GO) run ./internal/docgen/generate
	AGENT0_UPDATE=1 $(GO) test ./cmd/agent0-converge -run '^TestReference$$'
	AGENT0_UPDATE=1 $(GO) test ./runtime/server -run '^TestReference$$'

docs: ## check that the reference and go.mod are up to date and that every plan in docs and examples works
	$(GO) run ./internal/docgen/generate -check
	$(GO) test ./cmd/agent0-converge -run '^(TestReference|TestManPages)$$'
	$(GO) mod tidy -diff
	$(GO) test ./examples/...

# Inputs are counted: of a time, Go 1.26 fails at its end on a busy machine (go.dev/issue/75804).
fuzz: ## run every fuzz target with FUZZTIME inputs (100000x)
	@for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -h '^func Fuzz' $$pkg/*_test.go | sed -E 's/func (Fuzz[A-Za-z0-9_]*).*/\1/'); do \
	    echo "fuzz $$pkg $$f"; $(GO) test $$pkg -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME); \
	  done; \
	done

bench: tools build ## measure beside minimal Go programs, systemctl, llama-server and CFEngine (installed by apt)
	internal/lab/bench/run.sh $(BIN)

lab: build ## what is too long for CI: every kill point, a fresh Debian root
	internal/lab/lab.sh

release: tools ## build static binaries for every platform, the engines of this one's CPUs, and the man pages, into dist/
	for p in linux/amd64 linux/arm64 windows/amd64; do \
	  ext=; [ $${p%/*} = windows ] && ext=.exe; \
	  CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o dist/agent0-converge-$${p%/*}-$${p#*/}$$ext ./cmd/agent0-converge; \
	done
	for l in $(LEVELS); do cmd/agent0-engine/build.sh $$l dist/agent0-engine-$$l $(VERSION); done
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C docs/reference -cf - man | gzip -n > dist/agent0-converge-man.tar.gz
	cd dist && sha256sum agent0-* > SHA256SUMS

clean:
	rm -rf bin dist
