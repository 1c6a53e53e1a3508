package io.vllmd.engine.cache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What a page file says of itself before its bytes. Little-endian: magic, version, length of the header, of the
 * payload, its CRC-32C; index of the page, groups that have it, SHA-256 of identity, of scope, of the chain to its
 * parent and to itself; token ids; media; CRC-32C of all before.
 *
 * @param index which page of its prompt it is, from 0
 * @param groups bit i: group i has the page
 * @param payloadChecksum CRC-32C
 */
record PageHeader(
        byte[] identity,
        byte[] scope,
        ChainDigest parent,
        ChainDigest digest,
        int index,
        long groups,
        int[] ids,
        MediaPart[] media,
        long payloadBytes,
        int payloadChecksum) {

    /** So many bytes tell how long the header is. */
    static final int PREFIX = 16;

    static final int VERSION = 1;
    private static final long MAGIC = 0x31766b646d6c6c76L;
    private static final int MOST_BYTES = 1 << 20;
    private static final int DIGEST = ChainDigest.BYTES;

    ByteBuffer encode() {
        int mediaBytes = 0;
        byte[][] digests = new byte[media.length][];
        for (int i = 0; i < media.length; i++) {
            digests[i] = media[i].digest().getBytes(StandardCharsets.UTF_8);
            mediaBytes += 16 + digests[i].length;
        }
        int length = PREFIX + 12 + 12 + 4 * DIGEST + 4 + 4 * ids.length + 4 + mediaBytes + 4;
        ByteBuffer out = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(MAGIC).putInt(VERSION).putInt(length);
        out.putLong(payloadBytes).putInt(payloadChecksum).putInt(index).putLong(groups);
        out.put(identity).put(scope).put(parent.bytes()).put(digest.bytes());
        out.putInt(ids.length);
        for (int id : ids) {
            out.putInt(id);
        }
        out.putInt(media.length);
        for (int i = 0; i < media.length; i++) {
            MediaPart part = media[i];
            out.putInt(part.start()).putInt(part.offset()).putInt(part.length());
            out.putInt(digests[i].length).put(digests[i]);
        }
        return out.putInt(checksum(out.array(), length - 4)).flip();
    }

    /** Bytes of the header that begins so; 0 where none of ours does. */
    static int length(ByteBuffer prefix) {
        ByteBuffer in = prefix.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        if (in.remaining() < PREFIX || in.getLong() != MAGIC) {
            return 0;
        }
        in.getInt();
        int length = in.getInt();
        return length >= PREFIX + 4 && length <= MOST_BYTES ? length : 0;
    }

    /**
     * Reads a whole header.
     *
     * @return null where its checksum differs, or it is of another version
     */
    static @Nullable PageHeader decode(byte[] bytes) {
        int length = bytes.length;
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (in.getInt(length - 4) != checksum(bytes, length - 4) || in.getInt(8) != VERSION) {
            return null;
        }
        // What follows was written by encode, or the checksum would differ.
        in.position(PREFIX);
        long payloadBytes = in.getLong();
        int payloadChecksum = in.getInt();
        int index = in.getInt();
        long groups = in.getLong();
        byte[] identity = bytes(in, DIGEST);
        byte[] scope = bytes(in, DIGEST);
        ChainDigest parent = ChainDigest.of(bytes(in, DIGEST));
        ChainDigest digest = ChainDigest.of(bytes(in, DIGEST));
        int[] ids = new int[in.getInt()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = in.getInt();
        }
        MediaPart[] media = new MediaPart[in.getInt()];
        for (int i = 0; i < media.length; i++) {
            int start = in.getInt();
            int offset = in.getInt();
            int span = in.getInt();
            String text = new String(bytes(in, in.getInt()), StandardCharsets.UTF_8);
            media[i] = new MediaPart(start, offset, span, text);
        }
        return new PageHeader(
                identity, scope, parent, digest, index, groups, ids, media, payloadBytes, payloadChecksum);
    }

    private static byte[] bytes(ByteBuffer in, int count) {
        byte[] bytes = new byte[count];
        in.get(bytes);
        return bytes;
    }

    private static int checksum(byte[] bytes, int count) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, 0, count);
        return (int) checksum.getValue();
    }

    PageContent content() {
        return new PageContent(ids, 0, ids.length, media);
    }

    /** Whether this is the page of that place. */
    boolean isOf(PageAddress page) {
        return digest.equals(page.digest())
                && parent.equals(page.parent())
                && index == page.index()
                && Arrays.equals(identity, page.identity())
                && Arrays.equals(scope, page.scope())
                && content().equals(page.content());
    }
}
