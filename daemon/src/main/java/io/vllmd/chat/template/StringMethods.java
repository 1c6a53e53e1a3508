package io.vllmd.chat.template;

import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** The methods of Python's str that a template may call. */
final class StringMethods {
    static final Set<String> NAMES = Set.of(
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "startswith",
            "endswith",
            "upper",
            "lower",
            "casefold",
            "title",
            "capitalize",
            "swapcase",
            "replace",
            "find",
            "rfind",
            "index",
            "rindex",
            "count",
            "join",
            "isdigit",
            "isdecimal",
            "isnumeric",
            "isalpha",
            "isalnum",
            "isspace",
            "isupper",
            "islower",
            "isascii",
            "removeprefix",
            "removesuffix",
            "format",
            "zfill",
            "ljust",
            "rjust",
            "center",
            "partition",
            "rpartition",
            "expandtabs");

    private static final Set<String> WITHOUT_ARGUMENTS = Set.of(
            "upper",
            "lower",
            "casefold",
            "title",
            "capitalize",
            "swapcase",
            "isdigit",
            "isdecimal",
            "isnumeric",
            "isalpha",
            "isalnum",
            "isspace",
            "isascii",
            "isupper",
            "islower");

    private StringMethods() {}

    /** Calls a method of a string, or of a marked one, whose results are marked and whose arguments are escaped. */
    static @Nullable Object call(Object receiver, String method, CallArguments arguments, Budget budget) {
        if (receiver instanceof Markup markup) {
            return switch (method) {
                case "format" -> new Markup(BraceFormat.format(markup.text(), arguments, true, budget));
                case "join" -> {
                    CallArguments.Bound bound = arguments.bind("join", 1, "iterable");
                    yield new Markup(join(markup.text(), bound.get(0), true, budget));
                }
                case "replace" -> {
                    CallArguments.Bound bound = arguments.bind("replace", 2, "old", "new", "count");
                    String replacement = Markup.escape(bound.get(1)).text();
                    yield new Markup(
                            Strings.replace(markup.text(), bound.text(0), replacement, bound.integer(2, -1), budget));
                }
                default -> Markup.mark(call(markup.text(), method, arguments, budget));
            };
        }
        return call((String) receiver, method, arguments, budget);
    }

    private static @Nullable Object call(String s, String method, CallArguments arguments, Budget budget) {
        budget.steps(s.length() / 64 + 1);
        if (WITHOUT_ARGUMENTS.contains(method)) {
            arguments.bind(method, 0);
        }
        return switch (method) {
            case "strip" -> Strings.strip(s, optional(arguments.bind(method, 0, "chars"), 0), true, true);
            case "lstrip" -> Strings.strip(s, optional(arguments.bind(method, 0, "chars"), 0), true, false);
            case "rstrip" -> Strings.strip(s, optional(arguments.bind(method, 0, "chars"), 0), false, true);
            case "split", "rsplit" -> {
                CallArguments.Bound bound = arguments.bind(method, 0, "sep", "maxsplit");
                budget.elements(s.length() / 8);
                yield method.equals("split")
                        ? Strings.split(s, optional(bound, 0), bound.integer(1, -1))
                        : Strings.splitFromEnd(s, optional(bound, 0), bound.integer(1, -1));
            }
            case "splitlines" ->
                Strings.lines(s, arguments.bind(method, 0, "keepends").flag(0));
            case "startswith", "endswith" -> affix(s, method.equals("startswith"), arguments);
            case "upper" -> s.toUpperCase(Locale.ROOT);
            case "lower", "casefold" -> s.toLowerCase(Locale.ROOT);
            case "title" -> Strings.title(s);
            case "capitalize" -> Strings.capitalize(s);
            case "swapcase" -> Strings.swapCase(s);
            case "replace" -> {
                CallArguments.Bound bound = arguments.bind(method, 2, "old", "new", "count");
                yield Strings.replace(s, bound.text(0), bound.text(1), bound.integer(2, -1), budget);
            }
            case "find", "rfind", "index", "rindex" -> find(s, method, arguments);
            case "count" -> {
                String part = arguments.bind(method, 1, "sub").text(0);
                yield part.isEmpty() ? Values.length(s) + 1 : (long) Strings.count(s, part);
            }
            case "join" -> join(s, arguments.bind(method, 1, "iterable").get(0), false, budget);
            case "isdigit", "isdecimal", "isnumeric" -> all(s, Characters::isDigit);
            case "isalpha" -> all(s, Character::isLetter);
            case "isalnum" -> all(s, Character::isLetterOrDigit);
            case "isspace" -> all(s, Characters::isSpace);
            case "isascii" -> s.chars().allMatch(c -> c < 128);
            case "isupper" -> Strings.isCased(s, true);
            case "islower" -> Strings.isCased(s, false);
            case "removeprefix" -> {
                String prefix = arguments.bind(method, 1, "prefix").text(0);
                yield s.startsWith(prefix) ? s.substring(prefix.length()) : s;
            }
            case "removesuffix" -> {
                String suffix = arguments.bind(method, 1, "suffix").text(0);
                yield s.endsWith(suffix) ? s.substring(0, s.length() - suffix.length()) : s;
            }
            case "zfill" -> justify(s, '=', "0", arguments.bind(method, 1, "width"), budget);
            case "ljust" -> justify(s, '<', null, arguments.bind(method, 1, "width", "fillchar"), budget);
            case "rjust" -> justify(s, '>', null, arguments.bind(method, 1, "width", "fillchar"), budget);
            case "center" -> justify(s, '^', null, arguments.bind(method, 1, "width", "fillchar"), budget);
            case "partition" -> {
                String separator = arguments.bind(method, 1, "sep").text(0);
                int at = s.indexOf(separator);
                yield at < 0 ? Tuple.of(s, "", "") : parts(s, at, separator);
            }
            case "rpartition" -> {
                String separator = arguments.bind(method, 1, "sep").text(0);
                int at = s.lastIndexOf(separator);
                yield at < 0 ? Tuple.of("", "", s) : parts(s, at, separator);
            }
            case "expandtabs" -> {
                int size = Math.clamp(arguments.bind(method, 0, "tabsize").integer(0, 8), 0, 64);
                yield expandTabs(s, size, budget);
            }
            case "format" -> BraceFormat.format(s, arguments, false, budget);
            default -> throw TemplateException.evaluation("'str object' has no attribute '" + method + "'");
        };
    }

