package io.vllmd.mlx;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;

/**
 * A safetensors file: an 8-byte little-endian header length, a JSON header, the tensors' bytes without gap or
 * overlap (format of huggingface/safetensors). Opening checks all of the header, so that whatever passes can
 * be read at face value. Pure Java, any thread; an interrupt of a reading thread closes the file, as with
 * every FileChannel.
 */
public final class Safetensors implements AutoCloseable {

    /** Bounds what one system call transfers, and with it the JDK's temporary direct buffers. */
    private static final long PIECE = 64 << 20;

    private final Path file;
    private final FileChannel channel;
    private final SafetensorsHeader header;

    private Safetensors(Path file, FileChannel channel, SafetensorsHeader header) {
        this.file = file;
        this.channel = channel;
        this.header = header;
    }

    /**
     * Where a tensor's bytes lie.
     *
     * @param shape not to be changed
     * @param offset of its first byte in the file
     */
    @SuppressWarnings("ArrayRecordComponent")
    public record Tensor(String name, Dtype dtype, int[] shape, long offset, long nbytes) {
        @Override
        public String toString() {
            return name + " " + dtype + Arrays.toString(shape);
        }
    }

    /**
     * Opens a file and reads its header.
     *
     * @throws MlxException naming file and tensor, where the file is not what the format demands
     * @throws IOException where it can't be read
     */
    public static Safetensors open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        try {
            return new Safetensors(file, channel, SafetensorsHeader.read(file, channel));
        } catch (IOException | RuntimeException e) {
            try {
                channel.close();
            } catch (IOException closing) {
                e.addSuppressed(closing);
            }
            throw e;
        }
    }

    public Path file() {
        return file;
    }

    /** By name, in the order of the header. */
    public Map<String, Tensor> tensors() {
        return header.tensors();
    }

    /** The header's {@code __metadata__}, empty where there is none. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /**
     * Copies a tensor's bytes, little-endian as they are in the file, into off-heap memory of exactly its size.
     *
     * @throws MlxException naming the tensor, where the file has become shorter or can't be read
     */
    public void read(Tensor tensor, MemorySegment into) {
        if (!tensor.equals(tensors().get(tensor.name()))) {
            throw new IllegalArgumentException(tensor.name() + " is not a tensor of " + file);
        }
        if (into.byteSize() != tensor.nbytes()) {
            throw new IllegalArgumentException("tensor " + tensor.name() + " of " + file + " takes " + tensor.nbytes()
                    + " bytes, given memory of " + into.byteSize());
        }
        try {
            for (long done = 0; done < tensor.nbytes(); done += PIECE) {
                ByteBuffer piece = into.asSlice(done, Math.min(PIECE, tensor.nbytes() - done))
                        .asByteBuffer();
                long at = tensor.offset() + done;
                while (piece.hasRemaining()) {
                    int n = channel.read(piece, at);
                    if (n < 0) {
                        throw new MlxException("weight file " + file + " ends at byte " + at + " within tensor "
                                + tensor.name() + " (bytes " + tensor.offset() + " to "
                                + (tensor.offset() + tensor.nbytes())
                                + "): it became shorter since it was opened; fetch it again");
                    }
                    at += n;
                }
            }
        } catch (IOException e) {
            throw new MlxException(
                    "cannot read tensor " + tensor.name() + " of weight file " + file + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot close weight file " + file, e);
        }
    }
}
