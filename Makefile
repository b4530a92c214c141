# An index of common commands. Each target is a line or two that you could type.

# Variables of `make demo`: make demo VERSION=3.11.2 PROFILE=fast BACKEND=sandbox
VERSION ?= 3.13.5
IMAGE   ?= debian-12
PROFILE ?= release
BACKEND ?= auto

TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help:
	@echo 'make demo       compile CPython $(VERSION) in a throw-away machine and validate it (20 minutes on 2 cores)'
	@echo '                variables: VERSION IMAGE PROFILE BACKEND'
	@echo 'make test       run all tests (minutes)'
	@echo 'make test-full  also run the longest ones: whole builds in virtual machines'
	@echo 'make lint       check formatting, commit subjects, repository rules, dependencies, clippy'
	@echo 'make build      build both programs, into $(TARGET)/release'
	@echo 'make deps       install missing packages of the distribution (Debian, Ubuntu)'

.PHONY: deps
deps:
	provision/host/debian.sh
	@command -v cargo >/dev/null || { echo 'error: cargo not found; install Rust 1.95 or later with rustup' >&2; exit 3; }

.PHONY: test-deps
test-deps: deps
	provision/host/debian.sh test
	cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
	-command -v vhost-device-vsock >/dev/null || cargo install --locked vhost-device-vsock

.PHONY: build
build: deps
	cargo build --release --package vmbuild
	cargo xtask agent

.PHONY: demo
demo: build
	$(TARGET)/release/vmbuild build $(VERSION) --image $(IMAGE) --profile $(PROFILE) --backend $(BACKEND)

.PHONY: test
test: test-deps
	cargo xtask test

.PHONY: test-full
test-full: test-deps
	cargo xtask test --full

.PHONY: lint
lint:
	cargo xtask lint
