package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** What all calls into the library share: status to exception, C string to Java. */
final class NativeCalls {

    static final int OK = 0;

    private NativeCalls() {}

    private static final class LastError {
        static final MethodHandle H = NativeLibrary.link("vm_last_error", FunctionDescriptor.of(ADDRESS));
    }

    static void check(int status) {
        if (status != OK) {
            throw new MlxException(lastError());
        }
    }

    /** The calling thread's message of its last failed call. */
    private static String lastError() {
        try {
            return string((MemorySegment) LastError.H.invokeExact());
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static String string(MemorySegment utf8) {
        return utf8.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** invokeExact declares Throwable, but our handles throw nothing checked. */
    static RuntimeException unexpected(Throwable e) {
        if (e instanceof ExceptionInInitializerError linking && linking.getCause() instanceof MlxException cause) {
            return cause;
        }
        if (e instanceof RuntimeException runtime) {
            return runtime;
        }
        if (e instanceof Error error) {
            throw error;
        }
        return new MlxException("native call failed: " + e, e);
    }
}
