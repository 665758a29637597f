#!/usr/bin/env bash
# Installs what building, testing and running medtrace needs and what is not there yet: as root on Debian by apt-get,
# elsewhere it says exactly what to install and stops. With --dev also the formatter and the linter.
set -euo pipefail

RUST_MIN=90     # cargo 1.x
JAVA_MIN=17
NODE_MIN=18
export PATH="$PATH:$HOME/.cargo/bin"
cd "$(dirname "$0")/.."

packages=()     # Debian's names
manual=()       # for people on other systems

need() { # what it is for people, then Debian packages
    manual+=("$1")
    shift
    packages+=("$@")
}

has() { command -v "$1" >/dev/null 2>&1; }

# The first number in the output of a version command that $1 (a sed expression with one group) picks.
version() {
    local pick=$1
    shift
    "$@" 2>&1 | sed -nE "s/$pick/\\1/p" | head -n 1
}

at_least() { # minimum, found (perhaps nothing)
    [[ ${2:-} =~ ^[0-9]+$ ]] && (( $2 >= $1 ))
}

if [[ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]]; then
    echo "medtrace runs on Linux x86-64 (its embedded ClickHouse engine is built for that only)" >&2
    exit 1
fi

has gcc && has make || need "a C compiler and make" build-essential
has pkg-config || need "pkg-config" pkg-config
echo '#include <zlib.h>' | gcc -E - >/dev/null 2>&1 || need "zlib's headers" zlib1g-dev
[[ -e /etc/ssl/certs/ca-certificates.crt || -e /etc/pki/tls/certs/ca-bundle.crt ]] || need "CA certificates" ca-certificates
has python3 || need "Python 3" python3

java=$(has java && version '.*version "([0-9]+).*' java -version || true)
at_least $JAVA_MIN "$java" || need "Java $JAVA_MIN or later" openjdk-17-jre-headless
has mvn || need "Maven" maven
node=$(has node && version '^v([0-9]+).*' node --version || true)
at_least $NODE_MIN "$node" || need "Node.js $NODE_MIN or later" nodejs
# Some packages of nodejs bring npm along, and then Debian's npm package must not be asked for: see below.
has npm || need "npm"

cargo=$(has cargo && version '^cargo 1\.([0-9]+).*' cargo --version || true)
at_least $RUST_MIN "$cargo" || need "Rust 1.$RUST_MIN or later (https://rustup.rs)" cargo-web rustc-web
if [[ ${1:-} == --dev ]]; then
    cargo fmt --version >/dev/null 2>&1 || need "rustfmt" rustfmt-web
    cargo clippy --version >/dev/null 2>&1 || need "clippy" rust-web-clippy
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || need "Python's venv" python3-venv
fi

(( ${#manual[@]} )) || exit 0

if (( EUID != 0 )) || ! has apt-get; then
    {
        echo "medtrace needs, and this machine does not have:"
        printf '  - %s\n' "${manual[@]}"
        if has apt-get; then
            has npm || packages+=(npm)
            echo "as root on Debian 12 or later:"
            echo "  apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
        fi
        echo "then start again"
    } >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
echo "installing: ${manual[*]/%/,}"
apt-get update
(( ${#packages[@]} == 0 )) || apt-get install -y --no-install-recommends "${packages[@]}"
has npm || apt-get install -y --no-install-recommends npm

cargo=$(version '^cargo 1\.([0-9]+).*' cargo --version || true)
if ! at_least $RUST_MIN "$cargo"; then
    echo "the cargo of this system is older than 1.$RUST_MIN; install Rust from https://rustup.rs and start again" >&2
    exit 1
fi
