package io.vllmd.config;

import java.time.Duration;

/**
 * The section {@code control}.
 *
 * @param maxConnections most connections to the control socket at once
 * @param readTimeout time in which the rest of a message must follow its first byte
 */
public record ControlSettings(int maxConnections, Duration readTimeout) {

    static ControlSettings read(Section s) {
        return new ControlSettings(
                s.integer("max-connections", 1, 1024),
                s.duration("read-timeout", Duration.ofMillis(100), Duration.ofMinutes(10)));
    }
}
