package io.vllmd.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Where settings come from: reference, user file, environment, command line, the later over the earlier. */
final class SettingsLayers {
    private static final List<String> ENVIRONMENT_SECTIONS = List.of("server", "engine", "models", "control");
    /** Settings whose value is a map with names of the user's own. */
    private static final Set<String> MAP_VALUES = Set.of("models.aliases", "models.drafts");

    private final Config reference;
    private final Config merged;
    private final Complaints complaints = new Complaints();
    private final Map<String, ConfigValue> leaves = new TreeMap<>();

    SettingsLayers(Path userFile, Map<String, String> environment, Map<String, ?> commandLine) {
        reference = readReference();
        collectLeaves(reference.root(), "");
        Config user = known(parse(userFile));
        Config variables = known(fromEnvironment(environment));
        Config arguments = known(fromCommandLine(commandLine));
        merged = arguments.withFallback(variables).withFallback(user).withFallback(reference);
    }

    static Config readReference() {
        return ConfigFactory.parseResources(SettingsLayers.class.getClassLoader(), "reference.conf")
                .resolve();
    }

    Config reference() {
        return reference;
    }

    Config merged() {
        return merged;
    }

    Complaints complaints() {
        return complaints;
    }

    /** The environment variable of a setting. */
    static String variable(String key) {
        return "VLLMD_" + key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }

    private static Config parse(Path userFile) {
        if (!Files.exists(userFile)) {
            return ConfigFactory.empty();
        }
        try {
            var options = ConfigParseOptions.defaults()
                    .setAllowMissing(false)
                    .setSyntax(ConfigSyntax.CONF)
                    .setOriginDescription(userFile.toString());
            return ConfigFactory.parseFile(userFile.toFile(), options).resolve();
        } catch (ConfigException e) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "The settings in " + userFile + " can't be read: " + e.getMessage()
                                    + " Mend the file, or move it away to start with the defaults.",
                            userFile.toString())
                    .asException(e);
        }
    }

    private void collectLeaves(ConfigObject object, String path) {
        object.forEach((name, value) -> {
            String key = path + name;
            if (value instanceof ConfigObject inner && !MAP_VALUES.contains(key) && !key.equals("profiles")) {
                collectLeaves(inner, key + ".");
            } else {
                leaves.put(key, value);
            }
        });
    }

    private Config fromEnvironment(Map<String, String> environment) {
        var byVariable = new LinkedHashMap<String, String>();
        for (String key : leaves.keySet()) {
            if (ENVIRONMENT_SECTIONS.stream().anyMatch(section -> key.startsWith(section + "."))) {
                byVariable.put(variable(key), key);
            }
        }
        Config config = ConfigFactory.empty();
        for (var entry : new TreeMap<>(environment).entrySet()) {
            String name = entry.getKey();
            String key = byVariable.get(name);
            String origin = "environment variable " + name;
            if (key != null) {
                config = config.withValue(key, value(key, entry.getValue(), origin));
            } else if (ENVIRONMENT_SECTIONS.stream().anyMatch(s -> name.startsWith(variable(s) + "_"))) {
                complaints.add(name, origin + " is no setting" + Suggestions.didYouMean(name, byVariable.keySet()));
            }
        }
        return config;
    }

    private Config fromCommandLine(Map<String, ?> commandLine) {
        Config config = ConfigFactory.empty();
        for (var entry : commandLine.entrySet()) {
            String key = entry.getKey();
            try {
                config = config.withValue(key, value(key, entry.getValue(), "command line"));
            } catch (ConfigException e) {
                complaints.add(key, "command line: \"" + key + "\" is no key of a setting.");
            }
        }
        return config;
    }

    /** A value given as text takes the shape that the reference has: a,b for lists, a=x,b=y for maps. */
    private ConfigValue value(String key, Object given, String origin) {
        Object value = given;
        if (given instanceof String text) {
            ConfigValue shape = leaves.get(key);
            ConfigValueType type = shape == null ? ConfigValueType.STRING : shape.valueType();
            if (type == ConfigValueType.LIST) {
                value = parts(text);
            } else if (type == ConfigValueType.OBJECT) {
                value = pairs(text);
            }
        }
        return ConfigValueFactory.fromAnyRef(value, origin);
    }

    private static List<String> parts(String text) {
        var parts = new ArrayList<String>();
        for (String part : text.split(",", -1)) {
            if (!part.isBlank()) {
                parts.add(part.strip());
            }
        }
        return parts;
    }

    /** A text that is no list of pairs stays text, which reading then complains about. */
    private static Object pairs(String text) {
        var pairs = new LinkedHashMap<String, String>();
        for (String part : parts(text)) {
            int equals = part.indexOf('=');
            if (equals < 1) {
                return text;
            }
            pairs.put(
                    part.substring(0, equals).strip(),
                    part.substring(equals + 1).strip());
        }
        return pairs;
    }

    /** Drops what the reference does not have, with a complaint each. */
    private Config known(Config layer) {
        return known(layer.root(), reference.root(), "").toConfig();
    }

    private ConfigObject known(ConfigObject given, ConfigObject allowed, String path) {
        ConfigObject kept = given;
        for (var entry : new TreeMap<>(given).entrySet()) {
            String name = entry.getKey();
            ConfigValue value = entry.getValue();
            String key = path + name;
            ConfigValue expected =
                    path.equals("profiles.") ? reference.getValue("profile-defaults") : allowed.get(name);
            if (expected == null) {
                complaints.add(key, value.origin().description() + ": there is no setting " + key + hint(key));
                kept = kept.withoutKey(name);
            } else if (expected instanceof ConfigObject inner && !MAP_VALUES.contains(key)) {
                if (!(value instanceof ConfigObject object)) {
                    complaints.add(
                            key, value.origin().description() + ": " + key + " holds settings; it is no value itself.");
                    kept = kept.withoutKey(name);
                } else {
                    kept = kept.withValue(name, known(object, inner, key + "."));
                }
            }
        }
        return kept;
    }

    private String hint(String key) {
        if (key.startsWith("profiles.")) {
            String[] parts = key.split("\\.", 3);
            String inner = parts.length == 3 ? parts[2] : parts[1];
            var names = leaves.keySet().stream()
                    .filter(k -> k.startsWith("profile-defaults."))
                    .map(k -> k.substring("profile-defaults.".length()))
                    .toList();
            return Suggestions.didYouMean(inner, names);
        }
        return Suggestions.didYouMean(key, leaves.keySet());
    }

    /** Keys of the reference with a typed value; free maps count as one. */
    Set<String> keys() {
        return leaves.keySet();
    }
}
