package io.vllmd.ctl;

import io.vllmd.config.Places;
import io.vllmd.control.protocol.Json;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** What all commands share: options, output in the form that was asked for, the way to the daemon. */
abstract class Command implements Callable<Integer> {
    /** Grows when a member of a JSON document changes its meaning or goes away. */
    static final int JSON_SCHEMA = 1;

    private final Options options;

    Command(Options options) {
        this.options = options;
    }

    Terminal terminal() {
        return options.terminal;
    }

    boolean json() {
        return options.json;
    }

    boolean quiet() {
        return options.quiet;
    }

    PrintStream out() {
        return terminal().out();
    }

    Places places() {
        return Places.of(terminal().environment(), terminal().os());
    }

    /** For questions, which a sound daemon answers at once. */
    DaemonClient ask() {
        return DaemonClient.connect(places(), Duration.ofSeconds(options.timeout == null ? 10 : options.timeout));
    }

    /** For changes, which take the time that they take. */
    DaemonClient change() {
        return DaemonClient.connect(places(), limit());
    }

    @Nullable
    Duration limit() {
        return options.timeout == null ? null : Duration.ofSeconds(options.timeout);
    }

    void printJson(String command, Map<String, Object> members) {
        var document = new LinkedHashMap<String, Object>();
        document.put("schema", JSON_SCHEMA);
        document.put("command", command);
        document.putAll(members);
        out().println(new String(Json.write(document), StandardCharsets.UTF_8));
    }
}
