package io.vllmd.config.hf;

import java.nio.file.Path;
import java.util.List;

/**
 * A model repository in the cache.
 *
 * @param id org/name
 * @param folder its folder in the cache
 * @param bytes what it takes on disk, files shared by revisions counted once
 * @param revisions those that are there, the one of {@code main} first
 */
public record Repository(String id, Path folder, long bytes, List<Revision> revisions) {

    /**
     * A snapshot of a repository.
     *
     * @param commit its name
     * @param refs branches and tags that point to it
     * @param snapshot the folder with its files, which may be links into the repository's blobs
     */
    public record Revision(String commit, List<String> refs, Path snapshot) {}
}
