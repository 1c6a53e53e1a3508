package io.vllmd.engine.cache;

import io.vllmd.engine.MediaSpan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Pages of keys and values that requests computed before, found again by the token ids and media that stand before and
 * on them. A page belongs to its place: below the root of its scope, after exactly the pages before it. Nodes hold the
 * real ids, and those are compared, so nothing is taken for another thing because hashes agree.
 *
 * <p>The tree holds one reference of each page that it keeps. What nobody else holds can be evicted, leaves first, what
 * was let go of longest ago first. In a group with a sliding window a node may lack its page; then it serves only
 * requests that see beyond it. Cost: O(log siblings) a page. Not thread-safe: it belongs to the MLX thread.
 */
public final class PrefixTree {
    /** Positions of a page. */
    public static final int PAGE = 64;

    private final Groups groups;
    private final String identity;
    private final Map<String, PrefixNode> roots = new HashMap<>();
    private final Claims claims = new Claims();
    private final LookupCounts lookups = new LookupCounts();
    private Consumer<PrefixNode> leaving = node -> {};
    private int nodes;
    private long evictions;

    /** A tree whose groups have no windows. */
    public PrefixTree(List<PagePool> groups) {
        this(groups, new int[groups.size()], "");
    }

    /**
     * @param groups the pools of all layer groups, in the order in which pages are told
     * @param windows of each group, how many of the newest positions a token sees, its own among them; 0 = all
     * @param identity of the model and the format of its pages, part of the chain digests
     */
    public PrefixTree(List<PagePool> groups, int[] windows, String identity) {
        this.groups = new Groups(groups, windows);
        this.identity = identity;
    }

    /**
     * A request's key.
     *
     * @param scope requests share pages with others of the same scope only
     * @param prompt not copied; it must not change
     * @param media what placeholders in the prompt stand for, ascending
     */
    public PrefixKey key(String scope, int[] prompt, List<MediaSpan> media) {
        return new PrefixKey(ChainDigest.root(identity, scope), scope, prompt, media);
    }

    /**
     * Looks up the key's tokens, and retains what it finds for the caller.
     *
     * @param most tokens to find; one less than the prompt has, as the last one must be computed for its logits
     */
    public Match match(PrefixKey key, int most) {
        int wanted = Math.max(0, Math.min(most, key.length()));
        Path path = new Path(groups);
        PrefixNode root = roots.get(key.scope);
        PrefixNode node = root;
        Match.@Nullable Partial partial = null;
        if (node != null) {
            while ((path.length() + 1) * PAGE <= wanted) {
                PrefixNode child = node.child(key.page(path.length(), PAGE));
                if (child == null) {
                    break;
                }
                node = child;
                path.add(node);
            }
            int rest = Math.min(PAGE, wanted - path.length() * PAGE);
            if (rest > 0) {
                PageContent page = key.page(path.length(), rest);
                PrefixNode nearest = node.nearest(page);
                int common = nearest == null ? 0 : nearest.content.common(page);
                if (nearest != null && path.reaches(nearest, common)) {
                    partial = new Match.Partial(groups.retain(nearest), common);
                }
            }
        }
        List<int[]> full = path.retain(partial == null ? 0 : partial.tokens());
        if (root != null) {
            key.at(full.isEmpty() ? root : path.last(), full.size());
        }
        int found = full.size() * PAGE + (partial == null ? 0 : partial.tokens());
        lookups.count(key, wanted, found);
        return new Match(found, full, partial);
    }

    /**
     * Tokens of the key's full pages that have nodes, at most {@code most}; retains nothing and counts for nothing. Where
     * there are no windows it costs no more than what came since it was last asked, and {@link #match} finds as much.
     */
    public int peek(PrefixKey key, int most) {
        PrefixNode node = place(key);
        if (node == null) {
            return 0;
        }
        int wanted = Math.max(0, Math.min(most, key.length())) / PAGE;
        int depth = key.depth();
        while (depth < wanted) {
            PrefixNode child = node.child(key.page(depth, PAGE));
            if (child == null) {
                break;
            }
            node = child;
            depth++;
        }
        if (!groups.haveWindows()) {
            // Else publishing must begin further up, where nodes may have lost pages.
            key.at(node, depth);
        }
        return Math.min(depth, wanted) * PAGE;
    }

