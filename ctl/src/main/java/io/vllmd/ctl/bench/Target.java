package io.vllmd.ctl.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.config.Problem;
import io.vllmd.control.protocol.Json;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A server that is measured.
 *
 * @param base its address without a path, such as http://127.0.0.1:8000
 * @param path what stands before /chat/completions, such as /v1
 * @param model the model to ask for, or "" where the server is to be asked for one
 * @param key what goes into the Authorization header, or null for none
 */
record Target(
        String base,
        InetSocketAddress address,
        String path,
        String model,
        @Nullable String key) {

    /**
     * Reads a URL as people type it: with or without /v1 at its end.
     *
     * @throws io.vllmd.config.ProblemException INVALID where it is no http URL, NOT_FOUND where its host has no address
     */
    static Target of(String url, String model, @Nullable String key) {
        URI uri;
        try {
            uri = new URI(url);
        } catch (URISyntaxException e) {
            throw invalid(url, e.getReason());
        }
        if (!"http".equals(uri.getScheme()) || uri.getHost() == null) {
            throw invalid(url, "it must begin with http:// and name a host");
        }
        int port = uri.getPort() < 0 ? 80 : uri.getPort();
        var address = new InetSocketAddress(uri.getHost(), port);
        if (address.isUnresolved()) {
            throw Problem.of(Problem.Kind.NOT_FOUND, "The host " + uri.getHost() + " of " + url + " has no address.")
                    .asException();
        }
        String path = uri.getPath() == null ? "" : uri.getPath().replaceAll("/+$", "");
        return new Target(
                "http://" + uri.getHost() + ":" + port,
                address,
                path.endsWith("/v1") ? path : path + "/v1",
                model,
                key);
    }

    Target withModel(String name) {
        return new Target(base, address, path, name, key);
    }

    byte[] get(String resource) {
        return (head("GET", path + resource) + "\r\n").getBytes(UTF_8);
    }

    /** A request for an answer, as it goes over the wire. */
    byte[] chat(Map<String, Object> body) {
        byte[] json = Json.write(body);
        byte[] head = (head("POST", path + "/chat/completions") + "Content-Type: application/json\r\nContent-Length: "
                        + json.length + "\r\n\r\n")
                .getBytes(UTF_8);
        byte[] request = new byte[head.length + json.length];
        System.arraycopy(head, 0, request, 0, head.length);
        System.arraycopy(json, 0, request, head.length, json.length);
        return request;
    }

    private String head(String method, String resource) {
        return method + " " + resource + " HTTP/1.1\r\nHost: " + address.getHostString() + ":" + address.getPort()
                + "\r\nUser-Agent: vllmctl-bench\r\nAccept: */*\r\n"
                + (key == null ? "" : "Authorization: Bearer " + key + "\r\n");
    }

    private static RuntimeException invalid(String url, String why) {
        return Problem.of(
                        Problem.Kind.INVALID,
                        "\"" + url + "\" is no address to measure: " + why
                                + ". Such as http://127.0.0.1:8000; https is not spoken here.",
                        "url")
                .asException();
    }
}
