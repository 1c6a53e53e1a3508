package io.vllmd.ctl;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.control.protocol.Methods;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class InterruptedLoadTest {
    @TempDir
    Path home;

    @Test
    void endingVllmctlLeavesTheLoadRunningAndSaysSo() throws Exception {
        var asked = new CountDownLatch(1);
        var never = new CountDownLatch(1);
        try (var daemon = new StandInDaemon(home.resolve("ctl.sock"), Methods.PROTOCOL)) {
            daemon.script(Methods.LOAD, request -> {
                asked.countDown();
                try {
                    never.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                return List.of();
            });
            var builder = new ProcessBuilder(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-cp",
                    System.getProperty("java.class.path"),
                    "io.vllmd.ctl.Vllmctl",
                    "load",
                    "big/model");
            builder.environment().put("VLLMD_HOME", home.toString());
            var process = builder.start();
            asked.await();
            // TERM ends the VM the way that a terminal's INT does; INT is ignored wherever a build runs in the
            // background.
            process.toHandle().destroy();
            String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
            assertNotEquals(0, process.waitFor());
            assertTrue(err.contains("the load of big/model goes on in the daemon. See: vllmctl ps"), err);
            never.countDown();
        }
    }
}
