package io.vllmd.daemon;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.filter.ThresholdFilter;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.spi.ContextAwareBase;
import ch.qos.logback.core.util.FileSize;
import io.vllmd.config.Reasons;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Where log lines go: all of them to vllmd.log in the logs folder (rotated here, since launchd rotates
 * nothing), warnings also to the terminal. In code rather than XML because reading XML costs a tenth of a
 * second at every start. Found by logback through META-INF/services.
 */
public final class LogSetup extends ContextAwareBase implements Configurator {
    private static final String PATTERN =
            "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level [%X{request:--}] %logger{0}: %msg%n%ex";
    private static volatile @Nullable Path logs;

    /** Names the logs folder; before the first logger is made. */
    static void logsIn(Path folder) {
        logs = folder;
    }

    @Override
    public ExecutionStatus configure(LoggerContext context) {
        ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
        console.setTarget("System.err");
        ThresholdFilter warnings = new ThresholdFilter();
        warnings.setLevel("WARN");
        warnings.start();
        console.addFilter(warnings);
        // %nopex, or logback appends the stack trace, which belongs in the file.
        start(context, console, "vllmd: %msg%n%nopex");

        Path folder = logs;
        if (folder != null && isWritable(folder)) {
            RollingFileAppender<ILoggingEvent> file = new RollingFileAppender<>();
            file.setContext(context);
            file.setFile(folder.resolve("vllmd.log").toString());
            FixedWindowRollingPolicy rolling = new FixedWindowRollingPolicy();
            rolling.setContext(context);
            rolling.setParent(file);
            rolling.setFileNamePattern(folder.resolve("vllmd.%i.log").toString());
            rolling.setMinIndex(1);
            rolling.setMaxIndex(5);
            SizeBasedTriggeringPolicy<ILoggingEvent> size = new SizeBasedTriggeringPolicy<>();
            size.setContext(context);
            size.setMaxFileSize(FileSize.valueOf("10MB"));
            file.setRollingPolicy(rolling);
            file.setTriggeringPolicy(size);
            rolling.start();
            size.start();
            start(context, file, PATTERN);
        }
        context.getLogger("ROOT").setLevel(Level.INFO);
        context.getLogger("io.netty").setLevel(Level.WARN);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    /** Else logback would tell its own story of the failure on the terminal. */
    private static boolean isWritable(Path folder) {
        try {
            Files.createDirectories(folder);
            Path file = folder.resolve("vllmd.log");
            Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)
                    .close();
            return true;
        } catch (IOException e) {
            System.err.println(
                    "vllmd: no log can be written: " + Reasons.of(e) + ". Warnings go to this terminal only.");
            return false;
        }
    }

    private static void start(LoggerContext context, OutputStreamAppender<ILoggingEvent> appender, String pattern) {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern(pattern);
        encoder.start();
        appender.setContext(context);
        appender.setEncoder(encoder);
        appender.start();
        context.getLogger("ROOT").addAppender(appender);
    }
}
