package io.vllmd.engine.cache;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * Page files: a {@link PageHeader}, then the page's bytes. A file appears whole under its name or not at all. Nothing is
 * synced: what a power cut leaves half written has a wrong checksum.
 */
final class PageFiles {
    static final String SUFFIX = ".kv";

    /** Of files under construction. */
    static final String UNFINISHED = ".tmp";

    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    private static final Set<PosixFilePermission> PRIVATE_FOLDER = PosixFilePermissions.fromString("rwx------");

    private PageFiles() {}

    /** What reading a file came to. */
    sealed interface Outcome {}

    /** There is no such file. */
    record Missing() implements Outcome {}

    /** It is what its header says. */
    record Sound(PageHeader header) implements Outcome {}

    /** It is not to be used. */
    record Bad(String reason) implements Outcome {}

    static String name(ChainDigest digest) {
        return digest.hex() + SUFFIX;
    }

    /** Creates a folder for the user alone, or takes others' rights to one that is there. */
    static void createFolder(Path folder) throws IOException {
        Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PRIVATE_FOLDER));
        if (!Files.getPosixFilePermissions(folder).equals(PRIVATE_FOLDER)) {
            Files.setPosixFilePermissions(folder, PRIVATE_FOLDER);
        }
    }

    static int checksum(MemorySegment payload) {
        CRC32C checksum = new CRC32C();
        checksum.update(payload.asByteBuffer());
        return (int) checksum.getValue();
    }

    /** Writes a file of a folder that is there. */
    static void write(Path file, PageHeader header, MemorySegment payload) throws IOException {
        Path unfinished = file.resolveSibling(header.digest().hex() + UNFINISHED);
        Files.deleteIfExists(unfinished);
        try {
            try (FileChannel channel = FileChannel.open(
                    unfinished, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), PRIVATE_FILE)) {
                ByteBuffer[] parts = {header.encode(), payload.asByteBuffer()};
                while (parts[1].hasRemaining()) {
                    channel.write(parts);
                }
            }
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            try {
                Files.deleteIfExists(unfinished);
            } catch (IOException also) {
                e.addSuppressed(also);
            }
            throw e;
        }
    }

    /** Reads and checks a header, and that the file is as long as it says. */
    static Outcome readHeader(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return readHeader(channel);
        } catch (NoSuchFileException e) {
            return new Missing();
        }
    }

    private static Outcome readHeader(FileChannel channel) throws IOException {
        ByteBuffer prefix = ByteBuffer.allocate(PageHeader.PREFIX);
        long size = channel.size();
        if (size < PageHeader.PREFIX) {
            return new Bad("it is cut off");
        }
        fill(channel, prefix, 0);
        int length = PageHeader.length(prefix.flip());
        if (length == 0) {
            return new Bad("it does not begin as a page does");
        }
        if (size < length) {
            return new Bad("it is cut off");
        }
        ByteBuffer bytes = ByteBuffer.allocate(length);
        fill(channel, bytes, 0);
        PageHeader header = PageHeader.decode(bytes.array());
        if (header == null) {
            return new Bad("its header's checksum or version differs");
        }
        return size == length + header.payloadBytes() ? new Sound(header) : new Bad("its length is not what it says");
    }

    /** Reads a page, if it is the one of that place and undamaged. */
    static Outcome read(Path file, PageAddress page, MemorySegment into) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            Outcome outcome = readHeader(channel);
            if (!(outcome instanceof Sound sound)) {
                return outcome;
            }
            PageHeader header = sound.header();
            if (!header.isOf(page) || header.payloadBytes() != into.byteSize()) {
                return new Bad("it holds another page than its name says");
            }
            fill(channel, into.asByteBuffer(), channel.size() - header.payloadBytes());
            return checksum(into) == header.payloadChecksum() ? outcome : new Bad("its checksum differs");
        } catch (NoSuchFileException e) {
            return new Missing();
        }
    }

    private static void fill(FileChannel channel, ByteBuffer buffer, long from) throws IOException {
        long at = from;
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer, at);
            if (count < 0) {
                throw new EOFException("the file ends at byte " + at);
            }
            at += count;
        }
    }
}
