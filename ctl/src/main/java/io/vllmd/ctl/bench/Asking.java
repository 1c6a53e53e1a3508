package io.vllmd.ctl.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How answers are asked for.
 *
 * @param toTheLimit whether an answer goes on where the model would end it, so that all have the same length; servers
 *     that do not know the member ignore it
 * @param extra members of the body that come last, and so win
 */
record Asking(boolean toTheLimit, Map<String, Object> extra) {

    /** The request for a streamed answer to this conversation, as it goes over the wire. */
    byte[] request(Target target, List<Message> messages, int tokens) {
        var body = new LinkedHashMap<String, Object>();
        body.put("model", target.model());
        body.put("messages", messages.stream().map(Message::tree).toList());
        body.put("max_tokens", tokens);
        body.put("temperature", 0.0);
        body.put("stream", true);
        body.put("stream_options", Map.of("include_usage", true));
        if (toTheLimit) {
            body.put("ignore_eos", true);
        }
        body.putAll(extra);
        return target.chat(body);
    }
}
