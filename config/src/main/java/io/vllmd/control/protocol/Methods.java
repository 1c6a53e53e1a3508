package io.vllmd.control.protocol;

import java.util.List;

/** What can be asked, with params {@literal ->} result, and what the daemon tells meanwhile. */
public final class Methods {
    /** Grows with a change that an older counterpart would misread. */
    public static final int PROTOCOL = 1;

    /** {@literal ->} {@link Reports.Version}. */
    public static final String VERSION = "version";
    /** {@literal ->} {@link Reports.Status}. */
    public static final String STATUS = "status";
    /** What is loaded {@literal ->} {@link ModelReports.Models}. */
    public static final String PS = "ps";
    /** What a client can name {@literal ->} {@link ModelReports.Served}. */
    public static final String MODELS = "models";
    /** {@link Calls.Load} {@literal ->} {@link ModelReports.Loaded}, with {@link #LOAD_PROGRESS} meanwhile. */
    public static final String LOAD = "load";
    /** {@link Calls.Unload} {@literal ->} {@link ModelReports.Unloaded}. */
    public static final String UNLOAD = "unload";
    /** {@link Calls.Switch} {@literal ->} {@link ModelReports.Switched}. */
    public static final String SWITCH = "switch";
    /** {@literal ->} {@link ProfileReports.ProfileList}. */
    public static final String PROFILE_LIST = "profile.list";
    /** {@link Calls.ShowProfile} {@literal ->} {@link ProfileReports.ProfileDetail}. */
    public static final String PROFILE_SHOW = "profile.show";

    /** Shows the engine's limits, or changes some: {@link Calls.Limits} {@literal ->} {@link EngineReports.Limits}. */
    public static final String LIMITS = "limits";

    /** Notification with {@link ModelReports.LoadProgress}. */
    public static final String LOAD_PROGRESS = "load.progress";

    /** All that can be asked. */
    public static final List<String> ALL =
            List.of(VERSION, STATUS, PS, MODELS, LOAD, UNLOAD, SWITCH, PROFILE_LIST, PROFILE_SHOW, LIMITS);

    private Methods() {}
}
