package io.vllmd.engine.cache;

/**
 * What a prefix tree did and holds.
 *
 * @param lookups requests that looked something up; asking again for the same request does not count
 * @param hits requests of these that found at least one token
 * @param tokensLookedUp tokens that these requests would have liked to find
 * @param tokensFound tokens that they found
 * @param nodes pages of content held
 * @param pages page ids held, all groups together
 * @param evictions nodes that were dropped for want of room
 */
public record PrefixStats(
        long lookups, long hits, long tokensLookedUp, long tokensFound, int nodes, int pages, long evictions) {}
