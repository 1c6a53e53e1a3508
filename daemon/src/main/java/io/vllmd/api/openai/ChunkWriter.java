package io.vllmd.api.openai;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vllmd.chat.output.OutputEvent;
import io.vllmd.runtime.Answer;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.io.JsonStringEncoder;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes the chunks of one streamed answer. What does not change between chunks is encoded once, so that a token costs
 * one copy and the escaping of its text.
 */
final class ChunkWriter {
    static final byte[] DONE = "[DONE]".getBytes(UTF_8);

    private static final JsonStringEncoder ENCODER = JsonStringEncoder.getInstance();

    private final boolean usageFollows;
    private final @Nullable ScoredTokens scored;
    private final String beforeDelta;
    private final Pieces text;
    private final Pieces reasoning;

    /**
     * @param choice which of the completion's answers
     * @param usageFollows whether the stream ends with a chunk of usage
     * @param scored writes log probabilities, null where none were asked for
     */
    ChunkWriter(Completion completion, int choice, boolean usageFollows, @Nullable ScoredTokens scored) {
        this.usageFollows = usageFollows;
        this.scored = scored;
        String head = new String(Json.bytes(completion.head("chat.completion.chunk")), UTF_8);
        this.beforeDelta = head.substring(0, head.length() - 1) + ",\"choices\":[{\"index\":" + choice + ",\"delta\":";
        String end = afterDelta("\"finish_reason\":null");
        this.text = scored == null
                ? new Pieces(beforeDelta + "{\"content\":\"", "\"}" + end)
                : new Pieces(
                        beforeDelta + "{\"content\":\"",
                        "\"},\"logprobs\":",
                        ",\"finish_reason\":null" + afterChoice());
        // Two names for the same: clients read the one or the other.
        this.reasoning = new Pieces(beforeDelta + "{\"reasoning_content\":\"", "\",\"reasoning\":\"", "\"}" + end);
    }

    byte[] role() {
        return (beforeDelta + "{\"role\":\"assistant\",\"content\":\"\"}" + afterDelta("\"finish_reason\":null"))
                .getBytes(UTF_8);
    }

    byte[] piece(OutputEvent event) {
        return switch (event) {
            case OutputEvent.Text piece ->
                scored == null
                        ? text.around(quoted(piece.text()))
                        : text.around(quoted(piece.text()), Json.bytes(scored.json(piece.tokens())));
            case OutputEvent.Reasoning piece -> {
                byte[] thought = quoted(piece.text());
                yield reasoning.around(thought, thought);
            }
        };
    }

    byte[] finish(Answer answer) {
        String ending = new String(Json.bytes(Completion.ending(answer)), UTF_8);
        return (beforeDelta + "{}" + afterDelta(ending.substring(1, ending.length() - 1))).getBytes(UTF_8);
    }

    /** The last chunk of a stream whose client wants usage. */
    static byte[] usage(Completion completion, List<Answer> answers) {
        ObjectNode root = completion.head("chat.completion.chunk");
        root.putArray("choices");
        root.set("usage", Completion.usage(answers));
        return Json.bytes(root);
    }

    private String afterDelta(String ending) {
        return ",\"logprobs\":null," + ending + afterChoice();
    }

    private String afterChoice() {
        return "}]" + (usageFollows ? ",\"usage\":null}" : "}");
    }

    private static byte[] quoted(String text) {
        return ENCODER.quoteAsUTF8(text);
    }

    /** Constant bytes with others between each two of them. */
    private static final class Pieces {
        private final byte[][] constants;
        private final int length;

        Pieces(String... constants) {
            this.constants =
                    Arrays.stream(constants).map(c -> c.getBytes(UTF_8)).toArray(byte[][]::new);
            this.length = Arrays.stream(this.constants).mapToInt(c -> c.length).sum();
        }

        byte[] around(byte[]... between) {
            int size = length;
            for (byte[] part : between) {
                size += part.length;
            }
            var out = new ByteArrayOutputStream(size);
            out.writeBytes(constants[0]);
            for (int i = 0; i < between.length; i++) {
                out.writeBytes(between[i]);
                out.writeBytes(constants[i + 1]);
            }
            return out.toByteArray();
        }
    }
}
