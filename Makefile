# imgforge: what a newcomer types. `make demo` shows the main job, `make test` proves everything.
.PHONY: demo test lint needs corpus quiet torch-ops look settings layout-proof differential cluster endpoint bench-bytes bench-verdict
.DEFAULT_GOAL := help

help:
	@echo "make demo   build the mini fixtures, forge an image of them, prove that it runs"
	@echo "make test   every test, on real registries, engines and images"
	@echo "make corpus real breaks of real wheels: the loader's word against ours, with big downloads"
	@echo "make quiet  unmodified wheels in their own context: no error may be told"
	@echo "make torch-ops calls of torch operators in real wheels, as they are and mixed (3 GB of downloads)"
	@echo "make look   the HTML report in a headless browser, with pictures of it in target/look"
	@echo "make settings names of variables and device code: what big real libraries say of themselves"

	@echo "make cluster  apply, watch and delete on a real API server, which is built once (11 minutes)"
	@echo "make endpoint  smoke and bench against a real server and an independent client (34 MB of downloads)"
	@echo "make differential  the model of the dynamic loader against the real ones of three Debians"
	@echo "make bench-bytes  bytes, time and memory of a build beside docker, buildah, umoci, crane and regctl (bench/README.md)"
	@echo "make bench-verdict  abi diff and audit beside nm, abicheck and lddtree (3 GB of downloads)"
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

torch-ops:
	cargo build --release --quiet
	fixtures/torch/torch_ops.py --program target/release/imgforge \
		--counts cargo test --quiet --release --test torch_ops -- --ignored --nocapture counts

endpoint:
	cargo build --release --quiet
	fixtures/endpoint/agree.py target/release/imgforge --requests 100

look:
	cargo build --quiet
	target/debug/imgforge audit oci:fixtures/mini/out/layout:h100-v19-flashinfer-stub --gate off --report html=target/look.html
	fixtures/reports/look.py target/look.html target/look

settings:
	IMGFORGE_SETTINGS=all cargo test --test settings --test fatbin

# Root file systems, libraries and answers stay in DIFFERENTIAL; ROUNDS=1 asks each library in one root only.
DIFFERENTIAL ?= $(HOME)/.cache/imgforge-differential
ROUNDS ?= 3
differential:
	fixtures/loader/real.py $(DIFFERENTIAL) --rounds $(ROUNDS)
	IMGFORGE_DIFFERENTIAL=$$(echo $(DIFFERENTIAL)/answers-*.jsonl | tr ' ' ':') \
		cargo test --test differential -- --nocapture

# What is unpacked stays in BENCH (5 GB). ABIDIFF=--abidiff runs abidiff too, for minutes.
BENCH ?= $(HOME)/.cache/imgforge-bench
bench-verdict:
	cargo build --release --quiet
	bench/verdict.py target/release/imgforge --work $(BENCH) $(ABIDIFF)

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# Downloads two versions of PyTorch (1.8 GB).
layout-proof:
	cargo build --release --quiet
	fixtures/layout/proof.py target/release/imgforge

# The API server is built by Go the first time and kept outside the tree; etcd is Debian's.
cluster:
	cargo build --quiet
	fixtures/kube/play.py target/debug/imgforge

# SCALE=full needs 4 GB of wheels, 12 GB of disk for good and 25 GB while it runs. PEERS= leaves imgforge alone.
SCALE ?= small
PEERS ?= docker,buildah,umoci,crane,regctl
bench-bytes:
	@fixtures/services/install.sh --with-peers
	cargo build --release --quiet
	bench/bytes.py --scale $(SCALE) --peers "$(PEERS)"
