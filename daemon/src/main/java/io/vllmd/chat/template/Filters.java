package io.vllmd.chat.template;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Jinja's filters, and the {@code tojson} of transformers. Not there, for want of a use in a chat template:
 * filesizeformat, pprint, random, striptags, urlize, wordwrap, xmlattr.
 */
final class Filters {
    static final Set<String> NAMES = Set.of(
            "abs",
            "attr",
            "batch",
            "capitalize",
            "center",
            "count",
            "d",
            "default",
            "dictsort",
            "e",
            "escape",
            "first",
            "float",
            "forceescape",
            "format",
            "groupby",
            "indent",
            "int",
            "items",
            "join",
            "last",
            "length",
            "list",
            "lower",
            "map",
            "max",
            "min",
            "reject",
            "rejectattr",
            "replace",
            "reverse",
            "round",
            "safe",
            "select",
            "selectattr",
            "slice",
            "sort",
            "string",
            "sum",
            "title",
            "tojson",
            "trim",
            "truncate",
            "unique",
            "upper",
            "urlencode",
            "wordcount");

    private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern WORD_BEGIN = Pattern.compile("(?<=[-\\s({\\[<])(?![-\\s({\\[<])");

    private final Members members;
    private final Budget budget;
    private final Tests tests;
    private final SequenceFilters sequences;

    Filters(Members members, Budget budget) {
        this.members = members;
        this.budget = budget;
        this.tests = new Tests(budget);
        this.sequences = new SequenceFilters(this, members, budget);
    }

    Tests tests() {
        return tests;
    }

    @Nullable
    Object apply(String name, @Nullable Object value, CallArguments arguments) {
        return switch (name) {
            case "tojson" -> Json.dump(value, arguments, budget);
            case "length", "count" -> none(name, arguments, Values.length(value));
            case "default", "d" -> {
                CallArguments.Bound bound = arguments.bind(name, 0, "default_value", "boolean");
                boolean replaced = value instanceof Undefined || (bound.flag(1) && !Values.truth(value));
                yield replaced ? bound.get(0, "") : value;
            }
            case "string" -> none(name, arguments, soft(value));
            case "safe" -> none(name, arguments, value instanceof Markup ? value : new Markup(Repr.str(value)));
            case "escape", "e" -> none(name, arguments, Markup.escape(value));
            case "forceescape" -> none(name, arguments, Markup.escape(Repr.str(value)));
            case "trim" -> text(value, "strip", arguments);
            case "upper", "lower", "capitalize" -> text(value, name, arguments);
            case "title" -> none(name, arguments, title(Repr.str(value)));
            case "center" -> {
                long width = arguments.bind(name, 0, "width").integer(0, 80);
                yield text(value, name, CallArguments.of(List.of(width)));
            }
            case "replace" -> replace(value, arguments.bind(name, 2, "old", "new", "count"));
            case "indent" -> indent(value, arguments.bind(name, 0, "width", "first", "blank"));
            case "truncate" -> truncate(value, arguments.bind(name, 0, "length", "killwords", "end", "leeway"));
            case "format" -> format(soft(value), arguments);
            case "wordcount" ->
                none(name, arguments, WORD.matcher(Repr.str(value)).results().count());
            case "urlencode" -> none(name, arguments, urlEncode(Repr.str(value)));
            case "int" -> {
                CallArguments.Bound bound = arguments.bind(name, 0, "default", "base");
                yield Conversions.toInteger(value, bound.get(0, 0L), Values.isText(value) ? bound.integer(1, 10) : 10);
            }
            case "float" ->
                Conversions.toFloat(value, arguments.bind(name, 0, "default").get(0, 0.0));
            case "round" -> Conversions.round(value, arguments.bind(name, 0, "precision", "method"));
            case "abs" -> none(name, arguments, absolute(value));
            case "attr" -> {
                String attribute = arguments.bind(name, 1, "name").text(0);
                yield value instanceof Map ? Undefined.member(value, attribute) : members.attribute(value, attribute);
            }
            default -> sequences.apply(name, value, arguments);
        };
    }

