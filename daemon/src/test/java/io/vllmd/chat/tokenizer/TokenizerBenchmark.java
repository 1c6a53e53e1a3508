package io.vllmd.chat.tokenizer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/**
 * Speed of the tokenizer. Its peer on the same text: src/test/python/tokenizer_benchmark.py. In daemon/, after
 * {@code mvn package}:
 *
 * <pre>git ls-files .. | grep -E '\.(java|md|cpp|jinja)$' | xargs cat > target/text
 * java -cp 'target/classes:target/test-classes:target/lib/*' \
 *     io.vllmd.chat.tokenizer.TokenizerBenchmark src/main/sprout/tokenizer.json target/text</pre>
 */
public final class TokenizerBenchmark {
    private static final int ROUNDS = 7;

    private TokenizerBenchmark() {}

    public static void main(String[] arguments) throws IOException {
        Path file = Path.of(arguments[0]);
        String text = Files.readString(Path.of(arguments[1]));
        long start = System.nanoTime();
        Tokenizer tokenizer = Tokenizer.load(file);
        print("load", (System.nanoTime() - start) / 1e6, "ms, first in this JVM");
        double megabytes = text.getBytes(StandardCharsets.UTF_8).length / 1e6;
        print("text", megabytes, "MB");
        String[] lines = text.split("(?<=\n)");
        int[] ids = tokenizer.encode(text);
        print("tokens", ids.length, "");
        print("load again", best(() -> Tokenizer.load(file).vocabularySize()) * 1e3, "ms");
        print("encode, empty cache", megabytes / best(() -> Tokenizer.load(file), text), "MB/s");
        print("encode whole", megabytes / best(() -> tokenizer.encode(text).length), "MB/s");
        print("encode by line", megabytes / best(() -> lineTokens(tokenizer, lines)), "MB/s");
        print("decode whole", ids.length / best(() -> tokenizer.decode(ids).length()) / 1e6, "M tokens/s");
        print("decode by token", best(() -> streamed(tokenizer, ids)) / ids.length * 1e9, "ns a token");
        for (String word : new String[] {"a", " ", "\n", "!", "ab", "漢字", "a "}) {
            String worst = word.repeat((1 << 20) / word.length());
            print(
                    "encode 1 Mi characters of '" + word.replace("\n", "\\n") + "'",
                    best(() -> tokenizer.encode(worst).length) * 1e3,
                    "ms");
        }
    }

    private static int lineTokens(Tokenizer tokenizer, String[] lines) {
        return Arrays.stream(lines)
                .mapToInt(line -> tokenizer.encode(line).length)
                .sum();
    }

    private static int streamed(Tokenizer tokenizer, int[] ids) {
        Detokenizer detokenizer = tokenizer.detokenizer();
        int length = 0;
        for (int id : ids) {
            length += detokenizer.push(id).length();
        }
        return length + detokenizer.finish().length();
    }

    /** Seconds of the fastest of some rounds. */
    private static double best(IntSupplier work) {
        double best = Double.MAX_VALUE;
        int sum = 0;
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            sum += work.getAsInt();
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        if (sum == 0) {
            throw new IllegalStateException("nothing was done");
        }
        return best;
    }

    private static double best(Supplier<Tokenizer> fresh, String text) {
        double best = Double.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            Tokenizer tokenizer = fresh.get();
            long start = System.nanoTime();
            if (tokenizer.encode(text).length == 0) {
                throw new IllegalStateException("nothing was done");
            }
            best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        return best;
    }

    private static void print(String what, double value, String unit) {
        System.out.printf(Locale.ROOT, "%-40s %10.2f %s%n", what, value, unit);
    }
}