    /** Gives back a partial page that has been copied from. */
    public void release(Match.Partial partial) {
        groups.release(partial.pages());
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
        PrefixNode node = placeOrRoot(key);
        int full = length / PAGE;
        for (int i = key.depth(); i < full; i++) {
            PrefixNode child = put(node, key.page(i, PAGE), Groups.pages(tables, i));
            if (child == null) {
                break;
            }
            node = child;
            key.at(node, i + 1);
        }
        int rest = length - full * PAGE;
        if (partial && rest > 0 && key.depth() == full) {
            PageContent page = key.page(full, rest);
            if (node.covering(page) == null) {
                put(node, page, Groups.pages(tables, full));
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

    private PrefixNode placeOrRoot(PrefixKey key) {
        PrefixNode node = place(key);
        if (node == null) {
            node = PrefixNode.root(key.scope, key.root(), groups.idleNodes());
            roots.put(key.scope, node);
            key.at(node, 0);
        }
        return node;
    }

    /** The nodes of the key's first {@code pages} full pages, as far as there are any. */
    List<PrefixNode> path(PrefixKey key, int pages) {
        List<PrefixNode> path = new ArrayList<>();
        PrefixNode node = roots.get(key.scope);
        while (node != null && path.size() < pages) {
            node = node.child(key.page(path.size(), PAGE));
            if (node != null) {
                path.add(node);
            }
        }
        return path;
    }

    /**
     * Publishes the key's full page {@code index}, the pages before which are there.
     *
     * @param pages held by the caller
     * @return the node, of these pages or of others of equal content; null where a page before it is gone
     */
    @Nullable
    PrefixNode adopt(PrefixKey key, int index, int[] pages) {
        PrefixNode node = placeOrRoot(key);
        int depth = key.depth();
        if (depth > index) {
            node = roots.get(key.scope);
            depth = 0;
        }
        while (node != null && depth < index) {
            node = node.child(key.page(depth, PAGE));
            depth++;
        }
        PrefixNode adopted = node == null ? null : put(node, key.page(index, PAGE), pages);
        if (adopted != null) {
            key.at(adopted, index + 1);
        }
        forgetIfEmpty(key.scope);
        return adopted;
    }

    /**
     * The child of this content, made of these pages where there is none.
     *
     * @return null where the caller has given a page back that a node cannot be without
     */
    private @Nullable PrefixNode put(PrefixNode parent, PageContent content, int[] pages) {
        PrefixNode node = parent.child(content);
        if (node != null) {
            groups.complete(node, pages);
            return node;
        }
        if (!groups.suffice(pages)) {
            return null;
        }
        PrefixNode shorter = parent.coveredBy(content);
        if (shorter != null) {
            remove(shorter);
        }
        node = groups.node(parent, content.detached());
        node.attach(parent);
        groups.fill(node, pages);
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
        int before = groups.evictable();
        while (before - groups.evictable() < pages && groups.evictable() > 0) {
            Idle oldest = Objects.requireNonNull(groups.oldest());
            if (oldest instanceof WindowPage page) {
                groups.drop(page);
            } else if (oldest instanceof PrefixNode leaf) {
                leaving.accept(leaf);
                remove(leaf);
                forgetIfEmpty(leaf.scope);
                evictions++;
            }
        }
        return before - groups.evictable();
    }

    /** Pages, of all groups together, that {@link #evict} could free. */
    public int evictable() {
        return groups.evictable();
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

    /** Who is told of a node that is about to be evicted. */
    void onEvict(Consumer<PrefixNode> listener) {
        leaving = listener;
    }

    Groups groups() {
        return groups;
    }

    private void remove(PrefixNode node) {
        PrefixNode parent = Objects.requireNonNull(node.parent);
        groups.unwatch(node);
        node.detach(parent);
        groups.empty(node);
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
        return new PrefixStats(
                lookups.lookups,
                lookups.hits,
                lookups.tokensLookedUp,
                lookups.tokensFound,
                nodes,
                groups.kept(),
                evictions);
    }
}
