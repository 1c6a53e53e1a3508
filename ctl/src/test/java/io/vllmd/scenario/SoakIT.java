package io.vllmd.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mixed load with joins, leaves, cancels and errors over HTTP: memory stays flat, and no place or page is lost. */
class SoakIT {
    @TempDir
    private Path home;

    @Test
    void mixedLoadLeavesNothingBehind() throws Exception {
        try (Soak soak = Soak.start(home, 7, 0)) {
            soak.round(3);
            soak.steer();
            MemoryCurve.Sample before = soak.settled();
            soak.round(4);
            soak.steer();
            MemoryCurve.Sample after = soak.settled();

            assertEquals(List.of(), soak.load().violations());
            assertEquals(List.of(), soak.load().undone());
            assertEquals(List.of(), soak.lost(before, after));
        }
    }

    /** As many minutes as the property soak.minutes says; curve and figures go to target/soak. */
    @Test
    @Tag("soak")
    void anHourOfMixedLoadKeepsMemoryFlat() throws Exception {
        int minutes = Integer.getInteger("soak.minutes", 60);
        Path to = DaemonProcess.REPOSITORY.resolve("ctl/target/soak");
        assertTrue(Soak.run(home, minutes, 0, to), "see " + to);
    }
}
