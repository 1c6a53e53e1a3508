package io.vllmd.engine.cache;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds out at the start what lies on disk, a few files at a time so that reads do not wait for it. */
final class DiskScan {
    private static final Logger log = LoggerFactory.getLogger(DiskScan.class);
    private static final int FILES_A_TURN = 64;

    private record Found(DiskIndex.Sized file, FileTime used, int index) {}

    private final Path root;
    private final Quarantine quarantine;
    private final Deque<Path> files = new ArrayDeque<>();
    private final List<Found> found = new ArrayList<>();

    DiskScan(Path root, Quarantine quarantine) {
        this.root = root;
        this.quarantine = quarantine;
    }

    /** Lists all files. */
    void begin() {
        for (Path folder : list(root)) {
            if (folder.endsWith(Quarantine.FOLDER)) {
                list(folder).forEach(quarantine::scanned);
            } else if (Files.isDirectory(folder)) {
                files.addAll(list(folder));
            }
        }
    }

    private static List<Path> list(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.sorted().toList();
        } catch (IOException e) {
            log.warn("The folder {} of cached pages cannot be read: {}", folder, e.toString());
            return List.of();
        }
    }

    /** Looks at some more files; whether there are others. */
    boolean next() {
        for (int i = 0; i < FILES_A_TURN && !files.isEmpty(); i++) {
            Path file = files.remove();
            try {
                look(file);
            } catch (IOException e) {
                log.warn("The cached page {} cannot be read and is not used: {}", file, e.toString());
            }
        }
        return !files.isEmpty();
    }

    private void look(Path file) throws IOException {
        String name = String.valueOf(file.getFileName());
        if (name.endsWith(PageFiles.UNFINISHED)) {
            // Somebody ended in the middle of it.
            Files.deleteIfExists(file);
        } else if (name.endsWith(PageFiles.SUFFIX)) {
            switch (PageFiles.readHeader(file)) {
                case PageFiles.Sound sound -> add(file, sound.header());
                case PageFiles.Bad bad -> quarantine.take(file, bad.reason());
                case PageFiles.Missing missing -> log.debug("{} is gone: {}", file, missing);
            }
        }
    }

    private void add(Path file, PageHeader header) throws IOException {
        String folder = root.relativize(file).getName(0).toString();
        if (!folder.equals(CacheIdentity.folder(header.identity()))
                || !file.endsWith(PageFiles.name(header.digest()))) {
            quarantine.take(file, "it holds another page than its name says");
            return;
        }
        DiskIndex.Name name = new DiskIndex.Name(folder, header.digest());
        found.add(new Found(
                new DiskIndex.Sized(name, Files.size(file)), Files.getLastModifiedTime(file), header.index()));
    }

    /** All sound files, from the one unused for the longest; of equals the one that is farthest into its prompt. */
    List<DiskIndex.Sized> oldestFirst() {
        found.sort(Comparator.comparing(Found::used)
                .thenComparing(Comparator.comparingInt(Found::index).reversed()));
        return found.stream().map(Found::file).toList();
    }
}
