package io.vllmd.ctl;

import io.vllmd.control.protocol.Calls;
import io.vllmd.control.protocol.Methods;
import io.vllmd.control.protocol.ProfileReports;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Parameters;

/** The commands under {@code vllmctl profile}. */
final class ProfileCommands {
    private ProfileCommands() {}

    static CommandLine line(Options options) {
        return new CommandLine(new Group())
                .addSubcommand("list", new ListProfiles(options))
                .addSubcommand("show", new ShowProfile(options));
    }

    @CommandLine.Command(name = "profile", description = "Serving profiles: list, show.")
    static final class Group implements Runnable {
        @Override
        public void run() {
            throw new CommandFailure(
                    ExitCode.USAGE,
                    "usage",
                    "profile needs to know what to do: vllmctl profile list    or vllmctl profile show NAME");
        }
    }

    @CommandLine.Command(name = "list", description = "Tell which serving profiles there are.")
    static final class ListProfiles extends Command {
        ListProfiles(Options options) {
            super(options);
        }

        @Override
        public Integer call() {
            Map<String, Object> tree;
            try (var daemon = ask()) {
                tree = daemon.call(Methods.PROFILE_LIST, Map.of());
            }
            var list = ProfileReports.ProfileList.from(tree);
            if (json()) {
                printJson("profile list", tree);
            } else if (quiet()) {
                list.profiles().forEach(profile -> out().println(profile.name()));
            } else {
                var table = new Table("PROFILE", "IN FORCE", "FOR");
                list.profiles()
                        .forEach(profile -> table.row(
                                profile.name() + (profile.name().equals(list.active()) ? " *" : ""),
                                profile.complete() ? "all" : "in part",
                                profile.description()));
                table.print(terminal());
                out().println("What is in force of one: vllmctl profile show NAME");
            }
            return ExitCode.OK;
        }
    }

    @CommandLine.Command(name = "show", description = "Tell what a serving profile sets, and what of it is in force.")
    static final class ShowProfile extends Command {
        @Parameters(paramLabel = "NAME", description = "The name of a profile.")
        private String name = "";

        ShowProfile(Options options) {
            super(options);
        }

        @Override
        public Integer call() {
            Map<String, Object> tree;
            try (var daemon = ask()) {
                tree = daemon.call(Methods.PROFILE_SHOW, new Calls.ShowProfile(name).params());
            }
            var profile = ProfileReports.ProfileDetail.from(tree);
            if (json()) {
                printJson("profile show", tree);
            } else if (quiet()) {
                out().println(profile.name());
            } else {
                out().println(terminal().bold(profile.name()) + (profile.active() ? " (in use)" : "") + ": "
                        + profile.description());
                var table = new Table("SETTING", "VALUE");
                profile.settings().forEach((key, value) -> table.row(key, value.toString()));
                table.print(terminal());
                profile.notInForce()
                        .forEach(part -> out().println("not in force: " + part.setting() + " (" + part.reason() + ")"));
            }
            return ExitCode.OK;
        }
    }
}
