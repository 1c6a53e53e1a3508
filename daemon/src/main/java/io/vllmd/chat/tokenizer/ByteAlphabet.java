package io.vllmd.chat.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The 256 printable characters that stand for bytes in the vocabulary of a byte-level BPE (GPT-2's bytes_to_unicode):
 * printable Latin-1 stands for itself, the other 68 bytes, in order, for U+0100 and up.
 */
final class ByteAlphabet {
    private static final char[] CHARS = new char[256];
    private static final short[] BYTES = new short[256 + 68];

    static {
        Arrays.fill(BYTES, (short) -1);
        int moved = 0;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
            CHARS[b] = (char) (printable ? b : 256 + moved++);
            BYTES[CHARS[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    static char charOf(byte b) {
        return CHARS[b & 0xff];
    }

    /** The byte that a character stands for, or -1. */
    static int byteOf(char c) {
        return c < BYTES.length ? BYTES[c] : -1;
    }

    /** The UTF-8 bytes of a text, each as its character. */
    static String map(String text) {
        return map(text.getBytes(StandardCharsets.UTF_8));
    }

    static String map(byte[] bytes) {
        char[] mapped = new char[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            mapped[i] = CHARS[bytes[i] & 0xff];
        }
        return new String(mapped);
    }

    /** The bytes that the characters from start to end stand for, or null where one of them stands for none. */
    static byte @Nullable [] unmap(String mapped, int start, int end) {
        byte[] bytes = new byte[end - start];
        for (int i = start; i < end; i++) {
            int b = byteOf(mapped.charAt(i));
            if (b < 0) {
                return null;
            }
            bytes[i - start] = (byte) b;
        }
        return bytes;
    }
}
