package io.vllmd.ctl;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.control.protocol.Json;
import io.vllmd.control.protocol.Json.JsonException;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.Reports;
import io.vllmd.ctl.bench.Benchmark;
import io.vllmd.ctl.bench.CacheUse;
import io.vllmd.ctl.bench.Cell;
import io.vllmd.ctl.bench.Limits;
import io.vllmd.ctl.bench.OutOfTimeException;
import io.vllmd.ctl.bench.Plan;
import io.vllmd.ctl.bench.Result;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

@CommandLine.Command(
        name = "bench",
        sortOptions = false,
        description = {
            "Measure a running server over HTTP: this daemon, or any that speaks OpenAI's chat completions.",
            "Every point of streams × prompt × answer × cache is measured --repeat times after a warm-up."
        },
        footer = {
            "",
            "--cache: cold (prompts are new), warm (were answered before), prefix-hit (nine",
            "tenths were there before), prefix-miss (all was there but the first tenth),",
            "turn (second turn of a conversation).",
            "",
            "Beside another server:  vllmctl bench --baseline-url http://127.0.0.1:8080",
            "As a gate, exit code 8: vllmctl bench --streams 1,8 --max-p95-ttft 500",
            "--timeout bounds the whole run."
        })
final class BenchCommand extends Command {
    @Option(names = "--url", paramLabel = "URL", description = "The server. Default: the daemon of VLLMD_HOME.")
    private @Nullable String url;

    @Option(names = "--model", paramLabel = "NAME", description = "The model to ask for. Default: the first one.")
    private String model = "";

    @Option(names = "--api-key", paramLabel = "KEY", description = "Sent as a bearer token.")
    private @Nullable String key;

    @Option(names = "--streams", paramLabel = "N", split = ",", description = "Requests at once. Default: 1,4.")
    private List<String> streams = List.of("1", "4");

    @Option(
            names = "--prompt-tokens",
            paramLabel = "N",
            split = ",",
            description = "Length of prompts; 2k is 2048. Default: 256.")
    private List<String> promptTokens = List.of("256");

    @Option(names = "--tokens", paramLabel = "N", split = ",", description = "Most of an answer. Default: 128.")
    private List<String> tokens = List.of("128");

    @Option(names = "--cache", paramLabel = "USE", split = ",", description = "See below. Default: cold.")
    private List<String> caches = List.of("cold");

    @Option(
            names = "--envelope",
            description = "Streams 1 to 32, prompts of 256 to 32k, answers of 128 and 512, every cache.")
    private boolean envelope;

    @Option(names = "--prompt-file", paramLabel = "FILE", description = "Take prompts from here, one a line.")
    private @Nullable String promptFile;

    @Option(
            names = "--admit",
            paramLabel = "N",
            description = "A prompt of N tokens joins once all streams run: how long do they pause?")
    private @Nullable String admit;

    @Option(names = "--repeat", paramLabel = "N", description = "Rounds that count. Default: 5.")
    private int repeat = 5;

    @Option(names = "--warm-up", paramLabel = "N", description = "Rounds before them. Default: 1.")
    private int warmUp = 1;

    @Option(names = "--requests", paramLabel = "N", description = "Requests of a round. Default: one a stream.")
    private int requests;

    @Option(names = "--rate", paramLabel = "R", description = "Start at most R requests a second.")
    private @Nullable Double rate;

    @Option(names = "--stall", paramLabel = "SECONDS", description = "A silent request has failed. Default: 300.")
    private int stall = 300;

    @Option(names = "--natural-end", description = "Let answers end where the model ends them, not at their limit.")
    private boolean naturalEnd;

    @Option(
            names = "--body",
            paramLabel = "JSON",
            description = "Members to put into each request, such as {\"temperature\":0.7}. Default temperature: 0.")
    private String body = "{}";

    @Option(names = "--seed", paramLabel = "N", description = "Make the same prompts as a run with this seed.")
    private @Nullable Long seed;

    @ArgGroup(exclusive = false, heading = "Beside another server, in turns A B B A:%n")
    private final Baseline baseline = new Baseline();

    @ArgGroup(exclusive = false, heading = "Limits; one that breaks makes the exit code 8:%n")
    private final Bounds bounds = new Bounds();

    static final class Baseline {
        @Option(names = "--baseline-url", paramLabel = "URL", description = "The server to compare with.")
        private @Nullable String url;

        @Option(names = "--baseline-model", paramLabel = "NAME", description = "Its model. Default: the first one.")
        private String model = "";

        @Option(names = "--baseline-api-key", paramLabel = "KEY", description = "Its bearer token.")
        private @Nullable String key;
    }

    static final class Bounds {
        @Option(names = "--max-p95-ttft", paramLabel = "MS", description = "Of the time to first token.")
        private @Nullable Double first;

        @Option(names = "--max-p95-gap", paramLabel = "MS", description = "Of the gaps inside answers.")
        private @Nullable Double gap;

        @Option(names = "--max-gap", paramLabel = "MS", description = "Longest gap; with --admit, while it is read.")
        private @Nullable Double longest;

        @Option(names = "--max-p95-end", paramLabel = "MS", description = "Of whole answers.")
        private @Nullable Double whole;

        @Option(names = "--max-failures", paramLabel = "N", description = "Failed requests of one point.")
        private @Nullable Integer failures;

        @Option(names = "--min-ratio", paramLabel = "X", description = "Tokens a second over the baseline's.")
        private @Nullable Double ratio;

