package io.vllmd.chat;

import io.vllmd.chat.template.ChatTemplate;
import io.vllmd.chat.template.TemplateException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What shapes of messages a template understands, found by trying: templates do not say, and one that does not
 * understand a shape may print Python's notation of it rather than fail.
 *
 * @param strings a message's content may be a string
 * @param parts a message's content may be a list of parts
 * @param developer the role developer means something to it
 */
record TemplateTraits(boolean strings, boolean parts, boolean developer) {
    private static final String NEEDLE = "needle5c1f";
    private static final Pattern DEVELOPER = Pattern.compile("['\"]developer['\"]");

    static TemplateTraits of(ChatTemplate template, String source, Map<String, Object> tokens) {
        boolean strings = shows(template, tokens, NEEDLE);
        boolean parts = shows(template, tokens, List.of(Map.of("type", "text", "text", NEEDLE)));
        // a template that shows neither needs more than one user message; give it what all but a few take
        return new TemplateTraits(
                strings || !parts, parts, DEVELOPER.matcher(source).find());
    }

    private static boolean shows(ChatTemplate template, Map<String, Object> tokens, Object content) {
        Map<String, Object> variables = new HashMap<>(tokens);
        variables.put("messages", List.of(Map.of("role", "user", "content", content)));
        variables.put("add_generation_prompt", true);
        try {
            String text = template.render(variables);
            return text.contains(NEEDLE) && !text.contains("'type'") && !text.contains("\"type\"");
        } catch (TemplateException e) {
            return false;
        }
    }
}
