package io.vllmd.scenario;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Clients that do to a daemon what clients do, good and bad, drawn from a seed. What must come back is known for every
 * deed; anything else is a violation.
 */
final class MixedLoad {
    /** What a client does next. */
    enum Deed {
        /** A stream whose text is known from asking alone. */
        STREAM,
        /** The same in one piece. */
        WHOLE,
        /** Sampled with everything that sampling has, with log probabilities. */
        SAMPLED,
        /** Several answers to one prompt. */
        SEVERAL,
        /** A long beginning that all share, with an end of its own. */
        LONG_PROMPT,
        /** The next turn of this client's conversation. */
        TURN,
        /** Work that may wait. */
        BACKGROUND,
        /** Leaves in the middle of a stream. */
        LEAVE,
        /** Leaves while its prompt waits or is read. */
        LEAVE_EARLY,
        /** Cuts the connection without a word. */
        RESET,
        /** No JSON. */
        MALFORMED,
        /** A value out of its range. */
        OUT_OF_RANGE,
        /** A model that is not there. */
        NOBODY,
        /** A prompt longer than the context. */
        TOO_LONG
    }

    private static final Pattern CONTENT = Pattern.compile("\"content\":\"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final int CLIENTS = 24;
    private static final int TOKENS = 48;
    private static final List<String> SUBJECTS = List.of("a cat", "the sea", "bread", "a clock", "snow", "two friends");

    private final URI address;
    private final Chat chat;
    private final List<String> alone = new ArrayList<>();
    private final List<Random> randoms = new ArrayList<>();
    private final List<StringBuilder> conversations = new ArrayList<>();
    private final Map<Deed, AtomicInteger> done = new EnumMap<>(Deed.class);
    private final Queue<String> violations = new ConcurrentLinkedQueue<>();
    private final AtomicInteger busy = new AtomicInteger();
    private final int pause;

    /** @param pause mean milliseconds that a client waits before each of its deeds, which bounds the load; 0 = none */
    MixedLoad(String base, long seed, int pause) throws IOException, InterruptedException {
        this.pause = pause;
        address = URI.create(base);
        chat = new Chat(base);
        for (String subject : SUBJECTS) {
            alone.add(texts(chat.post(known(subject, false)).raw()));
        }
        for (int i = 0; i < CLIENTS; i++) {
            randoms.add(new Random(seed + i));
            conversations.add(new StringBuilder());
        }
        for (Deed deed : Deed.values()) {
            done.put(deed, new AtomicInteger());
        }
    }

    /** Looks at the daemon while it works. */
    interface Look {
        void take() throws Exception;
    }

    /** Lets every client do so many deeds, all clients at once, and waits for them; looks three times meanwhile. */
    void run(int deeds, Look look) throws Exception {
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Boolean>> all = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                int client = i;
                all.add(clients.submit(() -> {
                    for (int n = 0; n < deeds; n++) {
                        act(client);
                    }
                    return true;
                }));
            }
            for (int i = 0; i < CLIENTS; i++) {
                all.get(i).get();
                if (i % 8 == 0) {
                    look.take();
                }
            }
        }
    }

    List<String> violations() {
        return List.copyOf(violations);
    }

    /** Deeds done so far. */
    int deeds() {
        return done.values().stream().mapToInt(AtomicInteger::get).sum();
    }

    /** Kinds of deeds that nobody did. */
    List<Deed> undone() {
        return done.entrySet().stream()
                .filter(entry -> entry.getValue().get() == 0)
                .map(Map.Entry::getKey)
                .toList();
    }

    /** How often what was done, and how often the daemon was too busy. */
    String summary() {
        return done.entrySet().stream()
                        .map(entry -> entry.getKey().name().toLowerCase(Locale.ROOT) + " " + entry.getValue())
                        .collect(Collectors.joining(", "))
                + "; too busy " + busy;
    }

    private void act(int client) throws IOException, InterruptedException {
        Random random = randoms.get(client);
        Thread.sleep(pause == 0 ? 0 : random.nextInt(2 * pause));
        Deed deed = Deed.values()[random.nextInt(Deed.values().length)];
        int subject = random.nextInt(SUBJECTS.size());
        switch (deed) {
            case STREAM -> expectText(deed, subject, chat.post(known(SUBJECTS.get(subject), true)));
            case WHOLE -> expectText(deed, subject, chat.post(known(SUBJECTS.get(subject), false)));
            case SAMPLED -> expect(deed, 200, chat.post(sampled(random)));
            case SEVERAL -> expect(deed, 200, chat.post(ask("Tell me of bread.", 16, ",\"n\":3,\"temperature\":1")));
            case LONG_PROMPT -> expect(deed, 200, chat.post(ask(beginning() + words(random, 20), 8, "")));
            case TURN -> turn(conversations.get(client), random);
            case BACKGROUND -> expect(deed, 200, chat.post(ask(words(random, 40), 24, ",\"priority\":\"background\"")));
            case LEAVE -> leave(ask(words(random, 10), 2000, ",\"stream\":true"), 1 + random.nextInt(20_000), false);
            case LEAVE_EARLY -> leave(ask(beginning() + words(random, 900), 50, ",\"stream\":true"), 0, false);
            case RESET -> leave(ask(words(random, 300), 2000, ",\"stream\":true"), random.nextInt(5000), true);
            case MALFORMED -> expect(deed, 400, chat.post("{\"model\":\"default\",\"messages\":[" + "{".repeat(9)));
            case OUT_OF_RANGE -> expect(deed, 400, chat.post(ask("Hello", 5, ",\"top_p\":7")));
            case NOBODY -> expect(deed, 404, chat.ask("nobody", "Hello", 5));
            case TOO_LONG -> expect(deed, 400, chat.post(ask(words(random, 6000), 5, "")));
        }
        Objects.requireNonNull(done.get(deed)).incrementAndGet();
    }

    /** Deterministic, so that what runs beside it must not show in its text. */
    private static String known(String subject, boolean stream) {
        return ask(
                "Tell me a short story about " + subject + ".", TOKENS, ",\"deterministic\":true,\"stream\":" + stream);
    }

    private static String sampled(Random random) {
        return ask(
                words(random, 30),
                24,
                ",\"temperature\":1.1,\"top_p\":0.9,\"top_k\":40,\"min_p\":0.01,\"presence_penalty\":0.5,"
                        + "\"frequency_penalty\":0.5,\"repetition_penalty\":1.1,\"logprobs\":true,\"top_logprobs\":3,"
                        + "\"logit_bias\":{\"17\":-5},\"seed\":" + random.nextInt(1000));
    }

    /** A request for an answer; members in {@code more} win over those before them. */
    private static String ask(String user, int tokens, String more) {
        String sampling = more.contains("\"temperature\"") ? "" : "\"temperature\":0,";
        return "{\"model\":\"default\",%s\"max_tokens\":%d,\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]%s}"
                .formatted(sampling, tokens, user, more);
    }

    private void turn(StringBuilder conversation, Random random) throws IOException, InterruptedException {
        if (conversation.length() > 4000) {
            conversation.setLength(0);
        }
        conversation
                .append(conversation.isEmpty() ? "" : ",")
                .append("{\"role\":\"user\",\"content\":\"")
                .append(words(random, 25))
                .append("\"}");
        Chat.Answer answer = chat.post(
                "{\"model\":\"default\",\"temperature\":0,\"max_tokens\":32,\"messages\":[" + conversation + "]}");
        expect(Deed.TURN, 200, answer);
        conversation
                .append(",{\"role\":\"assistant\",\"content\":\"")
                .append(answer.text())
                .append("\"}");
    }

    private void expect(Deed deed, int status, Chat.Answer answer) {
        if (answer.status() == 429 && status == 200) {
            busy.incrementAndGet();
        } else if (answer.status() != status) {
            violations.add(deed + " got " + answer.status() + ": " + answer.raw());
        }
    }

    private void expectText(Deed deed, int subject, Chat.Answer answer) {
        expect(deed, 200, answer);
        String text = texts(answer.raw());
        if (answer.status() == 200 && !text.equals(alone.get(subject))) {
            violations.add(
                    deed + " on " + SUBJECTS.get(subject) + " got\n" + text + "\ninstead of\n" + alone.get(subject));
        }
    }

    /** All texts of a body, whole or a stream. */
    private static String texts(String body) {
        return CONTENT.matcher(body)
                .results()
                .map((MatchResult m) -> m.group(1))
                .collect(Collectors.joining());
    }

    /** Sends a request, reads about so many bytes of its answer, and is gone. */
    private void leave(String body, int bytes, boolean reset) throws IOException {
        try (Socket socket = new Socket(address.getHost(), address.getPort())) {
            byte[] content = body.getBytes(UTF_8);
            String head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    + "Content-Type: application/json\r\nContent-Length: " + content.length + "\r\n\r\n";
            socket.getOutputStream().write(head.getBytes(UTF_8));
            socket.getOutputStream().write(content);
            byte[] some = new byte[4096];
            for (int left = bytes; left > 0; ) {
                int n = socket.getInputStream().read(some, 0, Math.min(left, some.length));
                left = n < 0 ? 0 : left - n;
            }
            if (reset) {
                socket.setSoLinger(true, 0);
            }
        }
    }

    /** Some 700 tokens that all long prompts begin with. */
    private static String beginning() {
        return words(new Random(1), 700) + " ";
    }

    private static String words(Random random, int count) {
        List<String> words =
                List.of("river", "stone", "garden", "window", "little", "bread", "story", "friend", "walked");
        return random.ints(count, 0, words.size()).mapToObj(words::get).collect(Collectors.joining(" "));
    }
}
