package io.vllmd.engine.cache;

/**
 * What a disk store did since it was opened, and holds.
 *
 * @param pages on disk
 * @param bytes on disk
 * @param budget bytes it may take
 * @param written pages
 * @param read pages
 * @param quarantined files that were not what they should be
 * @param evicted pages deleted to stay within the budget
 * @param writing whether pages are written; not while the disk is full or cannot be written
 */
public record DiskStats(
        int pages, long bytes, long budget, long written, long read, long quarantined, long evicted, boolean writing) {}
