package io.vllmd.control.protocol;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One message of JSON-RPC 2.0. Ids are strings or whole numbers (Long); maps hold strings, Long, Double, Boolean,
 * lists and maps, and no nulls: a member that is null counts as absent.
 */
public sealed interface Message {

    /** Asks for a {@link Result} or a {@link Failure} with the same id. */
    record Request(Object id, String method, Map<String, Object> params) implements Message {}

    /** Tells something; no answer comes. */
    record Notification(String method, Map<String, Object> params) implements Message {}

    /** The good answer. */
    record Result(Object id, Map<String, Object> result) implements Message {}

    /**
     * The bad answer.
     *
     * @param id of the request, or null where it could not be read
     */
    record Failure(@Nullable Object id, int code, String message, Map<String, Object> data) implements Message {}
}
