package io.vllmd.chat.tokenizer;

/**
 * UTF-8 to text, bytes arriving in any portions. A sequence that cannot become a character gives one U+FFFD for each
 * maximal part (Unicode 3.9, table 3-8; the WHATWG decoder), which is what Rust does and the JDK's decoder does not:
 * it takes an encoded surrogate as one error of three bytes.
 */
final class Utf8Decoder {
    private static final char REPLACEMENT = '\ufffd';

    private int codePoint;
    private int needed;
    private int lower = 0x80;
    private int upper = 0xbf;

    /** Appends the characters that are complete; keeps the bytes of one that is not. */
    void decode(byte[] bytes, StringBuilder out) {
        for (byte signed : bytes) {
            int b = signed & 0xff;
            if (needed > 0) {
                if (b >= lower && b <= upper) {
                    proceed(b, out);
                    continue;
                }
                finish(out);
            }
            start(b, out);
        }
    }

    /** Appends U+FFFD where bytes of a character were kept, and forgets them. */
    void finish(StringBuilder out) {
        if (needed > 0) {
            out.append(REPLACEMENT);
            needed = 0;
            lower = 0x80;
            upper = 0xbf;
        }
    }

    private void start(int b, StringBuilder out) {
        if (b < 0x80) {
            out.append((char) b);
        } else if (b >= 0xc2 && b <= 0xdf) {
            expect(1, b & 0x1f);
        } else if (b >= 0xe0 && b <= 0xef) {
            lower = b == 0xe0 ? 0xa0 : 0x80;
            upper = b == 0xed ? 0x9f : 0xbf;
            expect(2, b & 0xf);
        } else if (b >= 0xf0 && b <= 0xf4) {
            lower = b == 0xf0 ? 0x90 : 0x80;
            upper = b == 0xf4 ? 0x8f : 0xbf;
            expect(3, b & 0x7);
        } else {
            out.append(REPLACEMENT);
        }
    }

    private void expect(int more, int bits) {
        needed = more;
        codePoint = bits;
    }

    private void proceed(int b, StringBuilder out) {
        codePoint = codePoint << 6 | (b & 0x3f);
        lower = 0x80;
        upper = 0xbf;
        if (--needed == 0) {
            out.appendCodePoint(codePoint);
        }
    }
}
