package io.vllmd.chat;

import io.vllmd.chat.template.ChatTemplate;
import io.vllmd.chat.template.TemplateException;
import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The chat templates of one model: conversations to prompt texts. Immutable, for any thread. */
public final class ChatTemplates {
    private static final String TOOL_USE = "tool_use";

    /** What opens a reasoning block in the templates that open it for the model. */
    private static final List<String> REASONING_OPENERS = List.of(
            "<think>", "<thinking>", "<seed:think>", "[THINK]", "◁think▷", "<|START_THINKING|>", "<|inner_prefix|>");

    private final Path folder;
    private final Map<String, Entry> templates;
    private final Map<String, Object> tokens;

    private ChatTemplates(Path folder, Map<String, Entry> templates, Map<String, Object> tokens) {
        this.folder = folder;
        this.templates = templates;
        this.tokens = tokens;
    }

    private record Entry(ChatTemplate template, MessageShapes shapes) {}

    /**
     * Finds and compiles the templates of a model: chat_template.jinja, else chat_template.json, else the chat_template
     * of tokenizer_config.json. A model without any is one too; it cannot {@link #render}.
     *
     * @param folder the model's
     * @throws ProblemException INVALID, naming file and line, where a template or the file that holds it is broken
     */
    public static ChatTemplates load(Path folder) {
        Map<String, Object> tokens = SpecialTokens.read(folder);
        Map<String, Entry> templates = new LinkedHashMap<>();
        TemplateFiles.find(folder).forEach((name, source) -> templates.put(name, compile(source, tokens)));
        return new ChatTemplates(folder, templates, tokens);
    }

    private static Entry compile(TemplateFiles.Source source, Map<String, Object> tokens) {
        try {
            ChatTemplate template = ChatTemplate.compile(source.text());
            return new Entry(template, new MessageShapes(TemplateTraits.of(template, source.text(), tokens)));
        } catch (TemplateException e) {
            throw Problem.of(
                            Problem.Kind.INVALID,
                            "The chat template in " + source.file() + " is broken: " + e.getMessage(),
                            source.file().toString())
                    .asException(e);
        }
    }

    /** Whether the model can chat. */
    public boolean isEmpty() {
        return templates.isEmpty();
    }

    /**
     * Renders a conversation.
     *
     * <p>Messages are first brought into the shape that templates expect: an assistant's missing content becomes empty,
     * a tool call's arguments become an object, parts that are all text become one string where the template takes no
     * parts, and a developer becomes the system where the template knows no developer.
     *
     * @param addGenerationPrompt whether to end where the assistant's answer begins
     * @param arguments further variables, such as tools and enable_thinking; nulls are left out
     * @throws ProblemException INVALID where the template refuses the conversation, with its message, or fails on it;
     *     TOO_LARGE where rendering it passes a limit; UNSUPPORTED where the model has no template
     */
    public String render(
            List<ChatMessage> messages,
            boolean addGenerationPrompt,
            Map<String, ? extends @Nullable Object> arguments) {
        Map<String, @Nullable Object> variables = new HashMap<>(tokens);
        arguments.forEach((name, value) -> {
            if (value != null) {
                variables.put(name, value);
            }
        });
        // no tools at all is what templates test for; an empty list passes some of those tests
        boolean tools = variables.get("tools") instanceof Collection<?> list && !list.isEmpty();
        if (!tools) {
            variables.remove("tools");
        }
        Entry entry = choose(tools);
        variables.put("messages", entry.shapes().of(messages));
        variables.put("add_generation_prompt", addGenerationPrompt);
        try {
            return entry.template().render(variables);
        } catch (TemplateException e) {
            throw problem(e);
        }
    }

    private Entry choose(boolean tools) {
        Entry chosen = tools ? templates.get(TOOL_USE) : null;
        if (chosen == null) {
            chosen = templates.get(TemplateFiles.DEFAULT);
        }
        if (chosen != null) {
            return chosen;
        }
        String message = templates.isEmpty()
                ? "The model in " + folder
                        + " has no chat template, so it cannot chat. It may be a base model; look for"
                        + " its instruction-tuned version."
                : "The model in " + folder + " has chat templates named " + String.join(", ", templates.keySet())
                        + ", but none named " + TemplateFiles.DEFAULT + ".";
        throw Problem.of(Problem.Kind.UNSUPPORTED, message, folder.toString()).asException();
    }

    private static ProblemException problem(TemplateException e) {
        return switch (e.kind()) {
            case REFUSED ->
                Problem.of(
                                Problem.Kind.INVALID,
                                "The model's chat template refuses this conversation: " + e.reason(),
                                "messages")
                        .asException(e);
            case LIMIT ->
                Problem.of(
                                Problem.Kind.TOO_LARGE,
                                "The model's chat template passed a limit on this conversation: " + e.getMessage(),
                                "messages",
                                e.reason())
                        .asException(e);
            case SYNTAX, EVALUATION ->
                Problem.of(
                                Problem.Kind.INVALID,
                                "The model's chat template fails on this conversation: " + e.getMessage()
                                        + ". It may not take messages of this kind.",
                                "messages")
                        .asException(e);
        };
    }

    /** Whether a prompt ends inside a reasoning block, so that the answer begins with reasoning. */
    public static boolean reasoningOpen(String prompt) {
        String end = prompt.substring(Math.max(0, prompt.length() - 64)).stripTrailing();
        return REASONING_OPENERS.stream().anyMatch(end::endsWith);
    }
}
