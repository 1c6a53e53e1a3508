package io.vllmd.config;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * The section {@code models}.
 *
 * @param initial what to load where nothing else is named; the first is the default model
 * @param aliases what a client sends to the id that is served
 * @param drafts ids of models to the smaller models that guess for them
 * @param profile name of the serving profile in use
 * @param drainTimeout time that running requests get when their model is unloaded
 */
public record ModelSettings(
        List<String> initial,
        Map<String, String> aliases,
        Map<String, String> drafts,
        String profile,
        Duration drainTimeout) {

    static ModelSettings read(Section s) {
        return new ModelSettings(
                s.texts("default"),
                s.textMap("aliases"),
                s.textMap("drafts"),
                s.text("profile"),
                s.duration("drain-timeout", Duration.ZERO, Duration.ofHours(1)));
    }
}
