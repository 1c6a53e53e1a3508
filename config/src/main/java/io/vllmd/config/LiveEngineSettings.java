package io.vllmd.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * The section {@code engine} as it is now: what the daemon started with, and what was changed since. A change is read by
 * the same rules as the settings' files and takes effect whole or not at all. Any thread.
 */
public final class LiveEngineSettings {
    private static final String PATH = "engine.";

    private final Config reference;
    private Config values;
    private volatile EngineSettings current;

    LiveEngineSettings(Config values, Config reference, Complaints complaints) {
        this.values = values;
        this.reference = reference;
        this.current = read(values, complaints);
    }

    public EngineSettings current() {
        return current;
    }

    /** The settings that can change and their values as text, by name without {@code engine.}. */
    public synchronized Map<String, String> live() {
        var live = new TreeMap<String, String>();
        for (String key : EngineSettings.LIVE) {
            ConfigValue value = values.root().get(key);
            live.put(
                    key,
                    value == null || value.valueType() == ConfigValueType.NULL
                            ? "none"
                            : String.valueOf(value.unwrapped()));
        }
        return live;
    }

    /**
     * Changes some settings.
     *
     * @param changes key, with or without {@code engine.}, to value as it would stand in a file of settings
     * @param origin who asks, for what is said of a bad value
     * @param apply puts the new settings into force; nothing is changed where it throws
     * @return names without {@code engine.} of those that have another value now
     * @throws ProblemException INVALID naming every key that is unknown or not live and every bad value
     */
    public synchronized List<String> change(Map<String, ?> changes, String origin, Consumer<EngineSettings> apply) {
        var complaints = new Complaints();
        Config changed = values;
        for (var entry : new TreeMap<>(changes).entrySet()) {
            String key = entry.getKey().startsWith(PATH) ? entry.getKey().substring(PATH.length()) : entry.getKey();
            if (EngineSettings.LIVE.contains(key)) {
                changed = changed.withValue(key, value(entry.getValue(), origin));
            } else {
                complaints.add(PATH + key, origin + ": " + unknown(key));
            }
        }
        EngineSettings wanted = read(changed, complaints);
        complaints.throwIfAny();
        apply.accept(wanted);
        Map<String, String> before = live();
        values = changed;
        current = wanted;
        return live().entrySet().stream()
                .filter(now -> !now.getValue().equals(before.get(now.getKey())))
                .map(Map.Entry::getKey)
                .toList();
    }

    private EngineSettings read(Config section, Complaints complaints) {
        return EngineSettings.read(
                new Section(section.atPath("engine"), reference.atPath("engine"), complaints).section("engine"));
    }

    private static ConfigValue value(Object given, String origin) {
        try {
            return ConfigValueFactory.fromAnyRef(given, origin);
        } catch (ConfigException e) {
            return ConfigValueFactory.fromAnyRef(String.valueOf(given), origin);
        }
    }

    private String unknown(String key) {
        Set<String> live = new TreeSet<>(EngineSettings.LIVE);
        return reference.root().containsKey(key)
                ? PATH + key + " is read at start: set it in vllmd.conf and start the daemon again."
                : "there is no setting " + PATH + key + Suggestions.didYouMean(key, live);
    }
}
