#!/usr/bin/env bash
# Fuzz what reads hostile input.
#
#     fuzz/run.sh [SECONDS [TARGET…]]     all targets side by side, each for SECONDS (default 1200)
#
# Needs cargo-fuzz and a nightly toolchain; BUILT=1 takes the targets as they were built before. Starts from the small corpus beside this file (seeds/), keeps what it finds
# in corpus/, which is not kept in git. A crash, an allocation over 64 MiB, an input that takes over 10 s, or memory over
# 1 GiB ends the run with its input in artifacts/.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-1200}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(elf fatbin schema script ldcache record inflate splice)
[ -n "${BUILT:-}" ] || cargo +nightly fuzz build --sanitizer none
pids=()
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target" "fuzz/seeds/$target" "fuzz/artifacts/$target"
    "fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release/$target" "fuzz/corpus/$target" "fuzz/seeds/$target" \
        -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$target/" > "fuzz/artifacts/$target.log" 2>&1 &
    pids+=($!)
done
failed=0
for index in "${!targets[@]}"; do
    wait "${pids[$index]}" || failed=1
    target=${targets[$index]}
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "fuzz/artifacts/$target.log")
    peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "fuzz/artifacts/$target.log")
    found=$(find "fuzz/artifacts/$target" -type f | wc -l)
    printf '%-8s %10s runs  %5s MB peak  %s crashes\n' "$target" "${runs:-?}" "${peak:-?}" "$found"
done
exit "$failed"
