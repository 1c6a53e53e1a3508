package io.vllmd.engine;

/** A request that was taken. */
public interface Generation {

    /**
     * Ends it: at the next step while it decodes, at the next chunk while its prompt is read, at once while it waits.
     * From any thread, any number of times; the sink hears {@link TokenSink.Finish#CANCELLED}, unless it ended before.
     */
    void cancel();
}
