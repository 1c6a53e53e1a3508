package io.vllmd.mlx;

import org.jspecify.annotations.Nullable;

/** The MLX library is missing, does not load, or is not the one this build was made for. */
public final class NativeLibraryException extends MlxException {

    NativeLibraryException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
