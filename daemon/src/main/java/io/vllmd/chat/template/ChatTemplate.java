package io.vllmd.chat.template;

import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A compiled chat template. The language is Jinja2 as transformers sets it up: an immutable sandbox, {@code
 * trim_blocks} and {@code lstrip_blocks}, {@code break} and {@code continue}, a {@code tojson} that escapes nothing for
 * HTML, {@code generation} blocks, {@code raise_exception} and {@code strftime_now}. Includes, imports and inheritance
 * are refused. Immutable, for any thread.
 */
public final class ChatTemplate {
    private final List<Statement> body;
    private final Limits limits;

    private ChatTemplate(List<Statement> body, Limits limits) {
        this.body = body;
        this.limits = limits;
    }

    /**
     * @throws TemplateException SYNTAX, or LIMIT where the text is too long or too deeply nested
     */
    public static ChatTemplate compile(String source) {
        return compile(source, Limits.STANDARD);
    }

    static ChatTemplate compile(String source, Limits limits) {
        return new ChatTemplate(TemplateParser.parse(source, limits), limits);
    }

    /**
     * Renders with this machine's time.
     *
     * @param variables what the template sees, as maps, lists, strings, numbers, booleans and nulls; left unchanged
     * @throws TemplateException REFUSED with the template's own message, EVALUATION or LIMIT
     */
    public String render(Map<String, ? extends @Nullable Object> variables) {
        return render(variables, Clock.system(ZoneId.systemDefault()));
    }

    /** As {@link #render(Map)}, with another clock for {@code strftime_now}. */
    public String render(Map<String, ? extends @Nullable Object> variables, Clock clock) {
        Budget budget = new Budget(limits);
        try {
            return new Renderer(variables, Globals.of(clock), budget).render(body);
        } catch (StackOverflowError e) {
            // a template can build values nested deeper than any stack, by putting a list into itself over and over
            throw TemplateException.limit("the template's values are nested too deeply");
        }
    }
}
