package io.vllmd.engine.cache;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which pages lie on disk, from the one unused for the longest. Thread-safe. */
final class DiskIndex {

    /** A page file's name: {@code folder/digest.kv}. */
    record Name(String folder, ChainDigest digest) {}

    /** A file with its size. */
    record Sized(Name name, long bytes) {}

    private Map<Name, Long> sizes = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;
    private boolean complete;

    /** Names that were removed before the files found at the start were added. */
    private final Set<Name> gone = new HashSet<>();

    /** Whether all files are known; until then only those written since the start are. */
    synchronized boolean complete() {
        return complete;
    }

    synchronized boolean contains(Name name) {
        return sizes.containsKey(name);
    }

    synchronized void add(Name name, long size) {
        Long before = sizes.put(name, size);
        bytes += size - (before == null ? 0 : before);
        gone.remove(name);
    }

    synchronized void remove(Name name) {
        Long before = sizes.remove(name);
        bytes -= before == null ? 0 : before;
        if (!complete) {
            gone.add(name);
        }
    }

    /** Makes it the one that was used last. */
    synchronized void touch(Name name) {
        sizes.get(name);
    }

    /** Adds the files that were there at the start, oldest first; they are older than all there are. */
    synchronized void complete(List<Sized> found) {
        Map<Name, Long> newer = sizes;
        sizes = new LinkedHashMap<>(16, 0.75f, true);
        bytes = 0;
        complete = true;
        for (Sized file : found) {
            if (!gone.contains(file.name) && !newer.containsKey(file.name)) {
                add(file.name, file.bytes);
            }
        }
        gone.clear();
        newer.forEach(this::add);
    }

    synchronized @Nullable Name oldest() {
        return sizes.isEmpty() ? null : sizes.keySet().iterator().next();
    }

    synchronized long bytes() {
        return bytes;
    }

    synchronized int pages() {
        return sizes.size();
    }
}
