package io.vllmd.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.api.Api;
import io.vllmd.api.ErrorShape;
import io.vllmd.api.Route;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Finds what answers a request. Paths are taken as clients send them: a slash too many and a doubled /v1 (a base
 * address that ends in /v1 given to a client that adds its own) mean the same.
 */
final class Router {
    private final List<Entry> entries = new ArrayList<>();

    /** What a method and path lead to. */
    sealed interface Match {}

    record Found(Route.Handler handler, Map<String, String> parameters, ErrorShape errors) implements Match {}

    /** There is such a path, for these methods: "GET, HEAD, OPTIONS". */
    record WrongMethod(String allowed, ErrorShape errors) implements Match {}

    record Missing() implements Match {}

    private record Entry(String method, List<String> template, Route.Handler handler, ErrorShape errors) {}

    Router(List<Api> apis) {
        for (Api api : apis) {
            for (Route route : api.routes()) {
                entries.add(new Entry(route.method(), split(route.template()), route.handler(), api.errors()));
            }
        }
    }

    /** What answers this method and percent-encoded path. */
    Match find(String method, String path) {
        if (!path.startsWith("/")) {
            return new Missing();
        }
        List<String> segments = segments(path);
        var allowed = new TreeSet<String>();
        ErrorShape errors = null;
        for (Entry entry : entries) {
            Map<String, String> parameters = match(entry.template(), segments);
            if (parameters == null) {
                continue;
            }
            if (entry.method().equals(method) || (entry.method().equals("GET") && method.equals("HEAD"))) {
                return new Found(entry.handler(), parameters, entry.errors());
            }
            errors = entry.errors();
            allowed.add(entry.method());
            if (entry.method().equals("GET")) {
                allowed.add("HEAD");
            }
        }
        if (errors == null) {
            return new Missing();
        }
        allowed.add("OPTIONS");
        return new WrongMethod(String.join(", ", allowed), errors);
    }

    private static List<String> segments(String path) {
        List<String> segments = split(path);
        int doubled = segments.size() > 1
                        && segments.get(0).equals("v1")
                        && segments.get(1).equals("v1")
                ? 1
                : 0;
        return segments.subList(doubled, segments.size()).stream()
                .map(Router::decode)
                .toList();
    }

    private static List<String> split(String path) {
        return Arrays.stream(path.split("/")).filter(s -> !s.isEmpty()).toList();
    }

    private static @Nullable Map<String, String> match(List<String> template, List<String> segments) {
        var parameters = new HashMap<String, String>();
        for (int i = 0; i < template.size(); i++) {
            String part = template.get(i);
            if (i >= segments.size()) {
                return null;
            }
            if (part.endsWith("...}")) {
                parameters.put(
                        part.substring(1, part.length() - 4), String.join("/", segments.subList(i, segments.size())));
                return parameters;
            }
            if (part.startsWith("{")) {
                parameters.put(part.substring(1, part.length() - 1), segments.get(i));
            } else if (!part.equals(segments.get(i))) {
                return null;
            }
        }
        return template.size() == segments.size() ? parameters : null;
    }

    /** Percent-decodes UTF-8; a percent sign that begins no such code stands for itself. */
    private static String decode(String segment) {
        if (segment.indexOf('%') < 0) {
            return segment;
        }
        byte[] raw = segment.getBytes(UTF_8);
        var out = new ByteArrayOutputStream(raw.length);
        for (int i = 0; i < raw.length; i++) {
            int high = raw[i] == '%' && i + 2 < raw.length ? Character.digit(raw[i + 1], 16) : -1;
            int low = high >= 0 ? Character.digit(raw[i + 2], 16) : -1;
            if (low >= 0) {
                out.write(high << 4 | low);
                i += 2;
            } else {
                out.write(raw[i]);
            }
        }
        return out.toString(UTF_8);
    }
}
