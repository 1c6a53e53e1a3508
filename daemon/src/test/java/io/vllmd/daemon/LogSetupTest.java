package io.vllmd.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class LogSetupTest {

    @Test
    void theTerminalGetsTheMessageOfAWarningAndNeverAStackTrace() {
        ByteArrayOutputStream terminal = new ByteArrayOutputStream();
        PrintStream before = System.err;
        LoggerContext context = new LoggerContext();
        context.setMDCAdapter(new LogbackMDCAdapter());
        System.setErr(new PrintStream(terminal, true, StandardCharsets.UTF_8));
        try {
            new LogSetup().configure(context);
            context.getLogger("test").info("not this");
            context.getLogger("test").error("the disk is full", new IllegalStateException("deep inside"));
        } finally {
            context.stop();
            System.setErr(before);
        }
        assertEquals("vllmd: the disk is full" + System.lineSeparator(), terminal.toString(StandardCharsets.UTF_8));
    }
}
