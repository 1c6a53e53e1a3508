package io.vllmd.runtime;

import io.vllmd.chat.ChatMessage;
import java.util.List;
import java.util.Map;

/** A model that is loaded and answers. */
public interface ServedModel {

    /** The id it is served under. */
    String id();

    /** Most tokens of prompt and answer together. */
    int contextLength();

    /** What is used where a request does not say. */
    ServingDefaults defaults();

    /** Seconds since the epoch at which it was loaded. */
    long loadedAt();

    /**
     * Renders and tokenises a conversation.
     *
     * @param arguments further template variables, such as enable_thinking
     * @throws io.vllmd.config.ProblemException INVALID where the template refuses, with its message
     */
    Prompt prompt(List<ChatMessage> messages, Map<String, Object> arguments);

    /**
     * The UTF-8 bytes of a token, maybe only a part of a character; of a special one its name; none for an id without a
     * token.
     */
    byte[] tokenBytes(int id);

    /**
     * Starts an answer; returns at once.
     *
     * @throws io.vllmd.config.ProblemException INVALID where the prompt leaves no room for an answer or an option names
     *     a token that the model does not have, BUSY where the queue is full, UNAVAILABLE while shutting down
     */
    Answer answer(Prompt prompt, AnswerOptions options);

    /**
     * A rendered conversation.
     *
     * @param ids its tokens
     * @param reasoningOpen whether it ends inside a reasoning block
     */
    record Prompt(int[] ids, boolean reasoningOpen) {}
}
