#!/bin/sh
# Usage: fetch-nvidia.sh <folder>
# Makes <folder>/nvidia a link to NVIDIA's libraries (cuBLAS, cuDNN, NCCL, NVRTC, …) and CUDA's headers, where libmlx of
# the CUDA wheel looks for them ($ORIGIN/../../nvidia). In this order:
#   VLLMD_NVIDIA_HOME   a folder like site-packages/nvidia; `none` makes no link (LD_LIBRARY_PATH finds them)
#   the nvidia package  of the python3 on the path, where it has all of them (PyTorch for CUDA 13 brings it)
#   pip                 the wheels that nvidia-wheels.txt names, close to 2 GB, unpacked once into the user's cache
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
target=$1
cache=${VLLMD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vllmd}
platform=linux-$(uname -m)-cuda

fail() {
    echo "vllmd build: $*" >&2
    exit 1
}

# What libmlx loads, and the header that its run-time compiler includes first.
lacking() { # nvidia folder
    for file in cu13/lib/libcublasLt.so.13 cu13/lib/libcufft.so.12 cu13/lib/libcusolver.so.12 cu13/lib/libnvrtc.so.13 \
        cu13/include/cuda_runtime.h cudnn/lib/libcudnn.so.9 nccl/lib/libnccl.so.2; do
        [ -e "$1/$file" ] || echo "$file"
    done
}

link_to() {
    mkdir -p "$target"
    if [ "$(readlink "$target/nvidia" 2>/dev/null || true)" != "$1" ]; then
        rm -rf "$target/nvidia"
        ln -s "$1" "$target/nvidia"
    fi
    exit 0
}

if [ "${VLLMD_NVIDIA_HOME:-}" = none ]; then
    rm -rf "$target/nvidia"
    exit 0
fi
if [ -n "${VLLMD_NVIDIA_HOME:-}" ]; then
    missing=$(lacking "$VLLMD_NVIDIA_HOME" | tr '\n' ' ')
    [ -z "$missing" ] || fail "VLLMD_NVIDIA_HOME is $VLLMD_NVIDIA_HOME, which lacks $missing"
    link_to "$(CDPATH= cd -- "$VLLMD_NVIDIA_HOME" && pwd)"
fi

installed=$(python3 -c 'import importlib.util as u
spec = u.find_spec("nvidia")
print("\n".join(spec.submodule_search_locations or []) if spec else "")' 2>/dev/null || true)
for folder in $installed; do
    [ -n "$(lacking "$folder")" ] || link_to "$folder"
done

key=$(grep "^$platform " "$here/nvidia-wheels.txt" | cksum | cut -d' ' -f1)
unpacked=$cache/nvidia-$key
if [ ! -d "$unpacked" ]; then
    grep -q "^$platform " "$here/nvidia-wheels.txt" || fail "nvidia-wheels.txt names no libraries for '$platform'"
    work=$cache/.nvidia.$$
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir -p "$work/wheels" "$work/unpacked"
    # --require-hashes: pip itself refuses a file of another content.
    grep "^$platform " "$here/nvidia-wheels.txt" | while read -r _ distribution version sha; do
        echo "$distribution==$version --hash=sha256:$sha"
    done >"$work/requirements.txt"
    echo "vllmd build: fetching NVIDIA's libraries, close to 2 GB, once (VLLMD_MLX_BACKEND=cpu builds without)"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --requirement "$work/requirements.txt" --dest "$work/wheels" \
        || fail "could not fetch NVIDIA's libraries; point VLLMD_NVIDIA_HOME to a folder that holds them, or build with VLLMD_MLX_BACKEND=cpu"
    for wheel in "$work"/wheels/*.whl; do
        python3 -m zipfile -e "$wheel" "$work/unpacked"
    done
    missing=$(lacking "$work/unpacked/nvidia" | tr '\n' ' ')
    [ -z "$missing" ] || fail "NVIDIA's wheels lack $missing"
    rm -rf "$unpacked"
    mv "$work/unpacked/nvidia" "$unpacked"
fi
link_to "$unpacked"
