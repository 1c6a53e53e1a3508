package io.vllmd.api.openai;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.chat.output.OutputEvent;
import io.vllmd.runtime.Answer;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import tools.jackson.core.io.JsonStringEncoder;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes the chunks of one streamed answer. What does not change between chunks is encoded once, so that a token costs
 * one copy and the escaping of its text.
 */
final class ChunkWriter {
    static final byte[] DONE = "[DONE]".getBytes(UTF_8);

    private static final JsonStringEncoder ENCODER = JsonStringEncoder.getInstance();

    private final Completion completion;
    private final boolean includeUsage;
    private final String beforeDelta;
    private final Pieces text;
    private final Pieces reasoning;

    ChunkWriter(Completion completion, boolean includeUsage) {
        this.completion = completion;
        this.includeUsage = includeUsage;
        String head = new String(Json.bytes(completion.head("chat.completion.chunk")), UTF_8);
        this.beforeDelta = head.substring(0, head.length() - 1) + ",\"choices\":[{\"index\":0,\"delta\":";
        String end = afterDelta("null");
        this.text = new Pieces(beforeDelta + "{\"content\":\"", "\"}" + end);
        // Two names for the same: clients read the one or the other.
        this.reasoning = new Pieces(beforeDelta + "{\"reasoning_content\":\"", "\",\"reasoning\":\"", "\"}" + end);
    }

    boolean includesUsage() {
        return includeUsage;
    }

    byte[] role() {
        return (beforeDelta + "{\"role\":\"assistant\",\"content\":\"\"}" + afterDelta("null")).getBytes(UTF_8);
    }

    byte[] piece(OutputEvent event) {
        return switch (event) {
            case OutputEvent.Text piece -> text.around(piece.text());
            case OutputEvent.Reasoning piece -> reasoning.around(piece.text());
        };
    }

    byte[] finish(Answer.Stop stop) {
        return (beforeDelta + "{}" + afterDelta('"' + Completion.finishReason(stop) + '"')).getBytes(UTF_8);
    }

    byte[] usage(Answer answer) {
        ObjectNode root = completion.head("chat.completion.chunk");
        root.putArray("choices");
        root.set("usage", Completion.usage(answer));
        return Json.bytes(root);
    }

    private String afterDelta(String finishReason) {
        return ",\"logprobs\":null,\"finish_reason\":" + finishReason + "}]"
                + (includeUsage ? ",\"usage\":null}" : "}");
    }

    /** Constant bytes with one text between each two of them. */
    private static final class Pieces {
        private final byte[][] constants;

        Pieces(String... constants) {
            this.constants =
                    Arrays.stream(constants).map(c -> c.getBytes(UTF_8)).toArray(byte[][]::new);
        }

        byte[] around(String text) {
            byte[] quoted = ENCODER.quoteAsUTF8(text);
            var out = new ByteArrayOutputStream(2 * quoted.length + 512);
            out.writeBytes(constants[0]);
            for (int i = 1; i < constants.length; i++) {
                out.writeBytes(quoted);
                out.writeBytes(constants[i]);
            }
            return out.toByteArray();
        }
    }
}
