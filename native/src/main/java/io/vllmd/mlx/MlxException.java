package io.vllmd.mlx;

import org.jspecify.annotations.Nullable;

/** MLX, its library or a weight file refused something; the message says what and with which values. */
public class MlxException extends RuntimeException {

    public MlxException(String message) {
        super(message);
    }

    public MlxException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
