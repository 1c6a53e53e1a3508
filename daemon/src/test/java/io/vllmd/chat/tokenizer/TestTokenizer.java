package io.vllmd.chat.tokenizer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Tokenizers for tests: the embedded model's, and small ones made of a few words. */
public final class TestTokenizer {
    /** The embedded model's folder; tests run in the module's folder. */
    public static final Path SPROUT = Path.of("src/main/sprout");

    private static final String BYTE_LEVEL =
            "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":true}";

    private String normalizer = "null";
    private String preTokenizer = BYTE_LEVEL;
    private String decoder = BYTE_LEVEL;
    private String options = "";
    private final StringBuilder vocabulary = new StringBuilder();
    private final StringBuilder merges = new StringBuilder();
    private final StringBuilder added = new StringBuilder();
    private int size;

    public static Tokenizer sprout() {
        return Tokenizer.load(SPROUT.resolve("tokenizer.json"));
    }

    /** The 256 bytes as tokens 0 to 255, split as GPT-2 does. */
    public static TestTokenizer bytes() {
        TestTokenizer tokenizer = new TestTokenizer();
        for (int b = 0; b < 256; b++) {
            tokenizer.token(String.valueOf(ByteAlphabet.charOf((byte) b)));
        }
        return tokenizer;
    }

    private void token(String token) {
        vocabulary
                .append(vocabulary.isEmpty() ? "" : ",")
                .append(quoted(token))
                .append(':')
                .append(size++);
    }

    /** A merge, its token the next id. Both sides are in the byte alphabet. */
    TestTokenizer merge(String left, String right) {
        token(left + right);
        merges.append(merges.isEmpty() ? "" : ",")
                .append('[')
                .append(quoted(left))
                .append(',')
                .append(quoted(right))
                .append(']');
        return this;
    }

    /** An added token, the next id. */
    public TestTokenizer added(String content, String... flags) {
        String set =
                List.of(flags).stream().map(flag -> ",\"" + flag + "\":true").collect(Collectors.joining());
        String normalized = List.of(flags).contains("normalized") ? "" : ",\"normalized\":false";
        added.append(added.isEmpty() ? "" : ",")
                .append("{\"id\":" + size++ + ",\"content\":" + quoted(content) + set + normalized + "}");
        return this;
    }

    TestTokenizer normalizer(String json) {
        normalizer = json;
        return this;
    }

    TestTokenizer preTokenizer(String json) {
        preTokenizer = json;
        return this;
    }

    TestTokenizer decoder(String json) {
        decoder = json;
        return this;
    }

    /** Further fields of the model, such as {@code "ignore_merges":true}. */
    TestTokenizer option(String json) {
        options += "," + json;
        return this;
    }

    static String byteLevel() {
        return BYTE_LEVEL;
    }

    String json() {
        return "{\"version\":\"1.0\",\"added_tokens\":[" + added + "],\"normalizer\":" + normalizer
                + ",\"pre_tokenizer\":"
                + preTokenizer + ",\"decoder\":" + decoder + ",\"model\":{\"type\":\"BPE\"" + options + ",\"vocab\":{"
                + vocabulary + "},\"merges\":[" + merges + "]}}";
    }

    public Tokenizer load() {
        return load(json());
    }

    static Tokenizer load(String json) {
        try {
            Path file = Files.createTempFile("tokenizer", ".json");
            try {
                Files.writeString(file, json);
                return Tokenizer.load(file);
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString();
    }
}
