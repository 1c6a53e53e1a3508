/** MLX from Java: arrays, operations, the thread that owns them, and the C library behind them. */
@NullMarked
package io.vllmd.mlx;

import org.jspecify.annotations.NullMarked;
