package io.vllmd.engine.cache;

import static io.vllmd.engine.cache.DiskFixture.files;
import static io.vllmd.engine.cache.DiskFixture.prompt;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever happens to a file, what is served is right; see {@link DiskFixture#turn}. */
class DiskDamageTest {
    private static final int PAGES = 3;

    @TempDir
    private Path folder;

    private Path root;
    private Path second;
    private byte[] sound;

    @BeforeEach
    void aConversationOnDisk() throws IOException {
        root = folder.resolve("kv");
        try (DiskFixture daemon = new DiskFixture(root)) {
            daemon.turn(prompt(1, PAGES));
        }
        PrefixTree tree = new PrefixTree(List.of(), new int[0], DiskFixture.IDENTITY.folder());
        ChainDigest digest = tree.key("", prompt(1, PAGES), List.of()).digest(1);
        second = root.resolve(DiskFixture.IDENTITY.folder()).resolve(PageFiles.name(digest));
        sound = Files.readAllBytes(second);
    }

    /** The page before is served, the damaged one put away and computed again. */
    private void isPutAway(byte[] damaged, String what) throws IOException {
        Files.write(second, damaged);
        try (DiskFixture daemon = new DiskFixture(root)) {
            assertEquals(1, daemon.turn("", prompt(1, PAGES), false), what);
            assertEquals(1, daemon.store.stats().quarantined(), what);
            assertFalse(Files.exists(second), what);
            assertEquals(PAGES, daemon.turn("", prompt(1, PAGES), true));
        }
        assertTrue(Arrays.equals(sound, Files.readAllBytes(second)), "it was written again");
    }

    @Test
    void anyFlippedBitPutsThePageAway() throws IOException {
        Random random = new Random(7);
        int header = sound.length - 2 * DiskFixture.GROUP_BYTES;
        for (int i = 0; i < 250; i++) {
            int at = i < 150 ? random.nextInt(header) : random.nextInt(sound.length);
            byte[] damaged = sound.clone();
            damaged[at] ^= (byte) (1 << random.nextInt(8));
            isPutAway(damaged, "byte " + at);
        }
    }

    @Test
    void aPageOfAnotherLengthIsPutAway() throws IOException {
        for (int length : new int[] {0, 1, 15, 16, 100, sound.length - 1, sound.length + 1}) {
            isPutAway(Arrays.copyOf(sound, length), "length " + length);
        }
    }

    @Test
    void aPageUnderAnothersNameIsPutAway() throws IOException {
        for (Path file : files(root)) {
            if (!file.equals(second)) {
                isPutAway(Files.readAllBytes(file), file.toString());
            }
        }
    }

    @Test
    void noiseIsPutAway() throws IOException {
        Random random = new Random(8);
        for (int i = 0; i < 20; i++) {
            byte[] noise = new byte[random.nextInt(5000)];
            random.nextBytes(noise);
            if (i % 2 == 0 && noise.length > 16) {
                // It begins as a page does, with any length.
                System.arraycopy(sound, 0, noise, 0, 12);
            }
            isPutAway(noise, "noise " + i);
        }
    }

    @Test
    void aFileThatVanishesIsComputedAgain() throws IOException {
        DiskFixture daemon = new DiskFixture(root);
        daemon.turn("", prompt(1, PAGES), false);
        daemon.tree.evict(100);
        daemon.settle();
        Files.delete(second);
        assertEquals(1, daemon.turn("", prompt(1, PAGES), true));
        daemon.close();
        assertTrue(Files.exists(second));
        assertEquals(0, daemon.store.stats().quarantined());
    }

    @Test
    void onlyTheNewestOfTheDamagedPagesAreKept() throws IOException {
        byte[] damaged = sound.clone();
        damaged[sound.length - 1] ^= 1;
        for (int i = 0; i < 12; i++) {
            try (DiskFixture daemon = new DiskFixture(root)) {
                daemon.turn(prompt(100 + i, 1));
            }
        }
        for (Path file : files(root)) {
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length - 1] ^= 1;
            Files.write(file, bytes);
        }
        try (DiskFixture daemon = new DiskFixture(root)) {
            for (int i = 0; i < 12; i++) {
                assertEquals(0, daemon.turn("", prompt(100 + i, 1), false));
            }
            assertEquals(12, daemon.store.stats().quarantined());
        }
        try (var kept = Files.list(root.resolve(Quarantine.FOLDER))) {
            assertEquals(8, kept.count());
        }
    }

    @Test
    void whateverHappensWhatIsServedIsRight() throws IOException {
        Random random = new Random(9);
        for (int life = 0; life < 25; life++) {
            DiskFixture daemon = new DiskFixture(root, 60_000, DiskFixture.IDENTITY, 14);
            for (int turn = 0; turn < 12; turn++) {
                int[] prompt = Arrays.copyOf(prompt(random.nextInt(4), 12), 64 * (1 + random.nextInt(12)));
                daemon.turn(random.nextInt(3) == 0 ? "other" : "", prompt, random.nextInt(3) > 0);
                for (int i = random.nextInt(10); i > 0; i--) {
                    daemon.tier.pump();
                }
            }
            if (random.nextBoolean()) {
                daemon.close();
            } else {
                daemon.kill();
            }
            List<Path> files = files(root);
            for (int i = random.nextInt(4); i > 0 && !files.isEmpty(); i--) {
                Path file = files.get(random.nextInt(files.size()));
                byte[] bytes = Files.readAllBytes(file);
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 + random.nextInt(255));
                Files.write(file, bytes);
            }
        }
    }
}
