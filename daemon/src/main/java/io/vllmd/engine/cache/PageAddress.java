package io.vllmd.engine.cache;

/**
 * A full page's place, all that must agree for a file to be its.
 *
 * @param folder of the identity
 * @param identity digest of it
 * @param scope digest of it
 * @param content detached from whatever it was made of: another thread reads it
 */
record PageAddress(
        String folder,
        byte[] identity,
        byte[] scope,
        ChainDigest parent,
        ChainDigest digest,
        int index,
        PageContent content) {

    DiskIndex.Name name() {
        return new DiskIndex.Name(folder, digest);
    }
}
