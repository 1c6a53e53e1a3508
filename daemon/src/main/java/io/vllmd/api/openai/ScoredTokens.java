package io.vllmd.api.openai;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.chat.output.ScoredToken;
import io.vllmd.engine.TokenLogprobs;
import java.util.List;
import java.util.function.IntFunction;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Log probabilities as OpenAI writes them: {@code {"content": [{token, bytes, logprob, top_logprobs}], "refusal": null}}.
 * A token whose bytes are only a part of a character shows U+FFFD as its text; its bytes are exact. A token that a guide
 * forced has log probability 0 and no others beside it, since nothing else could have come.
 *
 * @param bytes the UTF-8 bytes of a token
 */
record ScoredTokens(IntFunction<byte[]> bytes) {
    /** OpenAI's number for what cannot come: JSON has no infinity. */
    private static final float IMPOSSIBLE = -9999;

    ObjectNode json(List<ScoredToken> tokens) {
        ObjectNode root = Json.object();
        ArrayNode content = root.putArray("content");
        for (ScoredToken token : tokens) {
            TokenLogprobs logprobs = token.logprobs();
            ObjectNode entry = content.addObject();
            put(entry, token.id(), logprobs == null ? 0 : logprobs.logprob());
            ArrayNode top = entry.putArray("top_logprobs");
            for (int i = 0; logprobs != null && i < logprobs.topIds().length; i++) {
                put(top.addObject(), logprobs.topIds()[i], logprobs.topLogprobs()[i]);
            }
        }
        root.putNull("refusal");
        return root;
    }

    private void put(ObjectNode entry, int id, float logprob) {
        byte[] itsBytes = bytes.apply(id);
        entry.put("token", new String(itsBytes, UTF_8));
        entry.put("logprob", logprob > IMPOSSIBLE ? logprob : IMPOSSIBLE);
        ArrayNode numbers = entry.putArray("bytes");
        for (byte b : itsBytes) {
            numbers.add(b & 0xff);
        }
    }
}
