#!/bin/sh
# Prints the MLX backend to build for: metal, cuda or cpu. VLLMD_MLX_BACKEND (cpu or cuda) decides on Linux where it is
# set; else CUDA where an NVIDIA GPU answers. libmlx of the CUDA wheel computes on the CPU too, so `device` stays a
# setting there.
set -eu

if [ "$(uname -s)" = Darwin ]; then
    echo metal
    exit 0
fi
case ${VLLMD_MLX_BACKEND:-auto} in
    cpu | cuda) echo "$VLLMD_MLX_BACKEND" ;;
    auto)
        # The second is how WSL shows a GPU, which has no device file there.
        if [ -e /dev/nvidia0 ] || { command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; }; then
            echo cuda
        else
            echo cpu
        fi
        ;;
    *)
        echo "vllmd build: VLLMD_MLX_BACKEND is '$VLLMD_MLX_BACKEND', allowed are cpu, cuda and auto" >&2
        exit 1
        ;;
esac
