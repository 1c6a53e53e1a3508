#!/bin/sh
# Compiles and links the library for the platforms that this machine is not: macOS on arm64 and Linux on arm64, against
# the MLX wheel of each. Every symbol must be found. The compiler is Zig's, from PyPI; nothing is installed.
# Usage: cross-compile.sh [macos-14|macos-26|linux-aarch64 …]
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
module=$(CDPATH= cd -- "$here/../.." && pwd)
target=$module/target/cross
zig_version=0.17.1

[ $# -gt 0 ] || set -- macos-14 linux-aarch64
mkdir -p "$target"
if [ ! -d "$target/zig-$zig_version" ]; then
    rm -rf "$target/zig.new"
    python3 -m pip install --quiet --disable-pip-version-check --target "$target/zig.new" "ziglang==$zig_version"
    mv "$target/zig.new" "$target/zig-$zig_version"
fi
PYTHONPATH=$target/zig-$zig_version
export PYTHONPATH
ZIG_GLOBAL_CACHE_DIR=$target/zig-cache
export ZIG_GLOBAL_CACHE_DIR

for platform; do
    sh "$here/fetch-mlx.sh" "$target/$platform" "$platform"
    mlx=$target/$platform/mlx
    case $platform in
        macos-*)
            defs=''
            triple=aarch64-macos.${platform#macos-}.0
            output=$target/$platform/libvllmd_mlx.dylib
            rpath=@loader_path/mlx/lib
            ;;
        linux-aarch64)
            triple=aarch64-linux-gnu.2.35
            defs=-Wl,-z,defs
            output=$target/$platform/libvllmd_mlx.so
            rpath='$ORIGIN/mlx/lib'
            ;;
        *)
            echo "cross-compile: unknown platform '$platform'" >&2
            exit 1
            ;;
    esac
    objects=''
    for source in "$module"/src/main/cpp/*.cpp "$module"/src/main/cpp/cpu/*.cpp; do
        object=$target/$platform/$(basename "$source" .cpp).o
        case $source in
            */kernels_*) flags="-ffp-contract=off -fno-math-errno -Wno-psabi" ;;
            *) flags='' ;;
        esac
        # shellcheck disable=SC2086 # flags are several words
        python3 -m ziglang c++ -target "$triple" -std=c++20 -O2 -fPIC -fvisibility=hidden -Wall -Wextra $flags \
            -I"$module/src/main/cpp" -isystem "$mlx/include" -c "$source" -o "$object"
        objects="$objects $object"
    done
    # shellcheck disable=SC2086 # one word per object
    python3 -m ziglang c++ -target "$triple" -shared $defs $objects -L"$mlx/lib" -lmlx "-Wl,-rpath,$rpath" -o "$output"
    echo "cross-compile: $platform links: $output ($(wc -c <"$output") bytes)"
done
