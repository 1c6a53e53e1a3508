package io.vllmd.ctl.bench;

import java.util.ArrayList;
import java.util.List;

/** The prompts of one cell: what is sent so that the server knows what it should know, and what is measured. */
final class Workload {
    /** One part of a prompt in ten is new where its prefix is known, or the other way round. */
    private static final int PARTS = 10;

    private final Cell cell;
    private final Gauge gauge;
    private final List<String> given;
    private final int requests;
    private final long seed;

    /** @param seed another one for every cell, so that none finds what the one before left in a cache */
    Workload(Cell cell, Gauge gauge, List<String> given, int requests, long seed) {
        this.cell = cell;
        this.gauge = gauge;
        this.given = given;
        this.requests = requests;
        this.seed = seed;
    }

    /** What is answered before this round and not measured; its texts go into {@link #round}. */
    List<List<Message>> before(int round) {
        return switch (cell.cache()) {
            case COLD -> List.of();
            case WARM -> round == 0 ? round(0, List.of()) : List.of();
            case PREFIX_HIT, PREFIX_MISS -> round == 0 ? List.of(ask(words(cell.promptTokens(), 0))) : List.of();
            case TURN -> fresh(round);
        };
    }

    /** Most tokens of an answer of {@link #before}. */
    int tokensBefore() {
        return cell.cache() == CacheUse.TURN ? cell.tokens() : 1;
    }

    /** What is measured in this round. */
    List<List<Message>> round(int round, List<Answer> before) {
        return switch (cell.cache()) {
            case COLD -> fresh(round);
            case WARM -> fresh(0);
            case PREFIX_HIT ->
                each(i -> {
                    int known = cell.promptTokens() - cell.promptTokens() / PARTS;
                    return ask(words(known, 0) + " " + tail(cell.promptTokens() / PARTS, number(round, i)));
                });
            case PREFIX_MISS ->
                each(i -> {
                    String known = words(cell.promptTokens(), 0);
                    int cut = known.indexOf(' ', known.length() / PARTS);
                    return ask(tail(cell.promptTokens() / PARTS, number(round, i)) + known.substring(Math.max(cut, 0)));
                });
            case TURN -> {
                var conversations = new ArrayList<List<Message>>();
                List<List<Message>> first = fresh(round);
                for (int i = 0; i < first.size(); i++) {
                    conversations.add(List.of(
                            first.get(i).getFirst(),
                            new Message("assistant", before.get(i).text()),
                            Message.user("And then? Tell " + Words.of(8, number(round, i)))));
                }
                yield conversations;
            }
        };
    }

    private List<List<Message>> fresh(int round) {
        return each(i -> {
            if (!given.isEmpty()) {
                return ask(given.get((round * requests + i) % given.size()));
            }
            return ask(words(cell.promptTokens(), number(round, i)));
        });
    }

    private interface Ask {
        List<Message> of(int request);
    }

    private List<List<Message>> each(Ask ask) {
        var asked = new ArrayList<List<Message>>();
        for (int i = 0; i < requests; i++) {
            asked.add(ask.of(i));
        }
        return asked;
    }

    /** Another number for every request of the cell; 0 stays for what they share. */
    private long number(int round, int request) {
        return 1 + round * (long) requests + request;
    }

    private String words(int tokens, long number) {
        return Words.of(gauge.words(tokens), seed + number);
    }

    /** Words without what a template adds, for a part of a prompt. */
    private String tail(int tokens, long number) {
        return Words.of((int) Math.max(1, tokens / gauge.perWord()), seed + number);
    }

    private static List<Message> ask(String text) {
        return List.of(Message.user(text));
    }
}
