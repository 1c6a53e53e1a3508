package io.vllmd.hub;

import io.vllmd.config.Problem;
import io.vllmd.mlx.Safetensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * A digest of a model's content. Hashing gigabytes of weights would take as long as loading them, so every tensor gives
 * its header entry and its first bytes: two fine-tunes of one base differ in those.
 */
final class ModelIdentity {
    private static final int SAMPLE = 256;

    private ModelIdentity() {}

    static String of(Path root, List<Safetensors> files) {
        MessageDigest digest = sha256();
        try {
            digest.update(Files.readAllBytes(root.resolve("config.json")));
            for (Safetensors file : files) {
                try (FileChannel channel = FileChannel.open(file.file(), StandardOpenOption.READ)) {
                    for (Safetensors.Tensor tensor : file.tensors().values()) {
                        digest.update(tensor.toString().getBytes(StandardCharsets.UTF_8));
                        digest.update(sample(channel, tensor).flip());
                    }
                }
            }
        } catch (IOException e) {
            throw Problem.of(
                            Problem.Kind.UNAVAILABLE,
                            "The model folder " + root + " cannot be read: " + e,
                            root.toString())
                    .asException(e);
        }
        return HexFormat.of().formatHex(digest.digest(), 0, 16);
    }

    private static ByteBuffer sample(FileChannel channel, Safetensors.Tensor tensor) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(SAMPLE, tensor.nbytes()));
        while (bytes.hasRemaining() && channel.read(bytes, tensor.offset() + bytes.position()) >= 0) {
            // a channel may give fewer bytes than asked for
        }
        return bytes;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
