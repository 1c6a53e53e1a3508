#!/bin/sh
# Builds native/target/native/libvllmd_mlx.{so,dylib}, with the MLX it links beside it. Quick when nothing changed.
# VLLMD_MLX_HOME: an MLX installed elsewhere (include/ and lib/), used in place of the pinned wheel.
# VLLMD_MLX_BACKEND: cpu or cuda on Linux; unset, CUDA where there is an NVIDIA GPU (choose-backend.sh).
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
module=$(CDPATH= cd -- "$here/../.." && pwd)
target=$module/target/native
cmake_tree=$module/target/cmake
stamp=$target/.built
home=${VLLMD_MLX_HOME:-}
backend=$(sh "$here/choose-backend.sh")

case $(uname -s) in
    Darwin) library=$target/libvllmd_mlx.dylib ;;
    *) library=$target/libvllmd_mlx.so ;;
esac

# What the library was built from beside its sources: another MLX, or another wheel, is another build.
origin="home=$home backend=$backend nvidia=${VLLMD_NVIDIA_HOME:-} $(cat "$here"/*-wheels.txt | cksum)"
if [ -f "$stamp" ] && [ -f "$library" ] && [ "$(cat "$stamp")" = "$origin" ] \
    && { [ -n "$home" ] || [ -d "$target/mlx" ]; } \
    && [ -z "$(find "$module/src/main/cpp" "$module/src/build" "$module/CMakeLists.txt" -newer "$stamp" | head -n 1)" ]; then
    exit 0
fi

sh "$here/check-tools.sh" native
mkdir -p "$target"
rm -f "$stamp"
# Times of the sources as they were when the build began: an edit made meanwhile is newer than this.
touch "$target/.began"

if [ -n "$home" ]; then
    [ -f "$home/include/mlx/mlx.h" ] || {
        echo "vllmd build: VLLMD_MLX_HOME is $home, but $home/include/mlx/mlx.h is not there" >&2
        exit 1
    }
    mlx=$home
else
    sh "$here/fetch-mlx.sh" "$target"
    mlx=$target/mlx
    if [ "$backend" = cuda ]; then sh "$here/fetch-nvidia.sh" "$target"; else rm -rf "$target/nvidia"; fi
fi

generator="Unix Makefiles"
if command -v ninja >/dev/null 2>&1; then generator=Ninja; fi
configured=$cmake_tree/.configured
choice="$generator $mlx $backend"
if [ ! -f "$configured" ] || [ "$(cat "$configured")" != "$choice" ]; then
    rm -rf "$cmake_tree"
    mkdir -p "$cmake_tree"
    cmake -S "$module" -B "$cmake_tree" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DMLX_HOME="$mlx" \
        -DMLX_BUNDLED="$([ -n "$home" ] && echo OFF || echo ON)" >"$cmake_tree/configure.log" 2>&1 || {
        cat "$cmake_tree/configure.log" >&2
        exit 1
    }
    echo "$choice" >"$configured"
fi
cmake --build "$cmake_tree" --parallel --target vllmd_mlx >"$cmake_tree/build.log" 2>&1 || {
    cat "$cmake_tree/build.log" >&2
    exit 1
}

echo "$origin" >"$stamp.new"
touch -r "$target/.began" "$stamp.new"
mv "$stamp.new" "$stamp"
rm -f "$target/.began"
