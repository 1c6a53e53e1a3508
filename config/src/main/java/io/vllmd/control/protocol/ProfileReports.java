package io.vllmd.control.protocol;

import io.vllmd.config.Profile;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What the daemon answers about serving profiles. {@code tree} is the result on the wire, {@code from} reads it back; members that a
 * newer daemon adds are ignored.
 */
public final class ProfileReports {
    private ProfileReports() {}

    /** Answer to {@link Methods#PROFILE_LIST}. */
    public record ProfileList(String active, List<Summary> profiles) {

        /** One profile in a list; {@code complete} tells whether all of it is in force. */
        public record Summary(String name, String description, boolean complete) {}

        public Map<String, Object> tree() {
            return new Tree()
                    .put("active", active)
                    .put(
                            "profiles",
                            profiles.stream()
                                    .map(p -> new Tree()
                                            .put("name", p.name())
                                            .put("description", p.description())
                                            .put("complete", p.complete())
                                            .map())
                                    .toList())
                    .map();
        }

        public static ProfileList from(Map<String, Object> tree) {
            var f = new Fields(tree);
            return new ProfileList(
                    f.text("active"),
                    f.list(
                            "profiles",
                            p -> new Summary(p.text("name"), p.text("description"), p.flag("complete", true))));
        }
    }

    /**
     * Answer to {@link Methods#PROFILE_SHOW}.
     *
     * @param settings each set part as key and text, such as sampling.top-p and 0.9
     * @param notInForce what this version does not act on, and why
     */
    public record ProfileDetail(
            String name, String description, boolean active, Map<String, Object> settings, List<Missing> notInForce) {

        /** A part that is not in force. */
        public record Missing(String setting, String reason) {}

        /** A profile as it is told to a person. */
        public static ProfileDetail of(Profile profile, boolean active) {
            var sampling = profile.sampling();
            var penalties = sampling.penalties();
            var divergence = profile.divergence();
            var settings = new Tree()
                    .put("deterministic", profile.deterministic())
                    .put("multimodal", profile.multimodal())
                    .put(
                            "timeout",
                            profile.timeout() == null ? null : profile.timeout().toSeconds() + "s")
                    .put("priority", profile.priority().name().toLowerCase(Locale.ROOT))
                    .put("repetition-guard", profile.repetitionGuard().name().toLowerCase(Locale.ROOT))
                    .put("kv-bits", profile.kvBits())
                    .put("sampling.temperature", sampling.temperature())
                    .put("sampling.top-p", sampling.topP())
                    .put("sampling.top-k", sampling.topK())
                    .put("sampling.min-p", sampling.minP())
                    .put("sampling.presence-penalty", penalties.presence())
                    .put("sampling.frequency-penalty", penalties.frequency())
                    .put("sampling.repetition-penalty", penalties.repetition())
                    .put("sampling.repetition-window", penalties.window())
                    .put("tools.enabled", profile.tools().enabled())
                    .put("tools.parser", profile.tools().parser())
                    .put("json.constrained", profile.json().constrained())
                    .put("divergence.monitor", divergence.monitor())
                    .put("divergence.threshold", divergence.threshold())
                    .put("divergence.action", divergence.action().name().toLowerCase(Locale.ROOT));
            var missing = profile.notInForce().stream()
                    .map(m -> new Missing(m.setting(), m.reason()))
                    .toList();
            return new ProfileDetail(profile.name(), profile.description(), active, settings.map(), missing);
        }

        public Map<String, Object> tree() {
            return new Tree()
                    .put("name", name)
                    .put("description", description)
                    .put("active", active)
                    .put("settings", settings)
                    .put(
                            "notInForce",
                            notInForce.stream()
                                    .map(m -> new Tree()
                                            .put("setting", m.setting())
                                            .put("reason", m.reason())
                                            .map())
                                    .toList())
                    .map();
        }

        public static ProfileDetail from(Map<String, Object> tree) {
            var f = new Fields(tree);
            return new ProfileDetail(
                    f.text("name"),
                    f.text("description"),
                    f.flag("active", false),
                    f.object("settings"),
                    f.list("notInForce", m -> new Missing(m.text("setting"), m.text("reason"))));
        }
    }
}
