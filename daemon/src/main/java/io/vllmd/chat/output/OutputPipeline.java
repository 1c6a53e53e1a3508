package io.vllmd.chat.output;

import io.vllmd.chat.tokenizer.Detokenizer;
import io.vllmd.chat.tokenizer.Tokenizer;
import io.vllmd.engine.TokenLogprobs;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Token ids of one answer to its text and reasoning, one id at a time; the only way from the one to the other, for
 * streams and whole answers alike. What it gives out depends on the ids alone, not on how they were batched. Belongs to
 * one thread.
 *
 * <p>Stop strings are looked for in answer text, not in reasoning and not across a reasoning block. The one that is
 * complete first ends the answer, of several the longest; it and what follows is left out. Of a reasoning block the
 * newlines at both ends are left out and so are the newlines right after it, which templates put there.
 */
public final class OutputPipeline {
    private final Tokenizer tokenizer;
    private final Detokenizer detokenizer;
    private final ReasoningFormat format;
    private final TextSearch opening;
    private final TextSearch closing;
    private final AnswerText answer;
    private final ReasoningText thoughts = new ReasoningText();
    private final @Nullable TokenLedger ledger;
    private boolean reasoning;
    private boolean finished;
    private int reasoningTokens;

    /** One that does not tell which tokens a text came from. */
    public OutputPipeline(Tokenizer tokenizer, List<String> stop, ReasoningFormat format, boolean reasoningOpen) {
        this(tokenizer, stop, format, reasoningOpen, false);
    }

    /**
     * @param stop strings that end the answer; empty ones are passed over
     * @param reasoningOpen whether the prompt ended inside a reasoning block
     * @param scored whether texts come with their tokens
     */
    public OutputPipeline(
            Tokenizer tokenizer, List<String> stop, ReasoningFormat format, boolean reasoningOpen, boolean scored) {
        this.tokenizer = tokenizer;
        detokenizer = tokenizer.detokenizer();
        ledger = scored ? new TokenLedger() : null;
        this.format = format;
        reasoning = reasoningOpen && !(format instanceof ReasoningFormat.None);
        answer = new AnswerText(stop);
        if (format instanceof ReasoningFormat.TagTexts tags) {
            opening = new TextSearch(List.of(tags.open()));
            closing = new TextSearch(List.of(tags.close()));
        } else {
            opening = new TextSearch(List.of());
            closing = opening;
        }
    }

    /** As {@link #push(int, TokenLogprobs, Consumer)} for a token without log probabilities. */
    public void push(int id, Consumer<OutputEvent> out) {
        push(id, null, out);
    }

    /** Takes the next token and gives out what became certain with it. Ignored once {@link #stopped}. */
    public void push(int id, @Nullable TokenLogprobs logprobs, Consumer<OutputEvent> out) {
        if (finished) {
            throw new IllegalStateException("a token after finish");
        }
        if (stopped()) {
            return;
        }
        boolean before = reasoning;
        if (format instanceof ReasoningFormat.TagIds tags && id == (reasoning ? tags.close() : tags.open())) {
            read(detokenizer.finish(), out);
            if (!stopped()) {
                turn(out);
            }
        } else {
            if (ledger != null && !tokenizer.isSpecial(id) && tokenizer.bytes(id).length > 0) {
                ledger.token(new ScoredToken(id, logprobs));
            }
            read(detokenizer.push(id), out);
        }
        give(out);
        if (before || reasoning) {
            reasoningTokens++;
        }
    }

    /** Gives out what was held back; no more tokens follow. */
    public void finish(Consumer<OutputEvent> out) {
        if (finished) {
            return;
        }
        finished = true;
        if (stopped()) {
            return;
        }
        read(detokenizer.finish(), out);
        StringBuilder held = new StringBuilder();
        (reasoning ? closing : opening).release(held);
        append(held.toString());
        if (reasoning) {
            thoughts.endOpen();
        } else {
            answer.end();
        }
        give(out);
    }

    /** Whether a stop string ended the answer: nothing more will come, so making tokens can end. */
    public boolean stopped() {
        return answer.stopped();
    }

    /** Tokens inside reasoning blocks so far, tags that are tokens included. */
    public int reasoningTokens() {
        return reasoningTokens;
    }

    private void read(String text, Consumer<OutputEvent> out) {
        if (ledger != null) {
            ledger.complete(text.length());
        }
        int at = 0;
        while (at >= 0 && !stopped()) {
            StringBuilder certain = new StringBuilder();
            at = (reasoning ? closing : opening).read(text, at, certain);
            append(certain.toString());
            if (at >= 0 && !stopped()) {
                boolean closes = reasoning;
                turn(out);
                if (format instanceof ReasoningFormat.TagTexts tags) {
                    drop((closes ? tags.close() : tags.open()).length());
                }
            }
        }
    }

    private void append(String text) {
        if (reasoning) {
            thoughts.append(text);
            drop(text.length());
        } else {
            drop(answer.append(text));
        }
    }

    private void drop(int characters) {
        if (ledger != null) {
            ledger.drop(characters);
        }
    }

    /** At a tag: ends the section that it closes and starts the other kind. */
    private void turn(Consumer<OutputEvent> out) {
        if (reasoning) {
            thoughts.endClosed();
        } else {
            answer.end();
        }
        give(out);
        reasoning = !reasoning;
        if (reasoning) {
            thoughts.start();
        } else {
            answer.startAfterReasoning();
        }
    }

    private void give(Consumer<OutputEvent> out) {
        String text = reasoning ? thoughts.take() : answer.take();
        if (text.isEmpty()) {
            return;
        }
        if (reasoning) {
            out.accept(new OutputEvent.Reasoning(text));
        } else {
            List<ScoredToken> tokens = ledger == null ? List.of() : ledger.give(text.length());
            out.accept(new OutputEvent.Text(text, tokens));
        }
    }
}
