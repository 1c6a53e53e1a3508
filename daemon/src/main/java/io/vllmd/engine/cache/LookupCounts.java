package io.vllmd.engine.cache;

/** What lookups found, counted once a request however often it looks. */
final class LookupCounts {
    long lookups;
    long hits;
    long tokensLookedUp;
    long tokensFound;

    void count(PrefixKey key, int wanted, int found) {
        if (key.lookedUp < 0) {
            lookups++;
        }
        tokensLookedUp += wanted - Math.max(0, key.lookedUp);
        tokensFound += found - key.found;
        hits += (found > 0 ? 1 : 0) - (key.found > 0 ? 1 : 0);
        key.lookedUp = wanted;
        key.found = found;
    }
}
