package io.vllmd.ctl.bench;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is to be measured.
 *
 * @param server the server in question
 * @param baseline the one that it is held against, or null
 * @param cells the points, in order
 * @param rounds how often each point is measured
 * @param warmUps rounds before these that do not count
 * @param requests requests of one round, or 0 for as many as there are streams
 * @param pace least time between the starts of two requests of a round, zero for none
 * @param admitTokens length of a prompt that joins once all streams run, or 0 for none
 * @param prompts prompts to take in order, or none to make them
 * @param toTheLimit whether answers go on where the model would end them
 * @param body further members of each request's body
 * @param stall a request on which nothing comes for so long has failed
 * @param limit longest time for all of it, or null for none
 * @param seed what prompts are made from; the same seed makes the same prompts
 */
public record Plan(
        Server server,
        @Nullable Server baseline,
        List<Cell> cells,
        int rounds,
        int warmUps,
        int requests,
        Duration pace,
        int admitTokens,
        List<String> prompts,
        boolean toTheLimit,
        Map<String, Object> body,
        Duration stall,
        @Nullable Duration limit,
        long seed) {

    /**
     * One side.
     *
     * @param url where it listens
     * @param model the model to ask for, or "" for the first one that it names
     * @param key its API key, or null
     */
    public record Server(String url, String model, @Nullable String key) {}
}
