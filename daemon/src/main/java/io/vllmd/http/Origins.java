package io.vllmd.http;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Who may call this server from a browser: pages of the configured origins; and, where it listens on this machine alone,
 * only under a name of this machine, so that a page that points its own name here (DNS rebinding) gets nothing.
 */
final class Origins {
    private static final Set<String> LOCAL = Set.of("localhost", "127.0.0.1", "[::1]");

    private final Set<String> origins;
    private final boolean any;
    private final boolean loopback;
    private final Set<String> hosts;

    /**
     * The rules of a server.
     *
     * @param origins such as http://localhost:3000, or "*" for all
     * @param host the configured address, whose name is fine too
     * @param loopback whether only this machine can connect
     */
    Origins(List<String> origins, String host, boolean loopback) {
        this.origins = Set.copyOf(origins);
        this.any = origins.contains("*");
        this.loopback = loopback;
        this.hosts = new HashSet<>(LOCAL);
        this.hosts.add(host.toLowerCase(Locale.ROOT));
    }

    /** Whether this is a name of the server: a Host header or the authority of a request line, with or without port. */
    boolean isOurs(String authority) {
        if (!loopback) {
            return true;
        }
        String name = authority.toLowerCase(Locale.ROOT);
        int colon = name.lastIndexOf(':');
        if (colon > name.lastIndexOf(']')) {
            name = name.substring(0, colon);
        }
        if (name.endsWith(".")) {
            name = name.substring(0, name.length() - 1);
        }
        return hosts.contains(name) || name.endsWith(".localhost");
    }

    /** What lets a page of this origin read an answer; nothing for others. */
    Map<String, String> headers(String origin) {
        if (origin.isEmpty() || !(any || origins.contains(origin))) {
            return Map.of();
        }
        return Map.of(
                "access-control-allow-origin",
                origin,
                "access-control-expose-headers",
                RequestIds.HEADER + ", retry-after",
                "vary",
                "Origin");
    }

    /**
     * What answers a browser that asks first.
     *
     * @param allowed methods of the path
     * @param wanted the headers that it wants to send
     */
    Map<String, String> preflight(String origin, String allowed, String wanted) {
        var headers = new TreeMap<String, String>();
        headers.put("allow", allowed);
        if (!headers(origin).isEmpty()) {
            headers.put("access-control-allow-methods", allowed);
            headers.put("access-control-max-age", "600");
            if (!wanted.isEmpty()) {
                headers.put("access-control-allow-headers", wanted);
            }
        }
        return headers;
    }
}
