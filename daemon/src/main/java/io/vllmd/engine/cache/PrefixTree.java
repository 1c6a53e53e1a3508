package io.vllmd.engine.cache;

import io.vllmd.engine.MediaSpan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Pages of keys and values that requests computed before, found again by the token ids and media that stand before and
 * on them. A page belongs to its place: below the root of its scope, after exactly the pages before it. Nodes hold the
 * real ids, and those are compared, so nothing is taken for another thing because hashes agree.
 *
 * <p>The tree holds one reference of each page that it keeps. Pages that nobody else holds can be evicted, leaves
 * first, the one that was let go of longest ago first. Cost: O(log siblings) a page. Not thread-safe: it belongs to
 * the MLX thread.
 */
public final class PrefixTree {
    /** Positions of a page. */
    public static final int PAGE = 64;

    private static final PageContent NOTHING = new PageContent(new int[0], 0, 0, new MediaPart[0]);

    private final List<PagePool> groups;
    private final Map<String, PrefixNode> roots = new HashMap<>();
    private final IdleNodes idle = new IdleNodes();
    private final Claims claims = new Claims();

    private int nodes;
    private long lookups;
    private long hits;
    private long tokensLookedUp;
    private long tokensFound;
    private long evictions;

    /** @param groups the pools of all layer groups, in the order in which pages are told */
    public PrefixTree(List<PagePool> groups) {
        this.groups = List.copyOf(groups);
    }

    /**
     * A request's key.
     *
     * @param scope requests share pages with others of the same scope only
     * @param prompt not copied; it must not change
     * @param media what placeholders in the prompt stand for, ascending
     */
    public PrefixKey key(String scope, int[] prompt, List<MediaSpan> media) {
        return new PrefixKey(ChainDigest.root("", scope), scope, prompt, media);
    }

    /**
     * Looks up the key's tokens, and retains what it finds for the caller.
     *
     * @param most tokens to find; one less than the prompt has, as the last one must be computed for its logits
     */
    public Match match(PrefixKey key, int most) {
        int wanted = Math.max(0, Math.min(most, key.length()));
        List<int[]> full = new ArrayList<>();
        Match.@Nullable Partial partial = null;
        PrefixNode node = roots.get(key.scope);
        if (node != null) {
            while ((full.size() + 1) * PAGE <= wanted) {
                PrefixNode child = node.child(key.page(full.size(), PAGE));
                if (child == null) {
                    break;
                }
                node = child;
                full.add(retained(node));
            }
            key.at(node, full.size());
            int rest = Math.min(PAGE, wanted - full.size() * PAGE);
            if (rest > 0) {
                PageContent page = key.page(full.size(), rest);
                PrefixNode nearest = node.nearest(page);
                if (nearest != null) {
                    partial = new Match.Partial(retained(nearest), nearest.content.common(page));
                }
            }
        }
        int found = full.size() * PAGE + (partial == null ? 0 : partial.tokens());
        count(key, wanted, found);
        return new Match(found, full, partial);
    }

    /**
     * Tokens of the key's full pages that are there, at most {@code most}; retains nothing, counts for nothing, and
     * costs no more than what came since it was last asked.
     */
    public int peek(PrefixKey key, int most) {
        PrefixNode node = place(key);
        if (node == null) {
            return 0;
        }
        int wanted = Math.min(most, key.length()) / PAGE;
        int depth = key.depth();
        while (depth < wanted) {
            PrefixNode child = node.child(key.page(depth, PAGE));
            if (child == null) {
                break;
            }
            node = child;
            depth++;
        }
        key.at(node, depth);
        return Math.min(depth, wanted) * PAGE;
    }

    private int[] retained(PrefixNode node) {
        for (int i = 0; i < groups.size(); i++) {
            groups.get(i).retain(node.pages[i]);
        }
        return node.pages.clone();
    }

    /** Gives back a partial page that has been copied from. */
    public void release(Match.Partial partial) {
        for (int i = 0; i < groups.size(); i++) {
            groups.get(i).release(partial.pages()[i]);
        }
    }

    private void count(PrefixKey key, int wanted, int found) {
        if (key.lookedUp < 0) {
            lookups++;
        }
        tokensLookedUp += wanted - Math.max(0, key.lookedUp);
        tokensFound += found - key.found;
        hits += (found > 0 ? 1 : 0) - (key.found > 0 ? 1 : 0);
        key.lookedUp = wanted;
        key.found = found;
    }

