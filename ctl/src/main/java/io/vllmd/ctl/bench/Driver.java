package io.vllmd.ctl.bench;

import io.vllmd.config.Problem;
import java.io.IOException;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests and notes when what came back. One thread and one selector for all of them, so that events which come
 * together cost one wake-up: on a small machine the client runs on the cores that it measures.
 */
final class Driver implements AutoCloseable {
    /** Bytes of all answers together that are kept unread while they stream. */
    private static final int ROOM_BYTES = 24 << 20;

    /** Events that every stream must have had before a late request goes out. */
    static final int SETTLED_EVENTS = 16;

    private final Selector selector;
    private final long born = System.nanoTime();
    private final long lifeNanos;
    private final long stallNanos;
    private final byte[] buffer = new byte[64 << 10];

    /**
     * @param stall a request on which nothing comes for so long has failed
     * @param limit longest life of this driver, or null for none
     */
    Driver(Duration stall, @Nullable Duration limit) {
        stallNanos = stall.toNanos();
        lifeNanos = limit == null ? Long.MAX_VALUE : limit.toNanos();
        try {
            selector = Selector.open();
        } catch (IOException e) {
            throw Problem.of(Problem.Kind.INTERNAL, "No sockets can be opened: " + e.getMessage())
                    .asException(e);
        }
    }

    /**
     * Sends requests and waits until all have ended, in whatever way.
     *
     * @param streams at most so many at once
     * @param pace least time between the starts of two, zero for none
     * @return an answer for each request, in their order
     * @throws OutOfTimeException once this driver's life is over
     */
    List<Answer> run(List<Request> requests, int streams, Duration pace) {
        long begin = System.nanoTime();
        List<Flight> flights = new ArrayList<>();
        List<Flight> live = new ArrayList<>();
        while (flights.size() < requests.size() || !live.isEmpty()) {
            long now = System.nanoTime();
            while (flights.size() < requests.size()
                    && mayStart(requests.get(flights.size()), live, streams)
                    && now - begin >= flights.size() * pace.toNanos()) {
                var flight = new Flight(requests.get(flights.size()), ROOM_BYTES / streams, selector);
                flights.add(flight);
                live.add(flight);
            }
            long due = begin + flights.size() * pace.toNanos() - now;
            await(Math.min(
                    flights.size() < requests.size() && due > 0 ? due : stallNanos / 10, lifeNanos - (now - born)));
            for (Flight flight : live) {
                if (!flight.over() && System.nanoTime() - flight.lastByte() > stallNanos) {
                    flight.fail(new Failure(
                            Failure.Kind.TIMED_OUT,
                            "nothing came for " + TimeUnit.NANOSECONDS.toSeconds(stallNanos) + " s"));
                }
            }
            live.removeIf(Flight::over);
            if (now - born > lifeNanos) {
                throw new OutOfTimeException();
            }
        }
        return flights.stream().map(Flight::answer).toList();
    }

    private static boolean mayStart(Request request, List<Flight> live, int streams) {
        return request.kind() == Request.Kind.LATE_STREAM
                ? live.stream().allMatch(flight -> flight.events() >= SETTLED_EVENTS)
                : live.size() < streams;
    }

    private void await(long nanos) {
        try {
            selector.select(
                    key -> {
                        if (key.attachment() instanceof Flight flight) {
                            flight.ready(key, buffer);
                        }
                    },
                    Math.max(1, TimeUnit.NANOSECONDS.toMillis(nanos)));
        } catch (IOException e) {
            throw Problem.of(Problem.Kind.INTERNAL, "Waiting for answers failed: " + e.getMessage())
                    .asException(e);
        }
        if (Thread.interrupted()) {
            throw Problem.of(Problem.Kind.UNAVAILABLE, "The benchmark was interrupted.")
                    .asException();
        }
    }

    @Override
    public void close() {
        try {
            selector.close();
        } catch (IOException e) {
            throw Problem.of(Problem.Kind.INTERNAL, "The sockets would not close: " + e.getMessage())
                    .asException(e);
        }
    }
}
