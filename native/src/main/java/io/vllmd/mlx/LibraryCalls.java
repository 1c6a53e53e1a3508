package io.vllmd.mlx;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Calls about the library itself: devices, streams, memory, choice of kernels. */
final class LibraryCalls {

    private LibraryCalls() {}

    private static final class CpuKernels {
        static final MethodHandle H = NativeLibrary.link("vm_cpu_kernels", FunctionDescriptor.of(ADDRESS));
    }

    static String cpuKernels(OwnerThread ignored) {
        try {
            return NativeCalls.string((MemorySegment) CpuKernels.H.invokeExact());
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class DeviceAvailable {
        static final MethodHandle H =
                NativeLibrary.link("vm_device_available", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    static boolean deviceAvailable(OwnerThread thread, int device) {
        try {
            NativeCalls.check((int) DeviceAvailable.H.invokeExact(device, thread.scratch.out(0)));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.getInt(0) != 0;
    }

    private static final class DeviceInfo {
        static final MethodHandle H = NativeLibrary.link(
                "vm_device_info",
                FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG));
    }

    static DeviceDescription deviceInfo(OwnerThread thread, Device device) {
        int room = 256;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(room);
            MemorySegment architecture = arena.allocate(room);
            NativeCalls.check((int) DeviceInfo.H.invokeExact(
                    device.code(), name.address(), room, architecture.address(), room, thread.scratch.out(0)));
            return new DeviceDescription(device, name.getString(0), architecture.getString(0), thread.scratch.get(0));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class Environment {
        static final MethodHandle H =
                NativeLibrary.link("vm_environment", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    }

    /** For this process, unless it is set. */
    static void environment(OwnerThread ignored, String name, String value) {
        try (Arena arena = Arena.ofConfined()) {
            NativeCalls.check((int) Environment.H.invokeExact(
                    arena.allocateFrom(name).address(),
                    arena.allocateFrom(value).address()));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class FusedAttentionFrom {
        static final MethodHandle H =
                NativeLibrary.link("vm_fused_attention_from", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    }

    static void fusedAttentionFrom(OwnerThread ignored, int keys) {
        try {
            NativeCalls.check((int) FusedAttentionFrom.H.invokeExact(keys));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class RowIndependent {
        static final MethodHandle H =
                NativeLibrary.link("vm_row_independent", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    }

    static void rowIndependent(OwnerThread ignored, boolean on) {
        try {
            NativeCalls.check((int) RowIndependent.H.invokeExact(on ? 1 : 0));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class SetDefaultDevice {
        static final MethodHandle H =
                NativeLibrary.link("vm_set_default_device", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    }

    static void setDefaultDevice(OwnerThread thread, int device) {
        try {
            NativeCalls.check((int) SetDefaultDevice.H.invokeExact(device));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class StreamNew {
        static final MethodHandle H =
                NativeLibrary.link("vm_stream_new", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    static long newStream(OwnerThread thread, int device) {
        try {
            NativeCalls.check((int) StreamNew.H.invokeExact(device, thread.scratch.out(0)));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        return thread.scratch.get(0);
    }

    private static final class Synchronize {
        static final MethodHandle H = NativeLibrary.link("vm_synchronize", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    }

    static void synchronize(OwnerThread thread, long stream) {
        try {
            NativeCalls.check((int) Synchronize.H.invokeExact(stream));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class Memory {
        static final MethodHandle H =
                NativeLibrary.link("vm_memory", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    }

    /** Leaves active, cached and peak bytes in out-slots 0, 1, 2. */
    static void memory(OwnerThread thread) {
        try {
            NativeCalls.check(
                    (int) Memory.H.invokeExact(thread.scratch.out(0), thread.scratch.out(1), thread.scratch.out(2)));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class MemoryResetPeak {
        static final MethodHandle H = NativeLibrary.link("vm_memory_reset_peak", FunctionDescriptor.of(JAVA_INT));
    }

    static void resetPeak(OwnerThread thread) {
        try {
            NativeCalls.check((int) MemoryResetPeak.H.invokeExact());
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class MemoryClearCache {
        static final MethodHandle H = NativeLibrary.link("vm_memory_clear_cache", FunctionDescriptor.of(JAVA_INT));
    }

    static void clearCache(OwnerThread thread) {
        try {
            NativeCalls.check((int) MemoryClearCache.H.invokeExact());
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class MemoryCacheLimit {
        static final MethodHandle H =
                NativeLibrary.link("vm_memory_cache_limit", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    }

    static void cacheLimit(OwnerThread thread, long bytes) {
        try {
            NativeCalls.check((int) MemoryCacheLimit.H.invokeExact(bytes));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class Portable {
        static final MethodHandle H = NativeLibrary.link("vm_portable", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    }

    static void portable(OwnerThread thread, boolean portable) {
        try {
            NativeCalls.check((int) Portable.H.invokeExact(portable ? 1 : 0));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class CpuThreads {
        static final MethodHandle H = NativeLibrary.link("vm_cpu_threads", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    }

    static void cpuThreads(OwnerThread thread, int threads) {
        try {
            NativeCalls.check((int) CpuThreads.H.invokeExact(threads));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }

    private static final class CpuKernelsUse {
        static final MethodHandle H =
                NativeLibrary.link("vm_cpu_kernels_use", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    }

    /** {@code name} is the address of a C string. */
    static void useCpuKernels(OwnerThread thread, long name) {
        try {
            NativeCalls.check((int) CpuKernelsUse.H.invokeExact(name));
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
    }
}
