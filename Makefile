# imgforge: what a newcomer types. `make demo` shows the main job, `make test` proves everything.
.PHONY: demo test lint needs corpus quiet differential
.DEFAULT_GOAL := help

help:
	@echo "make demo   build the mini fixtures, forge an image of them, prove that it runs"
	@echo "make test   every test, on real registries, engines and images"
	@echo "make corpus real breaks of real wheels: the loader's word against ours, with big downloads"
	@echo "make quiet  unmodified wheels in their own context: no error may be told"
	@echo "make differential  the model of the dynamic loader against the real ones of three Debians"
	@echo "make lint   formatting, clippy, documentation, dependency policy"

# Installs what is missing when run as root, else says what to install.
needs:
	@fixtures/services/install.sh

demo:
	@cargo build --quiet
	@fixtures/mini/demo.sh

test: needs
	fixtures/mini/build.sh
	cargo test

corpus: needs
	fixtures/mini/build.sh
	cargo build --release --quiet
	fixtures/corpus/corpus.py --all --program target/release/imgforge

quiet: needs
	cargo build --release --quiet
	fixtures/corpus/quiet.py --program target/release/imgforge

# Root file systems, libraries and answers stay in DIFFERENTIAL; ROUNDS=1 asks each library in one root only.
DIFFERENTIAL ?= $(HOME)/.cache/imgforge-differential
ROUNDS ?= 3
differential:
	fixtures/loader/real.py $(DIFFERENTIAL) --rounds $(ROUNDS)
	IMGFORGE_DIFFERENTIAL=$$(echo $(DIFFERENTIAL)/answers-*.jsonl | tr ' ' ':') \
		cargo test --test differential -- --nocapture

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
