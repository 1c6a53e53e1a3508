package io.vllmd.chat.tokenizer;

import java.text.Normalizer;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The normalizers of byte-level BPE families. */
final class TextNormalizer {
    private static final String SUPPORTED =
            "none, Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Prepend, Replace";
    private static final Pattern ACCENTS = Pattern.compile("\\p{Mn}+");

    private TextNormalizer() {}

    static UnaryOperator<String> of(@Nullable Component component) {
        if (component == null) {
            return UnaryOperator.identity();
        }
        return switch (component.type()) {
            case "Sequence" -> {
                List<UnaryOperator<String>> steps = component.components("normalizers").stream()
                        .map(TextNormalizer::of)
                        .toList();
                yield text -> {
                    String current = text;
                    for (UnaryOperator<String> step : steps) {
                        current = step.apply(current);
                    }
                    return current;
                };
            }
            case "NFC" -> text -> UnicodeForm.normalize(text, Normalizer.Form.NFC);
            case "NFD" -> text -> UnicodeForm.normalize(text, Normalizer.Form.NFD);
            case "NFKC" -> text -> UnicodeForm.normalize(text, Normalizer.Form.NFKC);
            case "NFKD" -> text -> UnicodeForm.normalize(text, Normalizer.Form.NFKD);
            case "Lowercase" -> TextNormalizer::lowercase;
            case "StripAccents" -> text -> ACCENTS.matcher(text).replaceAll("");
            case "Strip" -> {
                boolean left = component.flag("strip_left", true);
                boolean right = component.flag("strip_right", true);
                yield text -> strip(text, left, right);
            }
            case "Prepend" -> {
                String prefix = component.string("prepend");
                yield text -> text.isEmpty() ? text : prefix + text;
            }
            case "Replace" -> {
                Component pattern = component.component("pattern");
                Pattern regex = OnigurumaRegex.compile(
                        pattern.fields().containsKey("String")
                                ? Pattern.quote(pattern.string("String"))
                                : pattern.string("Regex"),
                        component);
                String content = Matcher.quoteReplacement(component.string("content"));
                yield text -> regex.matcher(text).replaceAll(content);
            }
            default -> throw component.unsupported("the normalizer " + component.type(), SUPPORTED);
        };
    }

    /** Character by character, so without Greek's final sigma, as in the reference implementation. */
    private static String lowercase(String text) {
        StringBuilder lower = new StringBuilder(text.length());
        text.codePoints().forEach(c -> lower.append(Character.toString(c).toLowerCase(Locale.ROOT)));
        return lower.toString();
    }

    private static String strip(String text, boolean left, boolean right) {
        int start = 0;
        int end = text.length();
        while (left && start < end && Unicode.isWhiteSpace(text.charAt(start))) {
            start++;
        }
        while (right && end > start && Unicode.isWhiteSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(start, end);
    }
}
