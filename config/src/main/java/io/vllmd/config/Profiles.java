package io.vllmd.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The serving profiles: those of vllmd and those of the user file. */
public record Profiles(Map<String, Profile> byName) {

    /** The profile of this name; NOT_FOUND with the list and the nearest name where there is none. */
    public Profile find(String name) {
        var profile = byName.get(name);
        if (profile == null) {
            throw Problem.of(
                            Problem.Kind.NOT_FOUND,
                            "There is no profile \"" + name + "\"" + Suggestions.didYouMean(name, byName.keySet())
                                    + " Profiles: " + String.join(", ", byName.keySet()) + ".",
                            name)
                    .asException();
        }
        return profile;
    }

    /** All profiles, by name. */
    public List<Profile> all() {
        return List.copyOf(byName.values());
    }

    static Profiles read(Section profiles, Section defaults) {
        var byName = new LinkedHashMap<String, Profile>();
        for (String name : new TreeSet<>(profiles.names())) {
            byName.put(name, Profile.read(name, profiles.section(name).over(defaults)));
        }
        return new Profiles(Collections.unmodifiableMap(byName));
    }
}
