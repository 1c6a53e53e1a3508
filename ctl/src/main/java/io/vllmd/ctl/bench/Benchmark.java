package io.vllmd.ctl.bench;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Measures a server, and a second one beside it: in every round both get the same prompts, and they take turns, A B B A,
 * so that what slows the machine for a while slows both.
 */
public final class Benchmark implements AutoCloseable {
    /** An answer to a prompt that joins late needs no more: what counts is when it begins. */
    private static final int ADMITTED_TOKENS = 8;

    private final Plan plan;
    private final Limits limits;
    private final Consumer<String> progress;
    private final Driver driver;
    private final Asking asking;

    /** One server and the rounds it did of the cell at hand. */
    private record Side(Target target, List<Round> rounds) {}

    /** @param progress hears where the run stands, now and then */
    public Benchmark(Plan plan, Limits limits, Consumer<String> progress) {
        this.plan = plan;
        this.limits = limits;
        this.progress = progress;
        this.driver = new Driver(plan.stall(), plan.limit());
        this.asking = new Asking(plan.toTheLimit(), plan.body());
    }

    /**
     * Runs it all.
     *
     * @throws io.vllmd.config.ProblemException UNAVAILABLE where a server does not answer at all
     * @throws OutOfTimeException once the plan's limit is over
     */
    public Result run() {
        String startedAt = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        MachineFacts machine = MachineFacts.read();
        var targets = new ArrayList<Target>();
        targets.add(target(plan.server()));
        if (plan.baseline() != null) {
            targets.add(target(plan.baseline()));
        }
        Gauge gauge = new Gauge(1, 0, true);
        if (plan.prompts().isEmpty() || plan.admitTokens() > 0) {
            progress.accept("measuring the tokenizer");
            gauge = Gauge.of(targets.getFirst(), asking, driver, plan.seed());
        }
        var results = new ArrayList<CellResult>();
        for (Cell cell : plan.cells()) {
            results.add(measure(cell, targets, gauge, results.size()));
        }
        return new Result(
                plan,
                limits,
                facts(targets.getFirst()),
                targets.size() > 1 ? facts(targets.get(1)) : null,
                machine,
                startedAt,
                MachineFacts.loadNow(),
                !gauge.known(),
                results);
    }

    private Target target(Plan.Server server) {
        return ServerFacts.settle(Target.of(server.url(), server.model(), server.key()), driver);
    }

    private ServerFacts facts(Target target) {
        return new ServerFacts(target.base(), target.model());
    }

    private CellResult measure(Cell cell, List<Target> targets, Gauge gauge, int number) {
        int requests = plan.requests() > 0 ? plan.requests() : cell.streams();
        // Cells apart by more than the numbers that one of them uses.
        long seed = plan.seed() + ((number + 1L) << 32);
        var workload = new Workload(cell, gauge, plan.prompts(), requests, seed);
        List<Side> sides = targets.stream()
                .map(target -> new Side(target, new ArrayList<>()))
                .toList();
        int rounds = plan.warmUps() + plan.rounds();
        for (int round = 0; round < rounds; round++) {
            for (Side side : round % 2 == 0 ? sides : sides.reversed()) {
                progress.accept("cell " + (number + 1) + " of " + plan.cells().size() + " ("
                        + cell.streams() + " streams), "
                        + (round < plan.warmUps() ? "warm-up" : "round " + (round - plan.warmUps() + 1)));
                Round done = round(cell, side.target(), workload, gauge, round);
                String refusal = refusal(done);
                if (!refusal.isEmpty()) {
                    return new CellResult(cell, Measured.of(List.of()), null, null, refusal, List.of());
                }
                if (round >= plan.warmUps()) {
                    side.rounds().add(done);
                }
            }
        }
        Measured server = Measured.of(sides.getFirst().rounds());
        Ratio ratio = sides.size() < 2
                ? null
                : Ratio.of(sides.getFirst().rounds(), sides.get(1).rounds());
        return new CellResult(
                cell,
                server,
                sides.size() < 2 ? null : Measured.of(sides.get(1).rounds()),
                ratio,
                "",
                limits.broken(server, ratio));
    }

    private Round round(Cell cell, Target target, Workload workload, Gauge gauge, int number) {
        List<Answer> before = driver.run(
                workload.before(number).stream()
                        .map(messages -> request(target, messages, workload.tokensBefore(), Request.Kind.STREAM_TEXT))
                        .toList(),
                cell.streams(),
                Duration.ZERO);
        if (before.stream().anyMatch(Benchmark::failed)) {
            return new Round(before, null);
        }
        var requests = new ArrayList<Request>();
        for (List<Message> messages : workload.round(number, before)) {
            requests.add(request(target, messages, cell.tokens(), Request.Kind.STREAM));
        }
        if (plan.admitTokens() > 0) {
            String late = Words.of(gauge.words(plan.admitTokens()), plan.seed() - 1 - number);
            requests.add(request(target, List.of(Message.user(late)), ADMITTED_TOKENS, Request.Kind.LATE_STREAM));
        }
        List<Answer> answers = driver.run(requests, cell.streams(), plan.pace());
        return plan.admitTokens() > 0
                ? new Round(answers.subList(0, answers.size() - 1), answers.getLast())
                : new Round(answers, null);
    }

    private static boolean failed(Answer answer) {
        Failure failure = answer.failure();
        return failure != null && failure.kind() != Failure.Kind.EMPTY;
    }

    private Request request(Target target, List<Message> messages, int tokens, Request.Kind kind) {
        return new Request(target, asking.request(target, messages, tokens), kind);
    }

    /** Why a server refuses this cell as a whole, such as prompts that exceed its context; "" where it does not. */
    private static String refusal(Round round) {
        @Nullable Failure first = round.answers().getFirst().failure();
        boolean all = round.answers().stream()
                .map(Answer::failure)
                .allMatch(failure -> failure != null
                        && failure.kind() == Failure.Kind.REFUSED
                        && failure.detail().matches("4(?!29|08)\\d\\d: .*"));
        return all && first != null ? first.detail() : "";
    }

    @Override
    public void close() {
        driver.close();
    }
}
