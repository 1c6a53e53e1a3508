package io.vllmd.engine;

/**
 * Random numbers as a function of seed and position, so that neighbours in a batch, chunking and restarts change
 * nothing.
 *
 * <p>u(seed, position) = top 24 bits of mix(mix(seed + γ) + γ·(position + 1)) · 2⁻²⁴, with mix the finaliser of
 * SplitMix64 (Steele, Lea, Flood 2014; Stafford's variant 13) and γ = 0x9e3779b97f4a7c15. The inner mix keeps
 * neighbouring seeds from yielding the same row shifted by one.
 */
final class SeededUniform {
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    private SeededUniform() {}

    /** In [0, 1), all 2²⁴ values exact in float32. */
    static float at(long seed, int position) {
        long bits = mix(mix(seed + GAMMA) + GAMMA * (position + 1L));
        return (bits >>> 40) * 0x1p-24f;
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
