package io.vllmd.engine.cache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The page files of all models, in one folder under one budget: {@code <folder of the identity>/<chain digest>.kv}. File
 * work is done on a thread of its own, and what comes of it is told there. Methods may be called from any thread.
 */
public final class DiskStore implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DiskStore.class);

    /** Never taken from a disk. */
    private static final long LEFT_FREE = 1L << 30;

    /** After a failure, the time until writing is tried again. */
    private static final long RETRY_NANOS = 30_000_000_000L;

    private final Path root;
    private final LongSupplier usable;
    private final LongSupplier clock;
    private final DiskIndex index = new DiskIndex();
    private final Quarantine quarantine;
    private final IoThread io = new IoThread("kv-disk");

    /** Folders that were there when they were last looked at; for the I/O thread alone. */
    private final Set<String> created = new HashSet<>();

    private volatile long budget;
    private volatile boolean writing = true;
    private volatile long failedAt;
    private final AtomicLong written = new AtomicLong();
    private final AtomicLong read = new AtomicLong();
    private final AtomicLong evicted = new AtomicLong();

    private DiskStore(Path root, long budget, LongSupplier usable, LongSupplier clock) {
        this.root = root;
        this.budget = budget;
        this.usable = usable;
        this.clock = clock;
        this.quarantine = new Quarantine(root);
    }

    /**
     * Opens a folder, which is created with its first page; what is in it is found out in the background.
     *
     * @param root for pages alone
     * @param budget bytes that files may take
     */
    public static DiskStore open(Path root, long budget) {
        return open(root, budget, () -> usable(root), System::nanoTime);
    }

    static DiskStore open(Path root, long budget, LongSupplier usable, LongSupplier clock) {
        DiskStore store = new DiskStore(root, budget, usable, clock);
        if (Files.isDirectory(root)) {
            DiskScan scan = new DiskScan(root, store.quarantine);
            store.io.submit(IoThread.Kind.BACKGROUND, () -> {
                scan.begin();
                store.scan(scan);
            });
        } else {
            store.index.complete(List.of());
        }
        return store;
    }

    private void scan(DiskScan scan) {
        if (scan.next()) {
            io.submit(IoThread.Kind.BACKGROUND, () -> scan(scan));
        } else {
            index.complete(scan.oldestFirst());
            shrinkTo(budget);
            log.info("{} pages of keys and values are on disk, {} MiB", index.pages(), index.bytes() >> 20);
        }
    }

    private static long usable(Path root) {
        try {
            return Files.getFileStore(root).getUsableSpace();
        } catch (IOException e) {
            log.debug("The room on the disk of {} is not known", root, e);
            return 0;
        }
    }

    /** Changes the budget; what exceeds it is deleted. */
    public void budget(long bytes) {
        budget = bytes;
        io.submit(IoThread.Kind.WRITE, () -> shrinkTo(budget));
    }

    public DiskStats stats() {
        return new DiskStats(
                index.pages(),
                index.bytes(),
                budget,
                written.get(),
                read.get(),
                quarantine.count(),
                evicted.get(),
                writing);
    }

    /** Whether the files that were there at the start have all been looked at. */
    boolean scanned() {
        return index.complete();
    }

    /** False only where a read cannot find the page. */
    boolean mayHave(DiskIndex.Name name) {
        return index.contains(name) || !index.complete();
    }

    boolean has(DiskIndex.Name name) {
        return index.contains(name);
    }

    /** Whether it is worth while to offer a page of so many bytes. */
    boolean accepts(long bytes) {
        return bytes <= budget && (writing || clock.getAsLong() - failedAt > RETRY_NANOS);
    }

    /** Pages that were used just now, the one last in its prompt first: so it is the first to go. */
    void touch(List<DiskIndex.Name> names) {
        io.submit(IoThread.Kind.WRITE, () -> {
            FileTime now = FileTime.fromMillis(System.currentTimeMillis());
            for (DiskIndex.Name name : names) {
                touch(name, now);
            }
        });
    }

    private void touch(DiskIndex.Name name, FileTime now) {
        if (index.contains(name)) {
            index.touch(name);
            try {
                Files.setLastModifiedTime(file(name), now);
            } catch (IOException e) {
                // Whoever deleted it behind our back: a read will find out.
                log.debug("The time of {} cannot be set", name, e);
            }
        }
    }

    /**
     * Reads a page.
     *
     * @param then told what its header says, or null where there is no such page
     */
    void read(PageAddress page, MemorySegment into, Consumer<@Nullable PageHeader> then) {
        io.submit(IoThread.Kind.READ, () -> {
            PageHeader header = null;
            try {
                header = read(page, into);
            } finally {
                then.accept(header);
            }
        });
    }

    private @Nullable PageHeader read(PageAddress page, MemorySegment into) {
        Path file = file(page.name());
        PageFiles.Outcome outcome;
        try {
            outcome = PageFiles.read(file, page, into);
        } catch (IOException e) {
            outcome = new PageFiles.Bad(e.toString());
        }
        if (outcome instanceof PageFiles.Sound sound) {
            read.incrementAndGet();
            touch(page.name(), FileTime.fromMillis(System.currentTimeMillis()));
            return sound.header();
        }
        index.remove(page.name());
        if (outcome instanceof PageFiles.Bad bad) {
            quarantine.take(file, bad.reason());
        }
        return null;
    }

    /**
     * Writes a page, unless there is no room.
     *
     * @param groups bit i: it has a page of group i
     * @param then run when that is done
     */
    void write(PageAddress page, long groups, MemorySegment from, Runnable then) {
        io.submit(IoThread.Kind.WRITE, () -> {
            try {
                write(page, groups, from);
            } finally {
                then.run();
            }
        });
    }

    private void write(PageAddress page, long groups, MemorySegment from) {
        if (index.contains(page.name())) {
            return;
        }
        PageHeader header = new PageHeader(
                page.identity(),
                page.scope(),
                page.parent(),
                page.digest(),
                page.index(),
                groups,
                page.content().ids(),
                page.content().media(),
                from.byteSize(),
                PageFiles.checksum(from));
        long size = header.encode().remaining() + from.byteSize();
        if (!accepts(size)) {
            return;
        }
        shrinkTo(budget - size);
        Path file = file(page.name());
        try {
            if (created.add(page.folder())) {
                PageFiles.createFolder(root);
                PageFiles.createFolder(root.resolve(page.folder()));
            }
            long room = usable.getAsLong();
            if (room < size + LEFT_FREE) {
                stopWriting("the disk has " + (room >> 20) + " MiB left, of which " + (LEFT_FREE >> 20) + " stay free");
                return;
            }
            PageFiles.write(file, header, from);
        } catch (IOException e) {
            // The folder may be gone.
            created.clear();
            stopWriting(e.toString());
            return;
        }
        index.add(page.name(), size);
        written.incrementAndGet();
        if (!writing) {
            writing = true;
            log.info("Pages of keys and values are written to {} again", root);
        }
    }

    private void stopWriting(String reason) {
        failedAt = clock.getAsLong();
        if (writing) {
            writing = false;
            log.warn(
                    "No pages of keys and values are written to {} until there is room: {}. Prompts that are not in"
                            + " memory any more are computed again.",
                    root,
                    reason);
        }
    }

    /** Deletes what was not used for the longest time. */
    private void shrinkTo(long bytes) {
        while (index.bytes() > Math.max(0, bytes)) {
            DiskIndex.Name oldest = index.oldest();
            if (oldest == null) {
                return;
            }
            index.remove(oldest);
            try {
                Files.deleteIfExists(file(oldest));
                evicted.incrementAndGet();
            } catch (IOException e) {
                log.warn("The cached page {} cannot be deleted: {}", file(oldest), e.toString());
            }
        }
    }

    private Path file(DiskIndex.Name name) {
        return root.resolve(name.folder()).resolve(PageFiles.name(name.digest()));
    }

    /** Once all that was submitted is done. */
    @Override
    public void close() {
        io.close();
    }
}
