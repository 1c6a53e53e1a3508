package io.vllmd.engine.cache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * SHA-256 over a page's content and all that stands before it: the digest of the page before (of identity and scope
 * before the first), the token ids, the media. Equal content after another prefix, or at another position, has
 * another digest. It is a key and never a proof: whoever finds something by it compares the content.
 */
record ChainDigest(long a, long b, long c, long d) {
    static final int BYTES = 32;

    /** What all chains of one scope begin with. */
    static ChainDigest root(String identity, String scope) {
        MessageDigest digest = sha256();
        text(digest, identity);
        text(digest, scope);
        return of(digest.digest());
    }

    ChainDigest next(PageContent page) {
        MessageDigest digest = sha256();
        ByteBuffer bytes = ByteBuffer.allocate(BYTES + 4 + 4 * page.length()).order(ByteOrder.LITTLE_ENDIAN);
        put(bytes);
        bytes.putInt(page.length());
        for (int i = 0; i < page.length(); i++) {
            bytes.putInt(page.id(i));
        }
        digest.update(bytes.flip());
        for (MediaPart part : page.media()) {
            digest.update(ByteBuffer.allocate(12)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(part.start())
                    .putInt(part.offset())
                    .putInt(part.length())
                    .flip());
            text(digest, part.digest());
        }
        return of(digest.digest());
    }

    private void put(ByteBuffer bytes) {
        bytes.putLong(a).putLong(b).putLong(c).putLong(d);
    }

    static ChainDigest of(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        return new ChainDigest(buffer.getLong(), buffer.getLong(), buffer.getLong(), buffer.getLong());
    }

    byte[] bytes() {
        ByteBuffer buffer = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        put(buffer);
        return buffer.array();
    }

    String hex() {
        return HexFormat.of().formatHex(bytes());
    }

    /** Its length goes first, so that two texts side by side are never mistaken for two others. */
    static void text(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(bytes.length)
                .flip());
        digest.update(bytes);
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
