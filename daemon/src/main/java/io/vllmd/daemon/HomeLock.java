package io.vllmd.daemon;

import io.vllmd.config.Places;
import io.vllmd.config.Problem;
import io.vllmd.config.Reasons;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * One daemon per home. The kernel lets go of the lock when the process ends, however it ends, so there is no
 * stale one.
 */
final class HomeLock implements AutoCloseable {
    private final FileChannel channel;

    private HomeLock(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Makes the home where it is missing, for its owner alone, and takes it.
     *
     * @throws io.vllmd.config.ProblemException CONFLICT where another daemon has it, INTERNAL where the disk refuses
     */
    static HomeLock take(Places places) {
        Path file = places.home().resolve("daemon.lock");
        try {
            if (!Files.isDirectory(places.home())) {
                Files.createDirectories(
                        places.home(),
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock();
            if (lock == null) {
                String pid = Files.readString(file).strip();
                channel.close();
                throw Problem.of(
                                Problem.Kind.CONFLICT,
                                "Another vllmd" + (pid.isEmpty() ? "" : " (process " + pid + ")")
                                        + " runs with the home "
                                        + places.home()
                                        + ". Steer it with vllmctl, stop it, or set VLLMD_HOME to start one beside it.",
                                places.home().toString())
                        .asException();
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII)));
            return new HomeLock(channel);
        } catch (IOException e) {
            throw Problem.of(
                            Problem.Kind.INTERNAL,
                            "The home " + places.home() + " cannot be used: " + Reasons.of(e)
                                    + ". Make it writable, or set VLLMD_HOME to another folder.",
                            places.home().toString())
                    .asException(e);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
