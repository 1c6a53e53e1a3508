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

fail() {
    echo "cross-compile: $*" >&2
    exit 1
}

for platform; do
    case $platform in
        macos-*)
            language=c++
            triple=aarch64-macos.${platform#macos-}.0
            library=libvllmd_mlx.dylib
            rpath=@loader_path/mlx/lib
            headers=''
            ;;
        linux-aarch64)
            # MLX for Linux is built with GCC's standard library, Zig brings Clang's: this machine's headers of the
            # former, which name the same symbols on every processor. -I, or Zig would search them after C's.
            language=c
            triple=aarch64-linux-gnu.2.35
            library=libvllmd_mlx.so
            rpath=\$ORIGIN/mlx/lib
            headers="-w -nostdinc++ $(echo | g++ -xc++ -E -v - 2>&1 | sed -n 's|^ \(/.*/c++/.*\)|-I\1|p' | tr '\n' ' ')"
            ;;
        *) fail "unknown platform '$platform'" ;;
    esac
    sh "$here/fetch-mlx.sh" "$target/$platform" "$platform"
    mlx=$target/$platform/mlx
    output=$target/$platform/$library
    if [ $language = c ]; then compiler=cc; else compiler=c++; fi
    objects=''
    for source in "$module"/src/main/cpp/*.cpp "$module"/src/main/cpp/*/*.cpp; do
        object=$target/$platform/$(basename "$(dirname "$source")")-$(basename "$source" .cpp).o
        case $source in
            */kernels_*) flags="-ffp-contract=off -fno-math-errno -Wno-psabi" ;;
            *) flags='' ;;
        esac
        # shellcheck disable=SC2086 # flags and headers are several words
        python3 -m ziglang $compiler -target "$triple" -x c++ -std=c++20 -O2 -fPIC -fvisibility=hidden $flags \
            -I"$module/src/main/cpp" $headers -isystem "$mlx/include" -c "$source" -o "$object"
        objects="$objects $object"
    done
    # shellcheck disable=SC2086 # one word per object
    python3 -m ziglang $compiler -target "$triple" -shared $objects -L"$mlx/lib" -lmlx "-Wl,-rpath,$rpath" -o "$output"
    if [ $language = c ]; then
        # The linker lets a shared library lack symbols, and GCC's library for arm64 is not here to be linked: what
        # must be found is what MLX is to provide. (The macOS linker has refused undefined symbols already.)
        readelf -W --dyn-syms "$mlx/lib/libmlx.so" | awk '$7 != "UND" {sub(/@.*/, "", $8); print $8}' | sort -u \
            >"$target/$platform/provided"
        # Weak ones are those of MLX's CUDA build, which this library asks for before it calls them.
        lacking=$(readelf -W --dyn-syms "$output" | awk '$5 != "WEAK" && $7 == "UND" && $8 ~ /mlx/ {sub(/@.*/, "", $8); print $8}' \
            | sort -u | comm -23 - "$target/$platform/provided")
        [ -z "$lacking" ] || fail "$platform: MLX does not provide
$lacking"
        wanted=$(readelf -W --dyn-syms "$output" | awk '$7 == "UND" && $8 ~ /mlx/' | wc -l)
        [ "$wanted" -gt 50 ] || fail "$platform: only $wanted symbols of MLX are used, the check sees nothing"
    fi
    echo "cross-compile: $platform links: $output ($(wc -c <"$output") bytes)"
done
