package io.vllmd.config;

import java.time.Duration;
import java.util.List;

/** The section {@code server}; sizes in bytes. */
public record ServerSettings(
        String host,
        int port,
        int maxBodySize,
        int maxHeaderSize,
        int maxConnections,
        Duration headerTimeout,
        Duration bodyTimeout,
        Duration writeStallTimeout,
        Duration shutdownGrace,
        boolean strictModelId,
        List<String> corsOrigins,
        Duration keepAliveComment) {

    private static final Duration SHORTEST = Duration.ofMillis(100);
    private static final Duration TEN_MINUTES = Duration.ofMinutes(10);
    private static final Duration HOUR = Duration.ofHours(1);

    static ServerSettings read(Section s) {
        return new ServerSettings(
                s.text("host"),
                s.integer("port", 0, 65535),
                s.size("max-body-size", 1 << 10, 1 << 30),
                s.size("max-header-size", 1 << 10, 1 << 20),
                s.integer("max-connections", 1, 65536),
                s.duration("header-timeout", SHORTEST, TEN_MINUTES),
                s.duration("body-timeout", SHORTEST, TEN_MINUTES),
                s.duration("write-stall-timeout", SHORTEST, HOUR),
                s.duration("shutdown-grace", Duration.ZERO, HOUR),
                s.flag("strict-model-id"),
                s.texts("cors-origins"),
                s.duration("keep-alive-comment", SHORTEST, TEN_MINUTES));
    }
}
