package io.vllmd.ctl.bench;

/**
 * One point that is measured.
 *
 * @param promptTokens how long a prompt should be, in tokens of the measured model; 0 where prompts come from a file
 * @param tokens the most that an answer may have
 * @param streams requests that run at once
 */
public record Cell(int promptTokens, int tokens, CacheUse cache, int streams) {}
