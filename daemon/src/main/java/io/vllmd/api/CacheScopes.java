package io.vllmd.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.config.EngineSettings.CacheIsolation;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Whose requests share what was computed for a prompt. */
public final class CacheScopes {
    private static final String BEARER = "bearer ";

    private CacheScopes() {}

    /** The scope of a request: "" where all share, else a digest of its API key, so that the key itself goes nowhere. */
    public static String scopeOf(Exchange exchange, CacheIsolation isolation) {
        return switch (isolation) {
            case NONE -> "";
            case API_KEY -> digest(key(exchange));
        };
    }

    private static String key(Exchange exchange) {
        String authorization = exchange.header("authorization").strip();
        if (authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
            return authorization.substring(BEARER.length()).strip();
        }
        return exchange.header("x-api-key").strip();
    }

    private static String digest(String key) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(key.getBytes(UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
