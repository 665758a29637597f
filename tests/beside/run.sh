#!/usr/bin/env bash
# Sealing measured beside two other transparency logs on the same machine, one after the other: Tessera's POSIX log (in
# process, and over HTTP with its own load generator) and immudb's embedded store (its own stress tool). Entries of 464
# bytes. They do different work, so read the ratios with BENCHMARKS.md. EVENTS: our backlog. SECONDS_EACH: of Tessera.
set -euo pipefail
cd "$(dirname "$0")/../.."

events=${EVENTS:-10000000} seconds=${SECONDS_EACH:-20} workers=256 bytes=464
work=$PWD/target/beside
rm -rf "$work/data" && mkdir -p "$work/data"

echo "medtrace's chainer, every signature and leaf recomputed, Kafka on the same machine:"
cargo build --locked --release -p medtrace-chainer --example throughput
target/release/examples/throughput "$events"

if ! command -v go > /dev/null; then
    echo "skipped: Tessera and immudb need Go to be built, which is not installed"
    exit 0
fi
(cd tests/beside && go build -o "$work/" . tool)

version() { awk -v module="$1" '$1 == module { print $2; exit }' tests/beside/go.mod; }
echo "Tessera $(version github.com/transparency-dev/tessera), POSIX, checkpoints every 100 ms:"
mkdir "$work/data/inside"
"$work/beside" -dir "$work/data/inside" -seconds "$seconds" -workers $workers -bytes $bytes

# entries, and what they took as Go prints it (1m2.5s, 850ms)
rate() {
    awk -v count="$1" -v took="$2" 'BEGIN {
        if (took ~ /ms$/) seconds = took / 1000
        else if (split(took, part, "m") == 2) seconds = part[1] * 60 + part[2]
        else seconds = took + 0
        printf "%9.0f entries/s", count / seconds
    }'
}

# Over HTTP: its conformance server (checkpoints every second) and its hammer.
goal=$((seconds * 10000)) port=${PORT:-7290}
LOG_PRIVATE_KEY=$("$work/beside" -key 2> "$work/data/public")
export LOG_PRIVATE_KEY
mkdir "$work/data/http"
"$work/posix" -storage_dir "$work/data/http" -listen "127.0.0.1:$port" 2> "$work/data/posix.log" &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
until curl -sf "http://127.0.0.1:$port/checkpoint" > /dev/null; do
    kill -0 $server || { cat "$work/data/posix.log" >&2; exit 1; }
    sleep 0.1
done
"$work/hammer" -log_url "http://127.0.0.1:$port/" -log_public_key "$(cat "$work/data/public")" -show_ui=false \
    -max_write_ops 30000 -num_writers $workers -num_readers_random 0 -num_readers_full 0 -dup_chance 0 \
    -leaf_min_size $bytes -leaf_write_goal $goal -max_runtime 5m 2> "$work/data/hammer.log"
took=$(grep -oP 'tree size goal of \d+ after \K[0-9ms.h]+' "$work/data/hammer.log")
echo "  tessera, over HTTP, until published   $(rate $goal "$took")   ($workers at a time)"
kill $server

# committers, transactions of each, entries of a transaction
immudb() {
    local took
    took=$(cd "$work/data" && "$work/stress_tool" -mode auto -dataDir "immudb-$1-$3" -committers "$1" -txCount "$2" -kvCount "$3" \
        -vLen $((bytes - 32)) -rndKeys -synced -txDelay 0 -txLinking=false -printAfter 0 -waitForIndexing 0 2> "immudb-$1-$3.log" \
        | tr '\r' '\n' | grep -oP 'completed their work within \K[^!]+')
    echo "  immudb, until synced                  $(rate $(($1 * $2 * $3)) "$took")   ($1 committers, $3 entries a transaction)"
}
echo "immudb $(version github.com/codenotary/immudb), embedded, synced:"
immudb 20 1000 1
immudb 500 400 1
immudb 20 20 1000