        Limits limits() {
            return new Limits(first, gap, longest, whole, failures, ratio);
        }
    }

    BenchCommand(Options options) {
        super(options);
    }

    @Override
    public Integer call() {
        if (bounds.ratio != null && baseline.url == null) {
            throw usage("--min-ratio compares with a baseline; say which: --baseline-url URL.");
        }
        Result result;
        boolean told = terminal().errIsTerminal() && !quiet();
        try (var benchmark = new Benchmark(plan(), bounds.limits(), told ? this::tell : where -> {})) {
            result = benchmark.run();
        } catch (ProblemException e) {
            if (e.problem().kind() == Problem.Kind.INVALID) {
                throw new CommandFailure(ExitCode.USAGE, "usage", e.problem().message(), e);
            }
            throw e;
        } catch (OutOfTimeException e) {
            throw new CommandFailure(ExitCode.TIMED_OUT, "timed_out", "The benchmark did not end within --timeout.", e);
        } finally {
            if (told) {
                terminal().err().print("\r\033[K");
                terminal().err().flush();
            }
        }
        if (json()) {
            printJson("bench", result.tree());
        } else {
            new BenchTable(terminal(), quiet()).print(result);
        }
        return result.breaksLimits() ? ExitCode.LIMIT_BROKEN : ExitCode.OK;
    }

    private void tell(String where) {
        terminal().err().print("\r\033[K" + where);
        terminal().err().flush();
    }

    private Plan plan() {
        List<String> prompts = prompts();
        return new Plan(
                new Plan.Server(url == null ? daemonUrl() : url, model, key),
                baseline.url == null ? null : new Plan.Server(baseline.url, baseline.model, baseline.key),
                cells(!prompts.isEmpty()),
                atLeast("--repeat", repeat, 1),
                atLeast("--warm-up", warmUp, 0),
                atLeast("--requests", requests, 0),
                pace(),
                admit == null ? 0 : amount("--admit", admit),
                prompts,
                !naturalEnd,
                body(),
                Duration.ofSeconds(atLeast("--stall", stall, 1)),
                limit(),
                seed == null ? System.currentTimeMillis() : seed);
    }

    private String daemonUrl() {
        try (var daemon = ask()) {
            return Reports.Status.from(daemon.call(Methods.STATUS, Map.of())).url();
        }
    }

    private List<Cell> cells(boolean given) {
        var cells = new ArrayList<Cell>();
        List<Integer> lengths = given
                ? List.of(0)
                : amounts("--prompt-tokens", envelope ? List.of("256", "2k", "8k", "32k") : promptTokens);
        List<CacheUse> uses = given
                ? List.of(CacheUse.COLD)
                : envelope
                        ? List.of(CacheUse.values())
                        : caches.stream().map(BenchCommand::use).toList();
        for (int length : lengths) {
            for (int most : amounts("--tokens", envelope ? List.of("128", "512") : tokens)) {
                for (CacheUse use : uses) {
                    for (int count :
                            amounts("--streams", envelope ? List.of("1", "2", "4", "8", "16", "32") : streams)) {
                        cells.add(new Cell(length, most, use, count));
                    }
                }
            }
        }
        return cells;
    }

    private List<String> prompts() {
        if (promptFile == null) {
            return List.of();
        }
        var path = terminal().folder().resolve(promptFile);
        try {
            var lines = Files.readAllLines(path).stream()
                    .filter(line -> !line.isBlank())
                    .toList();
            if (lines.isEmpty()) {
                throw usage("--prompt-file " + path + " holds no prompts.");
            }
            return lines;
        } catch (IOException e) {
            throw usage("--prompt-file " + path + " cannot be read: " + e.getMessage());
        }
    }

    private Map<String, Object> body() {
        try {
            return Json.readObject(body.getBytes(StandardCharsets.UTF_8));
        } catch (JsonException e) {
            throw usage("--body takes a JSON object, and this is none: " + e.getMessage());
        }
    }

    private Duration pace() {
        if (rate == null) {
            return Duration.ZERO;
        }
        if (!(rate > 0)) {
            throw usage("--rate takes a number above 0, not " + rate + ".");
        }
        return Duration.ofNanos((long) (1e9 / rate));
    }

    private static CacheUse use(String word) {
        for (CacheUse use : CacheUse.values()) {
            if (use.word().equals(word.strip().toLowerCase(Locale.ROOT))) {
                return use;
            }
        }
        throw usage("--cache takes cold, warm, prefix-hit, prefix-miss or turn, not \"" + word + "\".");
    }

    private static List<Integer> amounts(String option, List<String> words) {
        return words.stream().map(word -> amount(option, word)).toList();
    }

    /** A whole number from 1; k at its end multiplies by 1024. */
    private static int amount(String option, String word) {
        String text = word.strip().toLowerCase(Locale.ROOT);
        boolean kilo = text.endsWith("k");
        String digits = kilo ? text.substring(0, text.length() - 1) : text;
        if (!digits.matches("[1-9]\\d{0,6}")) {
            throw usage(option + " takes whole numbers from 1, such as 8 or 2k, not \"" + word + "\".");
        }
        return Integer.parseInt(digits) * (kilo ? 1024 : 1);
    }

    private static int atLeast(String option, int value, int least) {
        if (value < least) {
            throw usage(option + " takes whole numbers from " + least + ", not " + value + ".");
        }
        return value;
    }

    private static CommandFailure usage(String message) {
        return new CommandFailure(ExitCode.USAGE, "usage", message);
    }
}
