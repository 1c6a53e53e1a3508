package io.vllmd.control;

import io.vllmd.config.Problem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;

/**
 * The place of the control socket. That two daemons which start at once do not take each other's fresh socket for a
 * stale one is the doing of the lock on their home, which whoever starts a server here holds.
 */
final class SocketFile implements AutoCloseable {
    private static final int STICKY = 01000;

    private final Path path;

    private SocketFile(Path path) {
        this.path = path;
    }

    /**
     * Makes the folder (0700) and removes a socket that a dead daemon left.
     *
     * @throws io.vllmd.config.ProblemException CONFLICT where another daemon or another file is there
     */
    static SocketFile claim(Path path) throws IOException {
        Path folder = path.getParent();
        if (folder == null) {
            throw new IOException("the control socket " + path + " has no folder");
        }
        makePrivate(folder);
        if (isAlive(path)) {
            throw taken(path).asException();
        }
        removeStale(path);
        return new SocketFile(path);
    }

    /**
     * The address of a socket file. jnr counts the characters of a path where the system counts bytes, and so cuts off
     * the end of one that is not ASCII; NULs that follow the path make up for it.
     */
    static UnixSocketAddress address(Path path) {
        String name = path.toString();
        int missing = name.getBytes(StandardCharsets.UTF_8).length - name.length();
        return new UnixSocketAddress(name + "\0".repeat(missing));
    }

    /** To be called once the socket is bound: nobody else may connect. */
    void restrict() throws IOException {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
    }

    /** Removes the socket. */
    @Override
    public void close() throws IOException {
        Files.deleteIfExists(path);
    }

    private static void makePrivate(Path folder) throws IOException {
        var onlyMine = PosixFilePermissions.fromString("rwx------");
        Path parent = folder.getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        if (!Files.isDirectory(folder)) {
            Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(onlyMine));
        }
        // A folder that everybody shares, such as /tmp, is not ours to close.
        int mode = (int) Files.getAttribute(folder, "unix:mode");
        if ((mode & STICKY) == 0 && (mode & 0777) != 0700) {
            Files.setPosixFilePermissions(folder, onlyMine);
        }
    }

    private static boolean isAlive(Path path) {
        try (var probe = UnixSocketChannel.open(address(path))) {
            return probe.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    private static void removeStale(Path path) throws IOException {
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            int type = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) & 0170000;
            if (type != 0140000) {
                throw Problem.of(
                                Problem.Kind.CONFLICT,
                                "The control socket can't be made: " + path + " is something else. Move it away,"
                                        + " or set VLLMD_HOME to another folder.",
                                path.toString())
                        .asException();
            }
            Files.delete(path);
        }
    }

    private static Problem taken(Path path) {
        String who = "Another vllmd";
        try (var probe = UnixSocketChannel.open(address(path))) {
            who += " (process " + PeerCredentials.ofSystem().of(probe.getFD()).pid() + ")";
        } catch (IOException e) {
            who += " that is stopping";
        }
        return Problem.of(
                Problem.Kind.CONFLICT,
                who + " serves " + path + ". Steer it with vllmctl, stop it, or set VLLMD_HOME to another folder"
                        + " for a second one.",
                path.toString());
    }
}
