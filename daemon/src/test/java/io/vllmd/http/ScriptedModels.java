package io.vllmd.http;

import io.vllmd.chat.ChatMessage;
import io.vllmd.config.Problem;
import io.vllmd.config.RepetitionPolicy;
import io.vllmd.engine.Priority;
import io.vllmd.engine.Sampling;
import io.vllmd.runtime.AnswerOptions;
import io.vllmd.runtime.Models;
import io.vllmd.runtime.ServedModel;
import io.vllmd.runtime.ServingDefaults;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BiConsumer;

/** One model whose answers a test writes itself, as the carrier of answers is what is tested. */
final class ScriptedModels implements Models, ServedModel {
    static final String ID = "org/scripted-model";

    /** Answers that were started, in order. */
    final BlockingQueue<ScriptedAnswer> started = new LinkedBlockingQueue<>();

    final Queue<List<ChatMessage>> conversations = new ConcurrentLinkedQueue<>();
    volatile BiConsumer<ScriptedAnswer, AnswerOptions> script = (answer, options) -> {};

    @Override
    public ServedModel find(String name) {
        if (name.equals("default") || name.equals(ID)) {
            return this;
        }
        throw Problem.of(Problem.Kind.NOT_FOUND, "No model " + name + " is served; there is " + ID + ".", name)
                .asException();
    }

    @Override
    public List<ServedModel> all() {
        return List.of(this);
    }

    @Override
    public String id() {
        return ID;
    }

    @Override
    public int contextLength() {
        return 4096;
    }

    @Override
    public ServingDefaults defaults() {
        return new ServingDefaults(
                new Sampling(0.5f, 0.9f, 20, 0.1f, 0), false, Priority.INTERACTIVE, RepetitionPolicy.SAFE);
    }

    /** Token 65 is A. */
    @Override
    public byte[] tokenBytes(int id) {
        return new byte[] {(byte) id};
    }

    @Override
    public long loadedAt() {
        return 1_700_000_000L;
    }

    @Override
    public Prompt prompt(List<ChatMessage> messages, Map<String, Object> arguments) {
        conversations.add(messages);
        return new Prompt(new int[messages.size() * 10], false);
    }

    @Override
    public ScriptedAnswer answer(Prompt prompt, AnswerOptions options) {
        var answer = new ScriptedAnswer(prompt.ids().length);
        script.accept(answer, options);
        started.add(answer);
        return answer;
    }
}
