package io.vllmd.config;

import java.util.Map;

/**
 * All settings of the daemon, read at start; of the engine's some may change later. Keys, units, ranges and defaults are told in
 * {@code reference.conf}.
 */
public record Settings(
        ServerSettings server,
        LiveEngineSettings liveEngine,
        ModelSettings models,
        ControlSettings control,
        Profiles profiles) {

    /** The settings of this process: {@code vllmd.conf} of these places, its environment, and these arguments. */
    public static Settings load(Places places, Map<String, ?> commandLine) {
        return load(places, System.getenv(), commandLine);
    }

    /**
     * Reads reference, then user file, environment and command line, the later over the earlier.
     *
     * @param commandLine key to value; a value is a string, a number, a boolean or a list of strings
     * @throws ProblemException INVALID naming every unknown key and bad value with its file and line, NOT_FOUND
     *     where the profile in use does not exist
     */
    public static Settings load(Places places, Map<String, String> environment, Map<String, ?> commandLine) {
        var layers = new SettingsLayers(places.userFile(), environment, commandLine);
        var complaints = layers.complaints();
        var root = new Section(layers.merged(), layers.reference(), complaints);
        var settings = new Settings(
                ServerSettings.read(root.section("server")),
                new LiveEngineSettings(
                        layers.merged().getConfig("engine"), layers.reference().getConfig("engine"), complaints),
                ModelSettings.read(root.section("models")),
                ControlSettings.read(root.section("control")),
                Profiles.read(root.section("profiles"), root.section("profile-defaults")));
        complaints.throwIfAny();
        settings.profiles().find(settings.models().profile());
        return settings;
    }

    /** The section {@code engine} as it is now. */
    public EngineSettings engine() {
        return liveEngine.current();
    }

    /** The serving profile that {@code models.profile} names. */
    public Profile profile() {
        return profiles.find(models.profile());
    }
}