    private static @Nullable String optional(CallArguments.Bound bound, int parameter) {
        Object value = bound.get(parameter);
        return value == null ? null : Values.text(value);
    }

    private static boolean all(String s, IntPredicate predicate) {
        return !s.isEmpty() && s.codePoints().allMatch(predicate);
    }

    private static Tuple parts(String s, int at, String separator) {
        if (separator.isEmpty()) {
            throw TemplateException.evaluation("empty separator");
        }
        return Tuple.of(s.substring(0, at), separator, s.substring(at + separator.length()));
    }

    private static boolean affix(String s, boolean start, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(start ? "startswith" : "endswith", 1, "affix", "start", "end");
        String part = s;
        if (bound.has(1)) {
            int length = s.length();
            int from = offset(bound.integer(1, 0), length);
            part = s.substring(from, Math.max(from, offset(bound.integer(2, length), length)));
        }
        if (bound.get(0) instanceof Tuple several) {
            for (Object each : several) {
                String affix = Values.text(each);
                if (start ? part.startsWith(affix) : part.endsWith(affix)) {
                    return true;
                }
            }
            return false;
        }
        return start ? part.startsWith(bound.text(0)) : part.endsWith(bound.text(0));
    }

    private static int offset(int index, int length) {
        return Math.clamp(index < 0 ? (long) index + length : index, 0, length);
    }

    private static Object find(String s, String method, CallArguments arguments) {
        CallArguments.Bound bound = arguments.bind(method, 1, "sub", "start", "end");
        boolean last = method.startsWith("r");
        int from = offset(bound.integer(1, 0), s.length());
        int end = Math.max(from, offset(bound.integer(2, s.length()), s.length()));
        String part = s.substring(from, end);
        int at = last ? part.lastIndexOf(bound.text(0)) : part.indexOf(bound.text(0));
        if (at < 0) {
            if (method.endsWith("index")) {
                throw TemplateException.evaluation("substring not found");
            }
            return -1L;
        }
        return (long) s.codePointCount(0, from + at);
    }

    static String join(String separator, @Nullable Object items, boolean escapes, Budget budget) {
        StringBuilder out = new StringBuilder();
        String before = "";
        int index = 0;
        for (Object item : Values.items(items, budget)) {
            if (!escapes && !Values.isText(item)) {
                throw TemplateException.evaluation(
                        "sequence item " + index + ": expected str instance, " + Values.typeName(item) + " found");
            }
            String text = escapes ? Markup.escape(item).text() : Values.text(item);
            budget.text(before.length() + (long) text.length());
            out.append(before).append(text);
            before = separator;
            index++;
        }
        return out.toString();
    }

    private static String justify(
            String s, char align, @Nullable String fill, CallArguments.Bound bound, Budget budget) {
        int width = bound.integer(0, 0);
        String with = fill != null ? fill : bound.has(1) ? bound.text(1) : " ";
        if (with.codePointCount(0, with.length()) != 1) {
            throw TemplateException.evaluation("The fill character must be exactly one character long");
        }
        budget.text(Math.max(width, s.length()));
        if (align == '^') {
            // Python's center puts the odd one left where the width is odd
            int missing = Math.max(0, width - (int) Values.length(s));
            int left = missing / 2 + (missing & width & 1);
            return with.repeat(left) + s + with.repeat(missing - left);
        }
        return NumberFormat.pad(s, width, align, with);
    }

    private static String expandTabs(String s, int size, Budget budget) {
        budget.text((long) s.length() + (long) Strings.count(s, "\t") * size);
        StringBuilder out = new StringBuilder();
        int column = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (c == '\t') {
                int spaces = size == 0 ? 0 : size - column % size;
                out.repeat(' ', spaces);
                column += spaces;
            } else {
                out.append(c);
                column = c == '\n' || c == '\r' ? 0 : column + 1;
            }
        }
        return out.toString();
    }
}
