#!/bin/sh
# Usage: fetch-mlx.sh <folder> [platform]
# Makes <folder>/mlx (include, lib) the MLX that mlx-wheels.txt names for this machine, or for `platform` (a first
# column of that file). Wheels are kept in ${VLLMD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vllmd}/wheels; one that is
# there and has the right hash needs no network.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
target=$1
platform=${2:-}

fail() {
    echo "vllmd build: $*" >&2
    exit 1
}

if [ -z "$platform" ]; then
    system=$(uname -s) machine=$(uname -m)
    case "$system-$machine" in
        Linux-x86_64 | Linux-aarch64)
            backend=$(sh "$here/choose-backend.sh")
            if [ "$backend" = cuda ]; then platform=linux-$machine-cuda; else platform=linux-$machine; fi
            ;;
        Darwin-arm64)
            # The build for macOS 26 holds the kernels that M5 needs; older systems cannot load it.
            release=$(sw_vers -productVersion)
            if [ "${release%%.*}" -ge 26 ]; then platform=macos-26; else platform=macos-14; fi
            ;;
        *) fail "no MLX wheel is pinned for $system on $machine; set VLLMD_MLX_HOME to an MLX with include/ and lib/" ;;
    esac
fi

row=$(grep "^$platform " "$here/mlx-wheels.txt") || fail "mlx-wheels.txt names no wheel for '$platform'"
# shellcheck disable=SC2086 # the row is split into its columns
set -- $row
distribution=$2 version=$3 tag=$4 expected=$5
wheels=${VLLMD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vllmd}/wheels
name=$(echo "$distribution" | tr - _)-$version-py3-none-$tag.whl
wheel=$wheels/$name
stamp=$target/mlx/.wheel-sha256

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$expected" ]; then exit 0; fi

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

check() {
    actual=$(sha256 "$1")
    [ "$actual" = "$expected" ] && return 0
    rm -f "$1"
    fail "$1 has SHA-256 $actual, expected $expected: the file was deleted, run the build again to fetch it anew"
}

work=$target/.unpack
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
rm -rf "$work"
mkdir -p "$work" "$wheels"

if [ ! -f "$wheel" ]; then
    echo "vllmd build: fetching $distribution $version for $tag"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform "$tag" \
        --dest "$work" "$distribution==$version" \
        || fail "could not fetch $distribution $version ($tag); without network, put $name into $wheels"
    [ -f "$work/$name" ] || fail "pip fetched $(ls "$work"), expected $name"
    check "$work/$name"
    # Renamed into place inside the cache's own file system, so that no other build ever sees half a wheel.
    cp "$work/$name" "$wheel.$$"
    mv "$wheel.$$" "$wheel"
fi
check "$wheel"

mkdir "$work/wheel"
python3 -m zipfile -e "$wheel" "$work/wheel"
echo "$expected" >"$work/wheel/mlx/.wheel-sha256"
# The stamp arrives with the last rename: a build cut short before it unpacks again.
rm -rf "$target/mlx" "$target"/mlx_*.libs
for libraries in "$work"/wheel/mlx_*.libs; do
    [ ! -d "$libraries" ] || mv "$libraries" "$target/"
done
mv "$work/wheel/mlx" "$target/mlx"
