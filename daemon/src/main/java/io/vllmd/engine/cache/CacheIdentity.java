package io.vllmd.engine.cache;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * Whose pages they are: where any of these differs, so may every number on a page.
 *
 * @param weightsFingerprint tells weights apart by their content, such as {@code ModelFolder.identity()}
 * @param kvFormat of a page: dtype, bits, layers, heads
 * @param library version of what computes them
 */
public record CacheIdentity(String weightsFingerprint, String kvFormat, String library) {

    /** SHA-256 over all of it. */
    byte[] digest() {
        MessageDigest digest = ChainDigest.sha256();
        for (String part : new String[] {weightsFingerprint, kvFormat, library}) {
            ChainDigest.text(digest, part);
        }
        return digest.digest();
    }

    /** Name of the folder with its pages. */
    String folder() {
        return folder(digest());
    }

    static String folder(byte[] digest) {
        return HexFormat.of().formatHex(digest, 0, 16);
    }

    /** SHA-256 of a scope, which may be a secret, for these pages only. */
    byte[] scopeDigest(String scope) {
        MessageDigest digest = ChainDigest.sha256();
        digest.update(digest());
        digest.update(scope.getBytes(StandardCharsets.UTF_8));
        return digest.digest();
    }
}
