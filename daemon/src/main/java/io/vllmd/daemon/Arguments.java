package io.vllmd.daemon;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Suggestions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The command line of vllmd.
 *
 * @param models folders or repository ids to load beside what the last run left loaded; the first becomes default
 * @param settings settings given on the command line, key to value
 * @param action what to do
 */
record Arguments(List<String> models, Map<String, Object> settings, Action action) {

    enum Action {
        SERVE,
        HELP,
        VERSION
    }

    static final String USAGE = """
            Usage: vllmd [--port N] [--host H] [--model PATH_OR_ID ...] [--profile P] [--set KEY=VALUE ...]

              --port N           port to listen on (server.port, 8000; 0 takes a free one)
              --host H           address to listen on (server.host, 127.0.0.1)
              --model M ...      folders or Hugging Face ids to load beside what was loaded last; the first is
                                 the default model. Without any, the built-in model "sprout" is served.
              --profile P        serving profile (`vllmctl profile list` names them)
              --set KEY=VALUE    any setting of reference.conf
              --version, --help

            Files: settings in $VLLMD_HOME/vllmd.conf, logs in $VLLMD_HOME/logs. While it runs: vllmctl.
            """;

    private static final Map<String, String> SETTING_OF =
            Map.of("--port", "server.port", "--host", "server.host", "--profile", "models.profile");
    private static final List<String> FLAGS =
            List.of("--port", "--host", "--model", "--profile", "--set", "--version", "--help");

    static Arguments parse(String... args) {
        List<String> models = new ArrayList<>();
        Map<String, Object> settings = new LinkedHashMap<>();
        Action action = Action.SERVE;
        for (int i = 0; i < args.length; i++) {
            String flag = args[i];
            String attached = null;
            int equals = flag.indexOf('=');
            if (flag.startsWith("--") && equals > 0) {
                attached = flag.substring(equals + 1);
                flag = flag.substring(0, equals);
                if (attached.isBlank()) {
                    throw usage(flag + " needs a value", flag);
                }
            }
            switch (flag) {
                case "--help", "-h" -> action = Action.HELP;
                case "--version" -> action = Action.VERSION;
                case "--model" -> {
                    models.add(attached != null ? attached : value(args, ++i, flag));
                    while (attached == null && i + 1 < args.length && !args[i + 1].startsWith("--")) {
                        models.add(args[++i]);
                    }
                }
                case "--port", "--host", "--profile" ->
                    settings.put(SETTING_OF.get(flag), attached != null ? attached : value(args, ++i, flag));
                case "--set" -> {
                    String pair = attached != null ? attached : value(args, ++i, flag);
                    int cut = pair.indexOf('=');
                    if (cut <= 0) {
                        throw usage("--set takes KEY=VALUE, not '" + pair + "'", flag);
                    }
                    settings.put(
                            pair.substring(0, cut).strip(),
                            pair.substring(cut + 1).strip());
                }
                default ->
                    throw usage(
                            "unknown argument '" + args[i] + "'"
                                    + Suggestions.closest(flag, FLAGS)
                                            .map(near -> "; did you mean " + near + "?")
                                            .orElse(""),
                            flag);
            }
        }
        return new Arguments(List.copyOf(models), Map.copyOf(settings), action);
    }

    private static String value(String[] args, int index, String flag) {
        if (index >= args.length || args[index].isBlank() || args[index].startsWith("--")) {
            throw usage(flag + " needs a value", flag);
        }
        return args[index];
    }

    private static ProblemException usage(String message, String subject) {
        return Problem.of(Problem.Kind.INVALID, message, subject).asException();
    }
}
