package io.vllmd.engine;

import io.vllmd.config.Problem;
import io.vllmd.engine.cache.Match;
import io.vllmd.engine.cache.PageTable;
import io.vllmd.engine.cache.PrefixKey;
import io.vllmd.mlx.Array;
import io.vllmd.mlx.Mlx;
import io.vllmd.mlx.SamplingRows;
import io.vllmd.mlx.Scope;
import io.vllmd.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Guesses by a smaller model with a KV cache of its own. Its token for a position is drawn with the same random number
 * and parameters as the large model's will be (Leviathan et al. 2023 with coupled draws): the nearer their distributions,
 * the more often both draw the same token, at any temperature.
 */
final class DraftModel implements Drafter {
    /** Most tokens that it reads at once to catch up with answers, which stand still meanwhile. */
    private static final int CHUNK = 256;

    private final LanguageModel model;
    private final KvCache cache;
    private final StepCosts costs = new StepCosts();
    private final SamplingRows sampling = new SamplingRows();
    private final IdentityHashMap<Sequence, Reading> readings = new IdentityHashMap<>();

    /** Tokens of its last step, which the next depends on: only data flow orders steps on a device. */
    private @Nullable Array last;

    /** How far it has read a sequence. */
    private static final class Reading {
        final PrefixKey key;
        final List<PageTable> tables;

        /** Positions whose keys and values are of the sequence's tokens, or of guesses. */
        int written;

        /** Its last guesses, the first of which stood at this position. */
        int guessedAt;

        int[] guesses = {};

        Reading(PrefixKey key, List<PageTable> tables) {
            this.key = key;
            this.tables = tables;
        }

        /** Forgets what was written of guesses that did not hold. */
        void check(Sequence sequence) {
            int right = 0;
            while (right < guesses.length
                    && guessedAt + right < sequence.known()
                    && guesses[right] == sequence.tokens()[guessedAt + right]) {
                right++;
            }
            written = Math.min(written, guessedAt + right);
        }
    }

