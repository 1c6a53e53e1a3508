package io.vllmd.http;

import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The id under which a request stands in answers and logs. */
final class RequestIds {
    static final String HEADER = "x-request-id";

    /** What can break neither a log line nor a header. */
    private static final Pattern SOUND = Pattern.compile("[A-Za-z0-9._:/+=@-]{1,128}");

    private RequestIds() {}

    /** The client's id where it is sound, else a new one. */
    static String of(@Nullable String given) {
        if (given != null && SOUND.matcher(given).matches()) {
            return given;
        }
        return "req-" + UUID.randomUUID().toString().replace("-", "");
    }
}
