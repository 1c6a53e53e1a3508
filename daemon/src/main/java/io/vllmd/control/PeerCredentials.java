package io.vllmd.control;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/** Reads who is at the other end of a Unix socket from its descriptor. */
interface PeerCredentials {

    /** The peer of a connected socket; an IOException where the kernel does not tell it. */
    Peer of(int descriptor) throws IOException;

    /** The way of this system. */
    static PeerCredentials ofSystem() {
        return System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("mac")
                ? Socket::macPeer
                : Socket::linuxPeer;
    }

    /** The user that this process runs as. */
    static long ownUser() {
        try {
            return Integer.toUnsignedLong((int) Socket.GETEUID.invokeExact());
        } catch (Throwable e) {
            throw new IllegalStateException("geteuid can't be called", e);
        }
    }

    /** getsockopt(2) and the structures that it fills. */
    final class Socket {
        private static final Linker LINKER = Linker.nativeLinker();
        static final MethodHandle GETEUID =
                LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("geteuid"), FunctionDescriptor.of(JAVA_INT));
        private static final MethodHandle GETSOCKOPT = LINKER.downcallHandle(
                LINKER.defaultLookup().findOrThrow("getsockopt"),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));

        // <sys/socket.h> of Linux: SOL_SOCKET, SO_PEERCRED; struct ucred {pid, uid, gid}, 4 bytes each.
        private static final int LINUX_LEVEL = 1;
        private static final int LINUX_PEERCRED = 17;
        static final int UCRED_BYTES = 12;

        // <sys/un.h> of macOS: SOL_LOCAL, LOCAL_PEERCRED, LOCAL_PEERPID; <sys/ucred.h>:
        // struct xucred {uint version = 0; uid_t uid; short ngroups; gid_t groups[16]}.
        private static final int MAC_LEVEL = 0;
        private static final int MAC_PEERCRED = 1;
        private static final int MAC_PEERPID = 2;
        static final int XUCRED_BYTES = 76;

        private Socket() {}

        static Peer linuxPeer(int descriptor) throws IOException {
            try (var arena = Arena.ofConfined()) {
                return ofUcred(option(arena, descriptor, LINUX_LEVEL, LINUX_PEERCRED, UCRED_BYTES));
            }
        }

        static Peer macPeer(int descriptor) throws IOException {
            try (var arena = Arena.ofConfined()) {
                var credentials = option(arena, descriptor, MAC_LEVEL, MAC_PEERCRED, XUCRED_BYTES);
                var pid = option(arena, descriptor, MAC_LEVEL, MAC_PEERPID, Integer.BYTES);
                return ofXucred(credentials, pid);
            }
        }

        static Peer ofUcred(MemorySegment ucred) {
            return new Peer(Integer.toUnsignedLong(ucred.get(JAVA_INT, 4)), ucred.get(JAVA_INT, 0));
        }

        static Peer ofXucred(MemorySegment xucred, MemorySegment pid) throws IOException {
            int version = xucred.get(JAVA_INT, 0);
            if (version != 0) {
                throw new IOException("the system tells credentials of version " + version + "; this program reads 0");
            }
            return new Peer(Integer.toUnsignedLong(xucred.get(JAVA_INT, 4)), pid.get(JAVA_INT, 0));
        }

        private static MemorySegment option(Arena arena, int descriptor, int level, int name, int bytes)
                throws IOException {
            var value = arena.allocate(bytes, Integer.BYTES);
            var length = arena.allocateFrom(JAVA_INT, bytes);
            int status;
            try {
                status = (int) GETSOCKOPT.invokeExact(descriptor, level, name, value, length);
            } catch (Throwable e) {
                throw new IOException("getsockopt can't be called", e);
            }
            if (status != 0 || length.get(JAVA_INT, 0) != bytes) {
                throw new IOException("getsockopt does not tell who is at the other end of descriptor " + descriptor);
            }
            return value;
        }
    }
}
