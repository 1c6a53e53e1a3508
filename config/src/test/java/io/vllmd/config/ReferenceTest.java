package io.vllmd.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReferenceTest {
    @TempDir
    Path home;

    static List<String> keys() {
        return List.copyOf(leaves().keySet());
    }

    private static Map<String, ConfigValue> leaves() {
        var leaves = new TreeMap<String, ConfigValue>();
        collect(SettingsLayers.readReference().root(), "", leaves);
        leaves.keySet().removeIf(key -> key.startsWith("profiles."));
        return leaves;
    }

    private static void collect(ConfigObject object, String path, Map<String, ConfigValue> into) {
        object.forEach((name, value) -> {
            if (value instanceof ConfigObject inner
                    && !List.of("models.aliases", "models.drafts").contains(path + name)) {
                collect(inner, path + name + ".", into);
            } else {
                into.put(path + name, value);
            }
        });
    }

    /** A list of lists fits no setting, so whoever reads the key complains about it. */
    @ParameterizedTest
    @MethodSource("keys")
    void everyKeyIsReadByATypedRecord(String key) throws Exception {
        Files.writeString(home.resolve("vllmd.conf"), key + " = [[1]]\nprofiles.mine {}\n");
        var e = assertThrows(ProblemException.class, () -> Settings.load(new Places(home, 106), Map.of(), Map.of()));
        String read = key.startsWith("profile-defaults.") ? key.substring("profile-defaults.".length()) : key;
        assertTrue(
                e.problem().message().contains(read + " is [[1]]"), e.problem().message());
        assertTrue(e.problem().message().contains("vllmd.conf: 1"), e.problem().message());
    }

    @ParameterizedTest
    @MethodSource("keys")
    void everyKeyTellsItsRangeAndWhenAChangeTakesEffect(String key) {
        var comment = String.join(
                " ", Objects.requireNonNull(leaves().get(key)).origin().comments());
        assertTrue(comment.contains("Range: "), key + ": " + comment);
        assertTrue(comment.contains("Takes effect: "), key + ": " + comment);
        assertTrue(comment.indexOf("Range: ") > 20, key + " has no sentence about what it is");
    }

    @Test
    void holdsOnlyTheDocumentedSections() {
        assertEquals(
                new TreeSet<>(List.of("server", "engine", "models", "control", "profiles", "profile-defaults")),
                new TreeSet<>(SettingsLayers.readReference().root().keySet()));
    }

    @Test
    void noTwoKeysShareAnEnvironmentVariable() {
        var keys = keys();
        assertEquals(
                keys.size(),
                keys.stream().map(SettingsLayers::variable).distinct().count());
    }
}
