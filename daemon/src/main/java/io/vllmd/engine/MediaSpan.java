package io.vllmd.engine;

/**
 * Prompt positions that stand for an image, a sound or a video. Their token ids are placeholders, so that what they
 * stand for is part of the prefix cache's key.
 *
 * @param start first position
 * @param length positions
 * @param digest of the whole content, such as SHA-256 in hexadecimal
 */
public record MediaSpan(int start, int length, String digest) {}
