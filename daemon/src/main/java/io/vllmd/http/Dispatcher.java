package io.vllmd.http;

import io.netty.channel.ChannelHandlerContext;
import io.vllmd.api.ErrorShape;
import io.vllmd.api.Exchange.ClientGoneException;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.ServerSettings;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Runs each request on a virtual thread of its own, and answers what fails in the shape of the API that was meant. */
final class Dispatcher {
    /** The key under which log lines carry the request's id. */
    static final String MDC_REQUEST = "request";

    private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);
    private static final String RETRY_SECONDS = "1";

    private final Router router;
    private final Origins origins;
    private final ErrorShape errors;
    private final SseStream.Times times;

    /** A dispatcher; {@code errors} is the shape of failures that belong to no API. */
    Dispatcher(Router router, Origins origins, ErrorShape errors, ServerSettings settings) {
        this.router = router;
        this.origins = origins;
        this.errors = errors;
        this.times = new SseStream.Times(settings.keepAliveComment(), settings.writeStallTimeout());
    }

    NettyExchange exchange(Connection connection, ChannelHandlerContext ctx, Incoming incoming, boolean keepAlive) {
        String id = RequestIds.of(incoming.headers().get(RequestIds.HEADER));
        var headers = new HashMap<>(origins.headers(incoming.headers().get("origin", "")));
        headers.put(RequestIds.HEADER, id);
        return new NettyExchange(connection, ctx, incoming, id, headers, times, keepAlive);
    }

    void run(NettyExchange exchange) {
        Thread.ofVirtual().name("request " + exchange.id()).start(() -> {
            long start = System.nanoTime();
            MDC.put(MDC_REQUEST, exchange.id());
            try {
                route(exchange);
            } finally {
                log(exchange, (System.nanoTime() - start) / 1_000_000);
                MDC.remove(MDC_REQUEST);
            }
        });
    }

    /** Answers at once, without looking at what was asked. */
    void refuse(NettyExchange exchange, int status, Problem problem) {
        MDC.put(MDC_REQUEST, exchange.id());
        try {
            fail(exchange, errors, status, problem);
            log(exchange, 0);
        } finally {
            MDC.remove(MDC_REQUEST);
        }
    }

    private void route(NettyExchange exchange) {
        if (!allowedHost(exchange)) {
            fail(
                    exchange,
                    errors,
                    403,
                    Problem.of(
                            Problem.Kind.INVALID,
                            "This server answers on this machine only under localhost, 127.0.0.1 or [::1].",
                            "Host"));
            return;
        }
        switch (router.find(exchange.method(), exchange.path())) {
            case Router.Found found -> handle(exchange, found);
            case Router.WrongMethod wrong -> wrongMethod(exchange, wrong);
            case Router.Missing missing -> missing(exchange);
        }
    }

    private void wrongMethod(NettyExchange exchange, Router.WrongMethod wrong) {
        if (exchange.method().equals("OPTIONS")) {
            preflight(exchange, wrong.allowed());
            return;
        }
        Problem problem = Problem.of(
                Problem.Kind.INVALID,
                "%s is not a method of %s; it has %s.".formatted(exchange.method(), exchange.path(), wrong.allowed()));
        fail(exchange, wrong.errors(), 405, problem, Map.of("allow", wrong.allowed()));
    }

    private void missing(NettyExchange exchange) {
        if (exchange.method().equals("OPTIONS") && exchange.path().equals("*")) {
            preflight(exchange, "GET, HEAD, OPTIONS, POST");
            return;
        }
        Problem problem = Problem.of(
                Problem.Kind.NOT_FOUND,
                "There is nothing at %s; GET / tells what this server is.".formatted(exchange.path()));
        fail(exchange, errors, 404, problem);
    }

    private boolean allowedHost(NettyExchange exchange) {
        String host = exchange.header("host");
        String authority = exchange.target().authority();
        return (host.isEmpty() || origins.isOurs(host)) && (authority.isEmpty() || origins.isOurs(authority));
    }

    private void preflight(NettyExchange exchange, String allowed) {
        String wanted = exchange.header("access-control-request-headers");
        exchange.respond(204, origins.preflight(exchange.header("origin"), allowed, wanted), new byte[0]);
    }

    private void handle(NettyExchange exchange, Router.Found found) {
        try {
            found.handler().handle(exchange, found.parameters());
            if (exchange.status() == 0) {
                throw new IllegalStateException("the handler returned without an answer");
            }
        } catch (ClientGoneException e) {
            LOG.debug("The client is gone: {}", e.getMessage());
        } catch (ProblemException e) {
            if (e.problem().kind() == Problem.Kind.INTERNAL) {
                LOG.error("The request failed: {}", e.getMessage(), e.getCause());
            }
            fail(exchange, found.errors(), ErrorShape.status(e.problem().kind()), e.problem());
        } catch (InterruptedException e) {
            fail(
                    exchange,
                    found.errors(),
                    503,
                    Problem.of(Problem.Kind.UNAVAILABLE, "The server stopped before this request was answered."));
        } catch (RuntimeException | Error e) {
            LOG.error("The request failed", e);
            String message =
                    "The server failed on this request; its log tells more under request %s.".formatted(exchange.id());
            fail(exchange, found.errors(), 500, Problem.of(Problem.Kind.INTERNAL, message));
        }
    }

    private static void fail(NettyExchange exchange, ErrorShape shape, int status, Problem problem) {
        fail(exchange, shape, status, problem, Map.of());
    }

    private static void fail(
            NettyExchange exchange, ErrorShape shape, int status, Problem problem, Map<String, String> more) {
        if (exchange.status() != 0) {
            exchange.abort();
            return;
        }
        var headers = new HashMap<>(more);
        headers.put("content-type", "application/json");
        if (status == 429 || status == 503) {
            headers.put("retry-after", RETRY_SECONDS);
        }
        try {
            exchange.respond(status, headers, shape.body(status, problem));
        } catch (ClientGoneException e) {
            LOG.debug("Nobody is there to hear of the failure: {}", e.getMessage());
        }
    }

    /** Paths come from anywhere: what would break a log line is replaced. */
    private static void log(NettyExchange exchange, long millis) {
        int status = exchange.status();
        boolean dull = status < 400 && !exchange.method().equals("POST");
        String path = exchange.path().replaceAll("[^\\x21-\\x7E]", "?");
        String shown = path.length() > 200 ? path.substring(0, 200) + "…" : path;
        LOG.atLevel(dull ? org.slf4j.event.Level.DEBUG : org.slf4j.event.Level.INFO)
                .log("{} {} {} in {} ms", exchange.method(), shown, status == 0 ? "client gone" : status, millis);
    }
}
