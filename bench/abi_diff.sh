#!/bin/sh
# abi_diff.sh IMGFORGE OLD NEW: CPU seconds of `imgforge abi diff` on two builds of a library, beside nm (which only
# lists the names of both), and abidiff and abicheck where they are installed. Files are read once before, so that
# the disk does not count. `ABIDIFF=1` runs abidiff too: on libtorch_cpu it takes minutes.
set -eu
imgforge=$1 old=$2 new=$3
cat "$old" "$new" >/dev/null

cpu() { # NAME COMMAND…
    name=$1
    shift
    for run in 1 2 3; do
        { /usr/bin/env bash -c 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1 || :' cpu "$@"; } 2>&1
    done | sort -n | awk -v name="$name" '{ sum[NR] = $1 + $2 } END { printf "%-12s %.2f s (best of 3)\n", name, sum[1] }'
}

cpu imgforge "$imgforge" abi diff "$old" "$new" --gate off
cpu nm sh -c 'nm -D "$1"; nm -D "$2"' nm "$old" "$new"
if [ "${ABIDIFF:-}" ]; then
    command -v abidiff >/dev/null && cpu abidiff abidiff "$old" "$new" || echo "abidiff: SKIPPED: not installed"
    command -v abicheck >/dev/null && cpu abicheck abicheck compare "$old" "$new" || echo "abicheck: SKIPPED: not installed"
fi
