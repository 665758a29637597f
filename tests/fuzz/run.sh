#!/bin/sh
# Builds the fuzz targets and runs each for SECONDS (60), or only those that are named: tests/fuzz/run.sh [target…]
#
# A stable toolchain does: the fuzzer needs LLVM's coverage counters, which are plain code generation options, and no
# sanitizer. The folder has the layout of cargo-fuzz, which builds it too. What is found lies in target/found; new inputs in
# target/corpus, the checked-in ones in corpus.
set -eu
cd "$(dirname "$0")"
seconds=${SECONDS_EACH:-60}
triple=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
cargo build --release --locked --target "$triple"
[ $# -gt 0 ] || set -- $(sed -n 's/^path = "targets\/\(.*\)\.rs"$/\1/p' Cargo.toml)
for target; do
    mkdir -p "target/corpus/$target" "target/found/$target"
    echo "== $target, $seconds s"
    "target/$triple/release/$target" "target/corpus/$target" "corpus/$target" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="target/found/$target/"
done