    /**
     * @param model stays the caller's, as does its closing
     * @param large the model that it guesses for
     */
    DraftModel(LanguageModel model, LanguageModel.Description large, KvBudget budget) {
        LanguageModel.Description small = model.description();
        if (small.vocabulary() != large.vocabulary()) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "A draft model must have the vocabulary of its model: this one has " + small.vocabulary()
                                    + " tokens, the model " + large.vocabulary() + ".",
                            Integer.toString(small.vocabulary()))
                    .asException();
        }
        this.model = model;
        this.cache = new KvCache(small, LaneOptions.PLAIN, budget);
    }

    @Override
    public boolean serves(Sequence sequence) {
        return sequence.request.media().isEmpty();
    }

    @Override
    public double nanos(int sequences) {
        return costs.decodeNanos(sequences);
    }

    @Override
    public List<int[]> guess(List<Sequence> sequences, int count) {
        int[][] guesses = new int[sequences.size()][0];
        List<Sequence> drafting = new ArrayList<>(sequences.size());
        List<Integer> ends = new ArrayList<>(sequences.size());
        List<Integer> places = new ArrayList<>(sequences.size());
        List<PagedStep.Rows> rows = new ArrayList<>(sequences.size());
        List<int[]> ids = new ArrayList<>(sequences.size());
        int left = CHUNK;
        for (int i = 0; i < guesses.length; i++) {
            Sequence sequence = sequences.get(i);
            Reading reading = reading(sequence, count);
            if (reading == null) {
                continue;
            }
            int unread = sequence.known() - reading.written;
            int now = Math.min(unread, left);
            if (now == 0) {
                continue;
            }
            left -= now;
            rows.add(new PagedStep.Rows(reading.tables, reading.written, now));
            ids.add(Arrays.copyOfRange(sequence.tokens(), reading.written, reading.written + now));
            reading.written += now;
            reading.guesses = new int[0];
            reading.guessedAt = reading.written;
            if (now == unread) {
                drafting.add(sequence);
                ends.add(CHUNK - left - 1);
                places.add(i);
            }
        }
        if (!rows.isEmpty()) {
            int[] lastRows = ends.stream().mapToInt(Integer::intValue).toArray();
            int[][] found = draft(rows, ids, lastRows, drafting, count);
            for (int i = 0; i < found.length; i++) {
                guesses[places.get(i)] = found[i];
            }
        }
        return List.of(guesses);
    }

    /** Where the sequence stands here, with pages for what it knows and that many guesses; null where none can be had. */
    private @Nullable Reading reading(Sequence sequence, int count) {
        Reading reading = readings.get(sequence);
        if (reading == null) {
            PrefixKey key = cache.tree()
                    .key(
                            sequence.request.cacheScope(),
                            Arrays.copyOf(sequence.tokens(), sequence.known()),
                            sequence.request.media());
            reading = new Reading(key, cache.newTables());
            adopt(reading, cache.tree().match(key, sequence.known() - 1));
            readings.put(sequence, reading);
        } else {
            reading.check(sequence);
        }
        int length = sequence.known() + count - 1;
        if (length > model.description().contextLength() || !cache.reserve(reading.tables, length)) {
            leave(sequence, reading);
            readings.remove(sequence);
            return null;
        }
        return reading;
    }

    private void adopt(Reading reading, Match match) {
        for (int[] page : match.fullPages()) {
            for (int group = 0; group < page.length; group++) {
                reading.tables.get(group).add(page[group]);
            }
        }
        reading.written = match.fullPages().size() * KvCache.PAGE;
        reading.guessedAt = reading.written;
        Match.Partial partial = match.partial();
        if (partial != null) {
            cache.release(partial.pages());
        }
    }

    /** One step that reads what is new, then one a guess, each fed by the one before it on the device. */
    @SuppressWarnings("try") // the scope is there to be closed
    private int[][] draft(List<PagedStep.Rows> rows, List<int[]> ids, int[] ends, List<Sequence> drafting, int count) {
        int m = drafting.size();
        long began = System.nanoTime();
        int[] flat;
        try (Scope scope = Scope.open()) {
            Array tokens = step(rows, readRows(ids), ends, drafting, 0);
            List<Array> steps = new ArrayList<>(count);
            steps.add(tokens);
            for (int ahead = 1; m > 0 && ahead < count; ahead++) {
                Array guessed = Mlx.stepTokens(tokens, identity(m), new int[m]);
                tokens = step(rowsAhead(drafting), guessed, identity(m), drafting, ahead);
                steps.add(tokens);
                for (Sequence each : drafting) {
                    reading(each).written++;
                }
            }
            Array all = steps.size() == 1 ? tokens : Mlx.concatenate(0, steps.toArray(Array[]::new));
            tokens.detach();
            remember(tokens);
            if (m == 0) {
                // Nothing to wait for: it reads on while the large model goes on with its answers.
                Mlx.asyncEval(tokens);
                return new int[0][];
            }
            flat = all.toInts();
        }
        if (rows.stream().mapToInt(PagedStep.Rows::count).sum() <= 2 * rows.size()) {
            costs.measuredRows(m, (System.nanoTime() - began) / count);
        }
        int[][] guesses = new int[m][count];
        for (int i = 0; i < m; i++) {
            for (int ahead = 0; ahead < count; ahead++) {
                guesses[i][ahead] = flat[ahead * m + i];
            }
            Reading reading = reading(drafting.get(i));
            reading.guesses = guesses[i];
        }
        return guesses;
    }

    private Reading reading(Sequence sequence) {
        Reading reading = readings.get(sequence);
        if (reading == null) {
            throw new IllegalStateException("request " + sequence.request.id() + " is not read here");
        }
        return reading;
    }

    private Array readRows(List<int[]> ids) {
        int[] all = ids.stream().flatMapToInt(Arrays::stream).toArray();
        int[] from = new int[all.length];
        Arrays.fill(from, -1);
        return Mlx.stepTokens(last, from, all);
    }

    private List<PagedStep.Rows> rowsAhead(List<Sequence> drafting) {
        List<PagedStep.Rows> rows = new ArrayList<>(drafting.size());
        for (Sequence each : drafting) {
            Reading reading = reading(each);
            rows.add(new PagedStep.Rows(reading.tables, reading.written, 1));
        }
        return rows;
    }

    private static int[] identity(int n) {
        int[] indexes = new int[n];
        Arrays.setAll(indexes, i -> i);
        return indexes;
    }

    /**
     * The tokens drawn after the wanted rows, one of each that drafts; of any row where nobody does, to have something
     * that the next step can depend on.
     */
    private Array step(List<PagedStep.Rows> rows, Array ids, int[] wanted, List<Sequence> drafting, int ahead) {
        sampling.clear();
        for (Sequence each : drafting) {
            each.sampling.addGuess(sampling, ahead);
        }
        if (drafting.isEmpty()) {
            sampling.add(0, 0, 1, 0, 0, 0, 0, 1, -1, -1);
        }
        try (PagedStep kv = new PagedStep(cache, rows, 0)) {
            return Mlx.choose(model.forward(ids, kv, drafting.isEmpty() ? new int[] {0} : wanted), sampling, null)
                    .tokens();
        }
    }

    private void remember(Array tokens) {
        forget();
        last = tokens;
    }

    private void forget() {
        Array before = last;
        last = null;
        if (before != null) {
            before.close();
        }
    }

    @Override
    public void keepOnly(List<Sequence> running) {
        if (readings.isEmpty()) {
            return;
        }
        var kept = Collections.newSetFromMap(new IdentityHashMap<Sequence, Boolean>());
        kept.addAll(running);
        for (Iterator<Map.Entry<Sequence, Reading>> each = readings.entrySet().iterator(); each.hasNext(); ) {
            Map.Entry<Sequence, Reading> entry = each.next();
            if (!kept.contains(entry.getKey())) {
                leave(entry.getKey(), entry.getValue());
                each.remove();
            }
        }
    }

    /** What was read of it serves whoever continues it. */
    private void leave(Sequence sequence, Reading reading) {
        reading.check(sequence);
        if (reading.written > 0) {
            cache.tree().publish(reading.key, sequence.tokens(), reading.written, reading.tables, false);
        }
        cache.release(reading.tables);
    }

    @Override
    public long kvBytes() {
        return cache.nbytes();
    }

    @Override
    public long kvEvictableBytes() {
        return cache.evictableBytes();
    }

    @Override
    public void close() {
        readings.forEach((sequence, reading) -> cache.release(reading.tables));
        readings.clear();
        forget();
        cache.close();
    }
}
