package io.vllmd.engine.cache;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Who is about to compute which page, so that others who need the same one wait for it. */
final class Claims {
    private final Map<ChainDigest, Object> holders = new HashMap<>();
    private final Map<Object, List<ChainDigest>> held = new HashMap<>();

    /** All pages of the prompt from {@code first} on, as far as they are nobody's; false where the first is another's. */
    boolean claim(PrefixKey key, int first, Object owner) {
        int pages = Math.ceilDiv(key.promptLength, PrefixTree.PAGE);
        if (first >= pages) {
            return true;
        }
        Object holder = holders.get(key.digest(first));
        if (holder != null && !holder.equals(owner)) {
            return false;
        }
        List<ChainDigest> mine = held.computeIfAbsent(owner, ignored -> new ArrayList<>());
        for (int i = first; i < pages; i++) {
            ChainDigest page = key.digest(i);
            if (holders.putIfAbsent(page, owner) == null) {
                mine.add(page);
            }
        }
        return true;
    }

    void unclaim(Object owner) {
        List<ChainDigest> mine = held.remove(owner);
        if (mine != null) {
            mine.forEach(holders::remove);
        }
    }
}
