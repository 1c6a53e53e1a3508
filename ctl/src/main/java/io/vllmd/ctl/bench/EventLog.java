package io.vllmd.ctl.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Notes where each server-sent event of one answer lies and when it came. What the events say is read later, once
 * nobody waits for this thread: while answers stream, a client must cost the machine as little as it can.
 */
final class EventLog implements ResponseReader.Body {
    private final int roomBytes;
    private final EventReader reader;
    private byte[] bytes = new byte[8192];
    private int length;
    private int lineStart;
    private int scanned;
    private int[] spans = new int[256];
    private long[] times = new long[128];
    private int events;
    private long now;

    /**
     * @param roomBytes so many bytes are kept before events are read in passing
     * @param keepText whether the answer's text is wanted
     */
    EventLog(int roomBytes, boolean keepText) {
        this.roomBytes = roomBytes;
        this.reader = new EventReader(keepText);
    }

    /** What comes from now on came at this time. */
    void now(long nanos) {
        now = nanos;
    }

    /** Events that came so far, those without text included. */
    int events() {
        return events + reader.events();
    }

    @Override
    public void data(byte[] more, int from, int to) {
        int count = to - from;
        if (length + count > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(length + count, 2 * bytes.length));
        }
        System.arraycopy(more, from, bytes, length, count);
        length += count;
        for (int i = scanned; i < length; i++) {
            if (bytes[i] == '\n') {
                line(i);
                lineStart = i + 1;
            }
        }
        scanned = length;
        if (length > roomBytes) {
            read();
        }
    }

    private void line(int end) {
        int from = lineStart;
        if (end - from < 6 || bytes[from] != 'd' || bytes[from + 1] != 'a' || bytes[from + 4] != ':') {
            return;
        }
        if (events == times.length) {
            times = Arrays.copyOf(times, 2 * events);
            spans = Arrays.copyOf(spans, 4 * events);
        }
        times[events] = now;
        spans[2 * events] = from + 5;
        spans[2 * events + 1] = end;
        events++;
    }

    /** Reads what was noted, and keeps the line that is not complete yet. */
    private void read() {
        for (int i = 0; i < events; i++) {
            reader.event(bytes, spans[2 * i], spans[2 * i + 1], times[i]);
        }
        events = 0;
        System.arraycopy(bytes, lineStart, bytes, 0, length - lineStart);
        length -= lineStart;
        scanned = length;
        lineStart = 0;
    }

    /** The answer that these events made; {@code broken} is what ended it early, or null. */
    Answer answer(long sent, long ended, @Nullable Failure broken) {
        read();
        return reader.answer(sent, ended, broken);
    }

    /** The answer of a body that was no stream. */
    Answer whole(long sent, long ended, @Nullable Failure broken) {
        return new Answer(sent, new long[0], ended, -1, -1, -1, body(), broken);
    }

    /** What came, where it was no stream. */
    String body() {
        return new String(bytes, 0, length, UTF_8);
    }
}
