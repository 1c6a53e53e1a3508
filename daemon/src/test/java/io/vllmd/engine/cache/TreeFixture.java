package io.vllmd.engine.cache;

import io.vllmd.engine.MediaSpan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** A tree over one group, and sequences as a scheduler would have them. */
final class TreeFixture {
    final PagePool pool;
    final PrefixTree tree;

    TreeFixture(int pages) {
        pool = new PagePool(pages);
        tree = new PrefixTree(List.of(pool));
    }

    /** Ids from, from + 1, … */
    static int[] ids(int from, int count) {
        return IntStream.range(from, from + count).toArray();
    }

    static int[] join(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    Turn turn(int[] prompt) {
        return turn("", prompt, List.of());
    }

    Turn turn(String scope, int[] prompt, List<MediaSpan> media) {
        return new Turn(scope, prompt, media);
    }

    /** Looks up, reads the rest of its prompt into pages of its own, publishes. */
    final class Turn {
        final PrefixKey key;
        final Match match;
        final PageTable table = new PageTable();
        private int[] tokens;

        private Turn(String scope, int[] prompt, List<MediaSpan> media) {
            tokens = prompt;
            key = tree.key(scope, prompt, media);
            match = tree.match(key, prompt.length - 1);
            match.fullPages().forEach(page -> table.add(page[0]));
            if (match.partial() != null) {
                tree.release(match.partial());
            }
            fill();
        }

        private void fill() {
            while (table.length() * PrefixTree.PAGE < tokens.length) {
                table.add(pool.take());
            }
        }

        Turn generate(int... more) {
            tokens = join(tokens, more);
            fill();
            return this;
        }

        Turn publish() {
            tree.publish(key, tokens, tokens.length, List.of(table), true);
            return this;
        }

        Turn end() {
            table.release(pool);
            return this;
        }
    }

    /** Tokens of a prompt that would be found. */
    int found(int[] prompt) {
        return found("", prompt, List.of());
    }

    int found(String scope, int[] prompt, List<MediaSpan> media) {
        Match match = tree.match(tree.key(scope, prompt, media), prompt.length);
        match.fullPages().forEach(page -> pool.release(page[0]));
        if (match.partial() != null) {
            tree.release(match.partial());
        }
        return match.tokens();
    }

    List<Integer> pages(Match match) {
        List<Integer> pages = new ArrayList<>();
        match.fullPages().forEach(page -> pages.add(page[0]));
        return pages;
    }
}
