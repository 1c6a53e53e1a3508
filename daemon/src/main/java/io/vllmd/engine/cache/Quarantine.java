package io.vllmd.engine.cache;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where damaged page files go, so that they are never read again and somebody can have a look at the newest ones. */
final class Quarantine {
    private static final Logger log = LoggerFactory.getLogger(Quarantine.class);
    private static final int KEPT = 8;

    static final String FOLDER = "quarantine";

    private final Path root;
    private final Path folder;
    private final Deque<Path> files = new ArrayDeque<>();
    private final AtomicLong count = new AtomicLong();

    Quarantine(Path root) {
        this.root = root;
        folder = root.resolve(FOLDER);
    }

    long count() {
        return count.get();
    }

    /** Takes a file out of use; the log hears of it here, and never again. */
    void take(Path file, String reason) {
        count.incrementAndGet();
        Path target = folder.resolve(root.relativize(file).toString().replace('/', '-'));
        try {
            PageFiles.createFolder(folder);
            Files.move(file, target, StandardCopyOption.REPLACE_EXISTING);
            log.warn(
                    "A cached page is damaged: {} ({}). It was moved to {}; what it held is computed again.",
                    file,
                    reason,
                    folder);
            files.remove(target);
            files.add(target);
            if (files.size() > KEPT) {
                Files.deleteIfExists(files.remove());
            }
        } catch (IOException e) {
            log.warn("A cached page is damaged and cannot be moved away: {} ({}): {}", file, reason, e.toString());
        }
    }

    /** Knows the files of earlier runs, too. */
    void scanned(Path file) {
        files.add(file);
    }
}
