package io.vllmd.ctl;

import io.vllmd.config.ProblemException;
import io.vllmd.config.Suggestions;
import io.vllmd.control.protocol.ErrorCode;
import io.vllmd.control.protocol.Json;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command vllmctl. */
@CommandLine.Command(
        name = "vllmctl",
        description = "Steers a running vllmd.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "VLLMD_HOME says which daemon, where several run.",
            "Exit codes: 0 ok, 1 failed, 2 usage, 3 no daemon, 4 not found, 5 refused, 6 timed out, 7 degraded,",
            "8 a benchmark's limit broken."
        })
public final class Vllmctl implements Runnable {
    private static final Map<String, Function<Options, CommandLine>> COMMANDS = commands();

    private final Options options;

    private Vllmctl(Options options) {
        this.options = options;
    }

    @Option(names = "--json", scope = ScopeType.INHERIT, description = "Answer with one JSON document.")
    void setJson(boolean json) {
        options.json = json;
    }

    @Option(
            names = {"-q", "--quiet"},
            scope = ScopeType.INHERIT,
            description = "Answer with names only, without progress.")
    void setQuiet(boolean quiet) {
        options.quiet = quiet;
    }

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            scope = ScopeType.INHERIT,
            description = "Give up after so long. Questions: 10; changes: never.")
    void setTimeout(Integer timeout) {
        if (timeout < 1) {
            throw new CommandFailure(
                    ExitCode.USAGE, "usage", "--timeout takes whole seconds from 1, not " + timeout + ".");
        }
        options.timeout = timeout;
    }

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Tell what a command does.")
    boolean help;

    @Override
    public void run() {
        throw new CommandFailure(
                ExitCode.USAGE,
                "usage",
                "A command is missing. Commands: " + String.join(", ", COMMANDS.keySet())
                        + ".\nSee where the daemon stands: vllmctl status    More: vllmctl --help");
    }

    public static void main(String[] arguments) {
        int exit = run(arguments, Terminal.ofProcess());
        System.out.flush();
        System.exit(exit);
    }

    static int run(String[] arguments, Terminal terminal) {
        var options = new Options(terminal);
        var line = new CommandLine(new Vllmctl(options));
        // Reading the annotations of all commands is most of the start-up, and one is enough for one.
        String verb = arguments.length > 0 ? arguments[0] : "";
        var named = COMMANDS.get(verb);
        if (named != null) {
            add(line, verb, named.apply(options));
        } else {
            COMMANDS.forEach((name, make) -> add(line, name, make.apply(options)));
        }
        line.setOut(new PrintWriter(terminal.out(), true, StandardCharsets.UTF_8));
        line.setErr(new PrintWriter(terminal.err(), true, StandardCharsets.UTF_8));
        line.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
        line.setParameterExceptionHandler((e, args) -> {
            Throwable cause = e.getCause();
            return fail(options, cause instanceof CommandFailure failure ? failure : usage(e));
        });
        line.setExecutionExceptionHandler((e, failed, result) -> fail(options, failure(e)));
        return line.execute(arguments);
    }

    /** Subcommands of a subcommand come after it was added, so that they inherit the options of all. */
    private static void add(CommandLine parent, String name, CommandLine command) {
        var inner = new LinkedHashMap<>(command.getSubcommands());
        inner.keySet().forEach(n -> command.getCommandSpec().removeSubcommand(n));
        parent.addSubcommand(name, command);
        inner.forEach((n, c) -> add(command, n, c));
    }

    private static CommandFailure usage(CommandLine.ParameterException e) {
        var command = e.getCommandLine();
        String message = String.valueOf(e.getMessage());
        if (e instanceof CommandLine.UnmatchedArgumentException unmatched
                && !command.getSubcommands().isEmpty()) {
            String word = unmatched.getUnmatched().getFirst();
            message = "There is no command \"" + word + "\""
                    + Suggestions.didYouMean(word, command.getSubcommands().keySet()) + " Commands: "
                    + String.join(", ", command.getSubcommands().keySet()) + ".";
        }
        String name = command.getCommandSpec().qualifiedName();
        return new CommandFailure(ExitCode.USAGE, "usage", message + "\nSee: " + name + " --help", e);
    }

    private static CommandFailure failure(Exception e) {
        if (e instanceof CommandFailure failure) {
            return failure;
        }
        if (e instanceof ProblemException problem) {
            var kind = problem.problem().kind();
            return new CommandFailure(
                    ErrorCode.of(kind).exit(),
                    kind.name().toLowerCase(Locale.ROOT),
                    problem.problem().message(),
                    e);
        }
        return new CommandFailure(
                ExitCode.FAILED,
                "internal",
                "vllmctl met a fault of its own: " + e + ".\nPlease report it with the command that you ran.",
                e);
    }

    private static int fail(Options options, CommandFailure failure) {
        if (options.json) {
            var error = new LinkedHashMap<String, Object>();
            error.put("kind", failure.kind());
            error.put("message", failure.text());
            error.put("exit", failure.exit());
            var document = new LinkedHashMap<String, Object>();
            document.put("schema", Command.JSON_SCHEMA);
            document.put("error", error);
            options.terminal.out().println(new String(Json.write(document), StandardCharsets.UTF_8));
        } else {
            options.terminal.err().println("vllmctl: " + failure.text());
        }
        return failure.exit();
    }

    private static Map<String, Function<Options, CommandLine>> commands() {
        var commands = new LinkedHashMap<String, Function<Options, CommandLine>>();
        commands.put("status", o -> new CommandLine(new StatusCommand(o)));
        commands.put("ps", o -> new CommandLine(new PsCommand(o)));
        commands.put("models", o -> new CommandLine(new ModelsCommand(o)));
        commands.put("list", o -> new CommandLine(new ListCommand(o)));
        commands.put("load", o -> new CommandLine(new LoadCommand(o)));
        commands.put("unload", o -> new CommandLine(new UnloadCommand(o)));
        commands.put("switch", o -> new CommandLine(new SwitchCommand(o)));
        commands.put("limits", o -> new CommandLine(new LimitsCommand(o)));
        commands.put("profile", ProfileCommands::line);
        commands.put("service", ServiceCommands::line);
        commands.put("bench", o -> new CommandLine(new BenchCommand(o)));
        commands.put("version", o -> new CommandLine(new VersionCommand(o)));
        return commands;
    }
}