    private static Object none(String name, CallArguments arguments, Object result) {
        arguments.bind(name, 0);
        return result;
    }

    /** A string as it is, marked or not; anything else as it prints. */
    private static Object soft(@Nullable Object value) {
        return value != null && Values.isText(value) ? value : Repr.str(value);
    }

    private @Nullable Object text(@Nullable Object value, String method, CallArguments arguments) {
        return StringMethods.call(soft(value), method, arguments, budget);
    }

    private static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (String word : WORD_BEGIN.split(text)) {
            int first = word.isEmpty() ? 0 : word.offsetByCodePoints(0, 1);
            out.append(word.substring(0, first).toUpperCase(Locale.ROOT))
                    .append(word.substring(first).toLowerCase(Locale.ROOT));
        }
        return out.toString();
    }

    private Object replace(@Nullable Object value, CallArguments.Bound bound) {
        int count = bound.get(2) == null ? -1 : bound.integer(2, -1);
        return Strings.replace(Repr.str(value), Repr.str(bound.get(0)), Repr.str(bound.get(1)), count, budget);
    }

    private Object indent(@Nullable Object value, CallArguments.Bound bound) {
        String text = Values.text(value);
        String indentation =
                Values.isText(bound.get(0, 4L)) ? bound.text(0) : " ".repeat(Math.clamp(bound.integer(0, 4), 0, 1000));
        List<@Nullable Object> lines = Strings.lines(text + "\n", false);
        budget.text(text.length() + (long) lines.size() * indentation.length());
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.size(); i++) {
            String line = Values.text(lines.get(i));
            out.append(i > 0 ? "\n" : "");
            if (i == 0 ? bound.flag(1) : bound.flag(2) || !line.isEmpty()) {
                out.append(indentation);
            }
            out.append(line);
        }
        return value instanceof Markup ? new Markup(out.toString()) : out.toString();
    }

    private Object truncate(@Nullable Object value, CallArguments.Bound bound) {
        String text = value instanceof Undefined ? "" : Values.text(value);
        long length = bound.integer(0, 255);
        String end = bound.has(2) ? bound.text(2) : "...";
        long leeway = bound.get(3) == null ? 5 : bound.integer(3, 5);
        if (length < end.length()) {
            throw TemplateException.evaluation("expected length >= " + end.length() + ", got " + length);
        }
        if (Values.length(text) <= length + leeway) {
            return text;
        }
        String cut = Repr.str(Slices.slice(text, null, length - end.length(), null, budget));
        int space = bound.flag(1) ? -1 : cut.lastIndexOf(' ');
        return (space < 0 ? cut : cut.substring(0, space)) + end;
    }

    private Object format(Object value, CallArguments arguments) {
        if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
            throw TemplateException.evaluation("can't handle positional and keyword arguments at the same time");
        }
        Object values = arguments.named().isEmpty() ? new Tuple(arguments.positional()) : arguments.named();
        return value instanceof Markup markup
                ? PercentFormat.formatMarkup(markup, values, budget)
                : PercentFormat.format((String) value, values, budget);
    }

    private String urlEncode(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        budget.text(3L * bytes.length);
        StringBuilder out = new StringBuilder();
        for (byte b : bytes) {
            char c = (char) (b & 0xff);
            boolean plain = c < 128 && (Character.isLetterOrDigit(c) || "_.-~/".indexOf(c) >= 0);
            out.append(plain ? Character.toString(c) : String.format(Locale.ROOT, "%%%02X", (int) c));
        }
        return out.toString();
    }

    private static Object absolute(@Nullable Object value) {
        Operators.defined(value);
        if (value == null || !Numbers.isNumber(value)) {
            throw TemplateException.evaluation("bad operand type for abs(): '" + Values.typeName(value) + "'");
        }
        if (value instanceof Double d) {
            return Math.abs(d);
        }
        boolean negative = Numbers.compare(value, 0L) < 0;
        return Numbers.arithmetic(negative ? Expression.Operator.SUBTRACT : Expression.Operator.ADD, 0L, value);
    }
}