    /**
     * Makes a sequence's pages findable. Where there is a node of equal content already, that one stays and the
     * caller's page remains its own. May be called as often as there is more; it costs what is new. The sequence may
     * go on to write behind the last published position of a partial page, never before it.
     *
     * @param tokens the sequence's, prompt and generated; the key learns those that it does not know
     * @param length so many of them have their keys and values written, by steps submitted before whatever is
     *     submitted next
     * @param tables the sequence's pages, one table per group
     * @param partial whether the tokens behind the last full page are published, too
     */
    public void publish(PrefixKey key, int[] tokens, int length, List<PageTable> tables, boolean partial) {
        key.extend(tokens, length);
        PrefixNode node = place(key);
        if (node == null) {
            node = new PrefixNode(key.scope, null, NOTHING, new int[0], idle);
            roots.put(key.scope, node);
            key.at(node, 0);
        }
        int full = length / PAGE;
        for (int i = key.depth(); i < full; i++) {
            PageContent page = key.page(i, PAGE);
            PrefixNode child = node.child(page);
            if (child == null) {
                child = add(node, page, tables, i);
            }
            if (child == null) {
                return;
            }
            node = child;
            key.at(node, i + 1);
        }
        int rest = length - full * PAGE;
        if (partial && rest > 0 && key.depth() == full) {
            PageContent page = key.page(full, rest);
            if (node.covering(page) == null) {
                add(node, page, tables, full);
            }
        }
        forgetIfEmpty(key.scope);
    }

    /** Where the key got to, or the root of its scope; null where that is empty. */
    private @Nullable PrefixNode place(PrefixKey key) {
        PrefixNode node = key.node();
        if (node == null) {
            node = roots.get(key.scope);
            if (node != null) {
                key.at(node, 0);
            }
        }
        return node;
    }

    /** A new node; null where the sequence has given the page back. */
    private @Nullable PrefixNode add(PrefixNode parent, PageContent content, List<PageTable> tables, int index) {
        int[] pages = new int[groups.size()];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = tables.get(i).get(index);
            if (pages[i] == PageTable.NONE) {
                return null;
            }
        }
        PrefixNode shorter = parent.coveredBy(content);
        if (shorter != null) {
            remove(shorter);
        }
        PrefixNode node = new PrefixNode(parent.scope, parent, content.detached(), pages, idle);
        for (int i = 0; i < pages.length; i++) {
            PagePool pool = groups.get(i);
            pool.retain(pages[i]);
            pool.watch(pages[i], node);
        }
        node.attach(parent);
        nodes++;
        return node;
    }

    /**
     * Asks to compute the key's page {@code pageIndex} and the pages of its prompt after it, so that equal prompts that
     * arrive together wait for the first of them instead of doing the same work beside it. Whoever is refused waits
     * and looks again later. Claims last until {@link #unclaim}, which is due once the prompt is read and published,
     * and when the request ends.
     *
     * @return true where the page is now, or was, the owner's; false where another owner computes it
     */
    public boolean claim(PrefixKey key, int pageIndex, Object owner) {
        return claims.claim(key, pageIndex, owner);
    }

    /** Gives up all claims of an owner. */
    public void unclaim(Object owner) {
        claims.unclaim(owner);
    }

    /**
     * Drops what was let go of longest ago until so many pages, of all groups together, are free, or nothing is left
     * that may be dropped.
     *
     * @return pages that became free
     */
    public int evict(int pages) {
        int freed = 0;
        while (freed < pages) {
            PrefixNode leaf = idle.oldest();
            if (leaf == null) {
                break;
            }
            freed += leaf.pages.length;
            remove(leaf);
            forgetIfEmpty(leaf.scope);
            evictions++;
        }
        return freed;
    }

    /** Pages, of all groups together, that {@link #evict} could free. */
    public int evictable() {
        return idle.pages();
    }

    /** Forgets everything; pages that running sequences hold remain theirs. */
    public void clear() {
        List.copyOf(roots.keySet()).forEach(this::clear);
    }

    /** Forgets everything of one scope. */
    public void clear(String scope) {
        nodesOf(scope).reversed().forEach(this::remove);
        forgetIfEmpty(scope);
    }

    /** All nodes of a scope but its root, parents before their children. */
    List<PrefixNode> nodesOf(String scope) {
        List<PrefixNode> all = new ArrayList<>();
        PrefixNode root = roots.get(scope);
        if (root != null) {
            root.children().forEach(all::add);
        }
        for (int i = 0; i < all.size(); i++) {
            all.get(i).children().forEach(all::add);
        }
        return all;
    }

    private void remove(PrefixNode node) {
        for (int i = 0; i < groups.size(); i++) {
            groups.get(i).unwatch(node.pages[i]);
        }
        PrefixNode parent = Objects.requireNonNull(node.parent);
        node.detach(parent);
        for (int i = 0; i < groups.size(); i++) {
            groups.get(i).release(node.pages[i]);
        }
        nodes--;
    }

    private void forgetIfEmpty(String scope) {
        PrefixNode root = roots.get(scope);
        if (root != null && root.isLeaf()) {
            root.detached = true;
            roots.remove(scope);
        }
    }

    public PrefixStats stats() {
        return new PrefixStats(lookups, hits, tokensLookedUp, tokensFound, nodes, nodes * groups.size(), evictions);
    }
}
