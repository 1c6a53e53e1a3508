package io.vllmd.engine.cache;

import static io.vllmd.engine.cache.DiskFixture.files;
import static io.vllmd.engine.cache.DiskFixture.prompt;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskTierTest {
    @TempDir
    private Path folder;

    private Path root() {
        return folder.resolve("kv");
    }

    private DiskFixture daemon() {
        return new DiskFixture(root());
    }

    @Test
    void aConversationComesBackAfterARestart() {
        try (DiskFixture first = daemon()) {
            assertEquals(0, first.turn(prompt(1, 20)));
        }
        try (DiskFixture second = daemon()) {
            assertEquals(20, second.turn(prompt(1, 20)));
            assertEquals(20, second.store.stats().read());
            int[] longer = Arrays.copyOf(prompt(1, 20), 64 * 22);
            assertEquals(20, second.turn(longer));
            assertEquals(20, second.store.stats().read(), "what is in memory is not read again");
        }
        assertEquals(22, files(root()).size());
    }

    @Test
    void aConversationThatMemoryHasForgottenComesBack() {
        try (DiskFixture daemon = new DiskFixture(root(), 1 << 30, DiskFixture.IDENTITY, 12)) {
            daemon.turn(prompt(1, 10));
            daemon.settle();
            daemon.turn(prompt(2, 10));
            assertEquals(10, daemon.turn(prompt(1, 10)));
        }
    }

    @Test
    void aModelWithAWindowFindsItsLastPagesAgain() {
        try (DiskFixture first = new DiskFixture(root(), 100)) {
            first.turn(prompt(1, 20));
        }
        try (DiskFixture second = new DiskFixture(root(), 100)) {
            assertEquals(20, second.turn(prompt(1, 20)));
            assertEquals(20, second.pools[0].used());
            assertEquals(2, second.pools[1].used());
        }
    }

    @Test
    void whatMemoryForgetsBeforeItWasWrittenIsWrittenThen() {
        try (DiskFixture daemon = daemon()) {
            daemon.turn("", prompt(1, 5), false);
            assertEquals(6, daemon.tree.evict(6));
            daemon.settle();
            assertEquals(3, files(root()).size());
            assertEquals(5, daemon.turn(prompt(1, 5)));
        }
    }

    @Test
    void onlyTheUserCanReadPages() throws IOException {
        try (DiskFixture daemon = daemon()) {
            daemon.turn(prompt(1, 2));
        }
        Path file = files(root()).getFirst();
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file.getParent())));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(root())));
        Files.setPosixFilePermissions(root(), PosixFilePermissions.fromString("rwxr-xr-x"));
        try (DiskFixture daemon = daemon()) {
            daemon.turn(prompt(2, 2));
        }
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(root())));
    }

    @Test
    void pagesOfOtherWeightsAreNeverServed() throws IOException, InterruptedException {
        try (DiskFixture daemon = daemon()) {
            daemon.turn(prompt(1, 3));
        }
        CacheIdentity retrained = new CacheIdentity("other weights", "float32", "1");
        try (DiskFixture daemon = new DiskFixture(root(), 1 << 30, retrained, 100)) {
            assertEquals(0, daemon.turn(prompt(1, 3)));
        }
        // Somebody renames the folder.
        Path mine = root().resolve(DiskFixture.IDENTITY.folder());
        Path other = root().resolve(retrained.folder());
        for (Path file : files(other)) {
            Files.delete(file);
        }
        Files.delete(other);
        Files.move(mine, other);
        try (DiskFixture daemon = new DiskFixture(root(), 1 << 30, retrained, 100)) {
            assertEquals(0, daemon.turn(prompt(1, 3)));
            daemon.settle().scanned();
            assertEquals(3, daemon.store.stats().quarantined());
        }
    }

    @Test
    void pagesOfAnotherScopeAreNeverServed() throws IOException {
        try (DiskFixture daemon = daemon()) {
            daemon.turn("alice", prompt(1, 3), true);
        }
        try (DiskFixture daemon = daemon()) {
            assertEquals(0, daemon.turn("bob", prompt(1, 3), false));
            assertEquals(0, daemon.turn("", prompt(1, 3), false));
        }
        // Somebody gives a page of hers the name that one of his would have.
        PrefixTree tree = new PrefixTree(List.of(), new int[0], DiskFixture.IDENTITY.folder());
        ChainDigest his = tree.key("bob", prompt(1, 3), List.of()).digest(0);
        ChainDigest hers = tree.key("alice", prompt(1, 3), List.of()).digest(0);
        Path file = root().resolve(DiskFixture.IDENTITY.folder()).resolve(PageFiles.name(hers));
        assertTrue(Files.exists(file));
        Files.move(file, file.resolveSibling(PageFiles.name(his)));
        try (DiskFixture daemon = daemon()) {
            assertEquals(0, daemon.turn("bob", prompt(1, 3), false));
            assertEquals(1, daemon.store.stats().quarantined());
        }
    }

    @Test
    void theBudgetHoldsAndWhatWasUsedLastStays() {
        long page = 2 * DiskFixture.GROUP_BYTES + 1000;
        try (DiskFixture daemon = new DiskFixture(root(), 20 * page, DiskFixture.IDENTITY, 100)) {
            daemon.turn(prompt(1, 8));
            daemon.settle();
            daemon.turn(prompt(2, 8));
            daemon.settle();
            daemon.turn(prompt(1, 8));
            daemon.turn(prompt(3, 8));
            daemon.settle();
            DiskStats stats = daemon.store.stats();
            assertTrue(stats.bytes() <= 20 * page);
            assertEquals(files(root()).size(), stats.pages());
            daemon.tree.evict(1000);
            assertEquals(8, daemon.turn("", prompt(1, 8), false));
            assertEquals(8, daemon.turn("", prompt(3, 8), false));
            daemon.tree.evict(1000);
            int left = daemon.turn("", prompt(2, 8), false);
            assertEquals(stats.pages() - 16, left, "the beginning of the oldest stays, its end was deleted");
            daemon.store.budget(5 * page);
        }
        assertTrue(files(root()).size() <= 6);
    }

    @Test
    void theOrderOfUseOutlivesARestart() throws IOException {
        long page = 2 * DiskFixture.GROUP_BYTES + 1000;
        try (DiskFixture daemon = daemon()) {
            daemon.turn(prompt(1, 4));
            daemon.turn(prompt(2, 4));
        }
        FileTime longAgo = FileTime.fromMillis(1_000_000);
        PrefixTree tree = new PrefixTree(List.of(), new int[0], DiskFixture.IDENTITY.folder());
        PrefixKey old = tree.key("", prompt(2, 4), List.of());
        for (int i = 0; i < 4; i++) {
            Path file = root().resolve(DiskFixture.IDENTITY.folder()).resolve(PageFiles.name(old.digest(i)));
            Files.setLastModifiedTime(file, longAgo);
        }
        try (DiskFixture daemon = new DiskFixture(root(), 6 * page, DiskFixture.IDENTITY, 100)) {
            assertEquals(4, daemon.turn("", prompt(1, 4), false));
            daemon.store.budget(5 * page);
        }
        try (DiskFixture daemon = daemon()) {
            assertEquals(4, daemon.turn("", prompt(1, 4), false));
            int found = daemon.turn("", prompt(2, 4), false);
            assertTrue(found > 0 && found < 4, "the end of the older one went first: " + found);
        }
    }

    @Test
    void aFullDiskTurnsWritingOffUntilThereIsRoom() {
        AtomicLong room = new AtomicLong(5000);
        AtomicLong clock = new AtomicLong();
        try (DiskFixture daemon = new DiskFixture(root(), room::get, clock::get)) {
            daemon.turn(prompt(1, 3));
            daemon.settle();
            assertFalse(daemon.store.stats().writing());
            daemon.turn(prompt(2, 3));
            assertFalse(daemon.tier.busy(), "pages are not even copied");
            room.set(Long.MAX_VALUE);
            clock.set(60_000_000_000L);
            daemon.turn(prompt(1, 3));
            daemon.settle();
            assertTrue(daemon.store.stats().writing());
            assertEquals(3, daemon.store.stats().written());
        }
        assertEquals(3, files(root()).size());
    }

    @Test
    void aFolderThatCannotBeWrittenIsNoReasonToFail() throws IOException {
        Files.writeString(root(), "a file where the folder should be");
        try (DiskFixture daemon = daemon()) {
            assertEquals(0, daemon.turn(prompt(1, 3)));
            daemon.settle();
            assertFalse(daemon.store.stats().writing());
            assertEquals(3, daemon.turn(prompt(1, 3)));
        }
    }

    @Test
    void whatADeathLeftUnfinishedIsRemovedAndAllElseIsThere() throws IOException {
        try (DiskFixture daemon = daemon()) {
            daemon.turn(prompt(1, 6));
        }
        List<Path> files = files(root());
        Path last = files.getLast();
        byte[] bytes = Files.readAllBytes(last);
        Path unfinished =
                last.resolveSibling(last.getFileName().toString().replace(PageFiles.SUFFIX, PageFiles.UNFINISHED));
        Files.write(unfinished, Arrays.copyOf(bytes, bytes.length / 2));
        Files.delete(last);
        try (DiskFixture daemon = daemon()) {
            daemon.turn(prompt(1, 6));
        }
        assertFalse(Files.exists(unfinished));
        assertEquals(files, files(root()));
    }

    @Test
    void aDeathLosesNoMoreThanWhatWasNotWritten() {
        DiskFixture daemon = daemon();
        daemon.turn(prompt(1, 20));
        for (int i = 0; i < 5; i++) {
            daemon.tier.pump();
        }
        daemon.kill();
        assertEquals(5, files(root()).size());
        try (DiskFixture next = daemon()) {
            assertEquals(5, next.turn(prompt(1, 20)));
        }
    }

    @Test
    void flushingWritesAllThatATurnLeft() {
        DiskFixture daemon = daemon();
        daemon.turn(prompt(1, 50));
        daemon.tier.flush(Duration.ofMinutes(5));
        daemon.kill();
        assertEquals(50, files(root()).size());
    }

    @Test
    void aPromotionEndsWhereMemoryIsShort() {
        try (DiskFixture first = daemon()) {
            first.turn(prompt(1, 20));
        }
        try (DiskFixture second = new DiskFixture(root(), 1 << 30, DiskFixture.IDENTITY, 8)) {
            PrefixKey key = second.tree.key("", prompt(1, 20), List.of());
            Promotion promotion = second.tier.promote(key, 0);
            second.await(promotion);
            assertEquals(8, promotion.pages());
            assertEquals(8, second.pools[0].used());
            assertEquals(0, second.tree.evictable());
            promotion.close();
            assertEquals(16, second.tree.evictable());
        }
    }

    @Test
    void aPromotionThatNobodyWaitsForAnyMoreHoldsNothing() {
        try (DiskFixture first = daemon()) {
            first.turn(prompt(1, 40));
        }
        try (DiskFixture second = daemon()) {
            PrefixKey key = second.tree.key("", prompt(1, 40), List.of());
            Promotion promotion = second.tier.promote(key, 0);
            second.tier.pump();
            promotion.close();
            second.settle();
            assertEquals(second.pools[0].used() * 2, second.tree.evictable());
            assertEquals(40, second.turn(prompt(1, 40)));
        }
    }

    @Test
    void thereIsNothingToWaitForWhereTheDiskHasNothing() {
        try (DiskFixture daemon = daemon()) {
            daemon.turn(prompt(1, 3));
            daemon.settle();
            Promotion other = daemon.tier.promote(daemon.tree.key("", prompt(2, 3), List.of()), 0);
            assertTrue(other.done());
            Promotion whole = daemon.tier.promote(daemon.tree.key("", prompt(1, 3), List.of()), 3);
            assertTrue(whole.done());
            assertEquals(0, whole.pages());
        }
    }

    @Test
    void foreignFilesAreLeftAlone() throws IOException {
        try (DiskFixture daemon = daemon()) {
            daemon.turn(prompt(1, 3));
        }
        Path notes = root().resolve("notes.txt");
        Path beside = files(root()).getFirst().resolveSibling("notes.txt");
        Files.writeString(notes, "mine");
        Files.writeString(beside, "mine, too");
        try (DiskFixture daemon = new DiskFixture(root(), 0, DiskFixture.IDENTITY, 100)) {
            daemon.turn(prompt(1, 3));
        }
        assertTrue(Files.exists(notes));
        assertTrue(Files.exists(beside));
        assertEquals(List.of(), files(root()));
    }
}
