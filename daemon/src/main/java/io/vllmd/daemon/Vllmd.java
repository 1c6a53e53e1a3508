package io.vllmd.daemon;

import io.vllmd.config.Places;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.Settings;
import io.vllmd.config.Version;
import io.vllmd.mlx.NativeLibraryException;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** The command {@code vllmd}: reads the command line and the settings, serves until it is told to stop. */
public final class Vllmd {
    private static final int FAILED = 1;
    private static final int USAGE = 2;

    /** What a stop has to close; null before it is up. */
    private static volatile @Nullable Daemon running;

    /** The process ends by itself, with a code of its own. */
    private static volatile boolean ending;

    private Vllmd() {}

    public static void main(String[] args) {
        int code = run(args);
        ending = true;
        System.exit(code);
    }

    private static int run(String... args) {
        Arguments arguments;
        try {
            arguments = Arguments.parse(args);
        } catch (ProblemException e) {
            System.err.println("vllmd: " + e.problem().message() + "\n");
            System.err.print(Arguments.USAGE);
            return USAGE;
        }
        switch (arguments.action()) {
            case HELP -> {
                System.out.print(Arguments.USAGE);
                return 0;
            }
            case VERSION -> {
                System.out.println("vllmd " + Version.current());
                return 0;
            }
            case SERVE -> {}
        }
        try {
            Places places = Places.current();
            LogSetup.logsIn(places.logs());
            Settings settings = Settings.load(places, arguments.settings());
            // Held until the process ends, and let go of by the kernel.
            HomeLock lock = HomeLock.take(places);
            Runtime.getRuntime().addShutdownHook(new Thread(Vllmd::stop, "stop"));
            Daemon daemon = Daemon.start(places, settings, arguments);
            running = daemon;
            daemon.awaitModels();
            daemon.awaitStop();
            lock.close();
            return 0;
        } catch (ProblemException e) {
            System.err.println("vllmd: " + e.problem().message());
            return e.problem().kind() == Problem.Kind.INVALID ? USAGE : FAILED;
        } catch (NativeLibraryException e) {
            System.err.println("vllmd: " + e.getMessage());
            return FAILED;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return FAILED;
        } catch (java.io.IOException e) {
            System.err.println("vllmd: " + Places.current().home() + ": " + e.getMessage());
            return FAILED;
        } catch (RuntimeException | LinkageError e) {
            // Threads that were started already would keep a daemon alive that serves nothing.
            LoggerFactory.getLogger(Vllmd.class)
                    .error(
                            "the start failed ({}); {}/vllmd.log has the details",
                            e,
                            Places.current().logs(),
                            e);
            return FAILED;
        }
    }

    /** Runs on SIGTERM and SIGINT. A stop that was asked for is a success: launchd must not restart it. */
    private static void stop() {
        if (ending) {
            return;
        }
        try {
            Daemon daemon = running;
            if (daemon != null) {
                daemon.close();
            }
        } catch (RuntimeException e) {
            LoggerFactory.getLogger(Vllmd.class).error("the stop failed: {}", e.getMessage(), e);
            Runtime.getRuntime().halt(FAILED);
        }
        Runtime.getRuntime().halt(0);
    }
}
