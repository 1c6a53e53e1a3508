package io.vllmd.chat.template;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The filters that work on items. Those that are generators in Python are generators here. */
final class SequenceFilters {
    private final Filters filters;
    private final Members members;
    private final Budget budget;

    SequenceFilters(Filters filters, Members members, Budget budget) {
        this.filters = filters;
        this.members = members;
        this.budget = budget;
    }

    @Nullable
    Object apply(String name, @Nullable Object value, CallArguments arguments) {
        return switch (name) {
            case "items" -> lazily(name, arguments, () -> dictItems(value));
            case "list" -> {
                arguments.bind(name, 0);
                List<@Nullable Object> items = Values.items(value, budget);
                budget.elements(items.size());
                yield new ArrayList<>(items);
            }
            case "join" -> join(value, arguments.bind(name, 0, "d", "attribute"));
            case "first" -> first(value, arguments);
            case "last" -> last(value, arguments);
            case "reverse" -> reverse(value, arguments);
            case "sort" -> sort(value, arguments.bind(name, 0, "reverse", "case_sensitive", "attribute"));
            case "dictsort" -> dictSort(value, arguments.bind(name, 0, "case_sensitive", "by", "reverse"));
            case "unique" -> {
                CallArguments.Bound bound = arguments.bind(name, 0, "case_sensitive", "attribute");
                yield new Generator(() -> unique(value, bound).iterator());
            }
            case "min", "max" -> extreme(name, value, arguments.bind(name, 0, "case_sensitive", "attribute"));
            case "sum" -> sum(value, arguments.bind(name, 0, "attribute", "start"));
            case "map" -> new Generator(() -> map(value, arguments));
            case "select", "reject", "selectattr", "rejectattr" -> new Generator(() -> select(name, value, arguments));
            case "groupby" -> groupBy(value, arguments.bind(name, 1, "attribute", "default", "case_sensitive"));
            case "batch" -> {
                CallArguments.Bound bound = arguments.bind(name, 1, "linecount", "fill_with");
                yield new Generator(() -> batch(value, bound).iterator());
            }
            case "slice" -> {
                CallArguments.Bound bound = arguments.bind(name, 1, "slices", "fill_with");
                yield new Generator(() -> slice(value, bound).iterator());
            }
            default -> throw TemplateException.evaluation("No filter named '" + name + "' found.");
        };
    }

    private static Generator lazily(
            String name, CallArguments arguments, java.util.function.Supplier<List<@Nullable Object>> items) {
        arguments.bind(name, 0);
        return new Generator(() -> items.get().iterator());
    }

    private static List<@Nullable Object> dictItems(@Nullable Object value) {
        if (value instanceof Undefined) {
            return List.of();
        }
        if (value instanceof Map<?, ?> dict) {
            return new DictView(DictView.Kind.ITEMS, dict).list();
        }
        throw TemplateException.evaluation("Can only get item pairs from a mapping.");
    }

    /** How a filter reads the attribute it was given from an item; the item itself where there is none. */
    private Function<@Nullable Object, @Nullable Object> getter(@Nullable Object attribute) {
        if (attribute == null) {
            return item -> item;
        }
        if (!Values.isText(attribute)) {
            return item -> members.item(item, attribute);
        }
        String[] path = Values.text(attribute).split("\\.", -1);
        return item -> {
            Object value = item;
            for (String part : path) {
                boolean index =
                        !part.isEmpty() && part.length() < 10 && part.chars().allMatch(Character::isDigit);
                value = members.item(value, index ? (Object) Long.parseLong(part) : part);
            }
            return value;
        };
    }

    private static @Nullable Object fold(@Nullable Object value, boolean caseSensitive) {
        return !caseSensitive && value != null && Values.isText(value)
                ? Values.text(value).toLowerCase(Locale.ROOT)
                : value;
    }

    private String join(@Nullable Object value, CallArguments.Bound bound) {
        String separator = bound.has(0) ? Repr.str(bound.get(0)) : "";
        Function<@Nullable Object, @Nullable Object> getter = getter(bound.get(1));
        List<@Nullable Object> texts = new ArrayList<>();
        for (Object item : Values.items(value, budget)) {
            texts.add(Repr.str(getter.apply(item)));
        }
        return StringMethods.join(separator, texts, false, budget);
    }

    private @Nullable Object first(@Nullable Object value, CallArguments arguments) {
        arguments.bind("first", 0);
        Iterator<?> items = value instanceof Generator generator
                ? generator.iterator()
                : Values.items(value, budget).iterator();
        return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
    }

    private @Nullable Object last(@Nullable Object value, CallArguments arguments) {
        arguments.bind("last", 0);
        if (value instanceof Generator) {
            throw TemplateException.evaluation("'generator' object is not reversible");
        }
        List<@Nullable Object> items = Values.items(value, budget);
        return items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.getLast();
    }

    private Object reverse(@Nullable Object value, CallArguments arguments) {
        arguments.bind("reverse", 0);
        if (value instanceof String text) {
            budget.text(text.length());
            return new StringBuilder(text).reverse().toString();
        }
        if (value instanceof Markup markup) {
            return new Markup(new StringBuilder(markup.text()).reverse().toString());
        }
        List<@Nullable Object> reversed =
                new ArrayList<>(Values.items(value, budget).reversed());
        return value instanceof Generator ? reversed : new Generator(reversed::iterator);
    }

    private List<@Nullable Object> sort(@Nullable Object value, CallArguments.Bound bound) {
        List<@Nullable Object> items = new ArrayList<>(Values.items(value, budget));
        List<Function<@Nullable Object, @Nullable Object>> getters = new ArrayList<>();
        if (bound.get(2) instanceof String several) {
            for (String attribute : several.split(",", -1)) {
                getters.add(getter(attribute));
            }
        } else {
            getters.add(getter(bound.get(2)));
        }
        boolean caseSensitive = bound.flag(1);
        Comparator<@Nullable Object> order = (a, b) -> {
            budget.step();
            int result = 0;
            for (int i = 0; i < getters.size() && result == 0; i++) {
                Object left = fold(getters.get(i).apply(a), caseSensitive);
                Object right = fold(getters.get(i).apply(b), caseSensitive);
                result = Operators.compare(left, right, Expression.Relation.LESS);
            }
            return result;
        };
        sorted(items, bound.flag(0) ? order.reversed() : order);
        return items;
    }

    private static void sorted(List<@Nullable Object> items, Comparator<@Nullable Object> order) {
        try {
            items.sort(order);
        } catch (IllegalArgumentException e) {
            // NaN, which is neither less nor greater, can make an order that contradicts itself
            throw TemplateException.evaluation("the items to sort have no consistent order");
        }
    }

    private static List<@Nullable Object> dictSort(@Nullable Object value, CallArguments.Bound bound) {
        if (!(value instanceof Map<?, ?> dict)) {
            Operators.defined(value);
            throw TemplateException.evaluation("'" + Values.typeName(value) + "' object has no attribute 'items'");
        }
        int by = switch (Repr.str(bound.get(1, "key"))) {
            case "key" -> 0;
            case "value" -> 1;
            default -> throw TemplateException.evaluation("You can only sort by either \"key\" or \"value\"");
        };
        boolean caseSensitive = bound.flag(0);
        List<@Nullable Object> items = new DictView(DictView.Kind.ITEMS, dict).list();
        Comparator<@Nullable Object> order = Comparator.comparing(
                item -> fold(item instanceof Tuple pair ? pair.get(by) : null, caseSensitive),
                (a, b) -> Operators.compare(a, b, Expression.Relation.LESS));
        sorted(items, bound.flag(2) ? order.reversed() : order);
        return items;
    }

    private List<@Nullable Object> unique(@Nullable Object value, CallArguments.Bound bound) {
        Function<@Nullable Object, @Nullable Object> getter = getter(bound.get(1));
        Set<@Nullable Object> seen = new HashSet<>();
        List<@Nullable Object> kept = new ArrayList<>();
        for (Object item : Values.items(value, budget)) {
            if (seen.add(Values.key(fold(getter.apply(item), bound.flag(0))))) {
                kept.add(item);
            }
        }
        return kept;
    }

    private @Nullable Object extreme(String name, @Nullable Object value, CallArguments.Bound bound) {
        Function<@Nullable Object, @Nullable Object> getter = getter(bound.get(1));
        List<@Nullable Object> items = Values.items(value, budget);
        if (items.isEmpty()) {
            return new Undefined("No aggregated item, sequence was empty.");
        }
        boolean least = name.equals("min");
        Object best = items.getFirst();
        for (Object item : items.subList(1, items.size())) {
            Object a = fold(getter.apply(item), bound.flag(0));
            Object b = fold(getter.apply(best), bound.flag(0));
            int order = Operators.compare(a, b, least ? Expression.Relation.LESS : Expression.Relation.GREATER);
            best = least ? (order < 0 ? item : best) : (order > 0 ? item : best);
        }
        return best;
    }

    private @Nullable Object sum(@Nullable Object value, CallArguments.Bound bound) {
        Function<@Nullable Object, @Nullable Object> getter = getter(bound.get(0));
        Object sum = bound.get(1, 0L);
        for (Object item : Values.items(value, budget)) {
            sum = Operators.arithmetic(Expression.Operator.ADD, sum, getter.apply(item), budget);
        }
        return sum;
    }

    private Iterator<?> map(@Nullable Object value, CallArguments arguments) {
        if (!Values.truth(value)) {
            return List.of().iterator();
        }
        Function<@Nullable Object, @Nullable Object> function;
        if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
            CallArguments.Bound bound = arguments.bind("map", 0, "attribute", "default");
            Function<@Nullable Object, @Nullable Object> getter = getter(bound.get(0));
            Object otherwise = bound.get(1);
            function = item -> {
                Object result = getter.apply(item);
                return otherwise != null && result instanceof Undefined ? otherwise : result;
            };
        } else if (arguments.positional().isEmpty()) {
            throw TemplateException.evaluation("map requires a filter argument");
        } else {
            String filter = Repr.str(arguments.positional().getFirst());
            CallArguments rest = rest(arguments, 1);
            function = item -> filters.apply(filter, item, rest);
        }
        return Values.items(value, budget).stream().map(function).iterator();
    }

    private static CallArguments rest(CallArguments arguments, int from) {
        List<@Nullable Object> positional = arguments.positional();
        return new CallArguments(positional.subList(from, positional.size()), arguments.named());
    }

    private Iterator<?> select(String name, @Nullable Object value, CallArguments arguments) {
        if (!Values.truth(value)) {
            return List.of().iterator();
        }
        boolean byAttribute = name.endsWith("attr");
        boolean wanted = name.startsWith("select");
        List<@Nullable Object> positional = arguments.positional();
        if (byAttribute && positional.isEmpty()) {
            throw TemplateException.evaluation("Missing parameter for attribute name");
        }
        Function<@Nullable Object, @Nullable Object> getter = getter(byAttribute ? positional.getFirst() : null);
        int at = byAttribute ? 1 : 0;
        if (positional.size() <= at) {
            return Values.items(value, budget).stream()
                    .filter(item -> Values.truth(getter.apply(item)) == wanted)
                    .iterator();
        }
        String test = Repr.str(positional.get(at));
        CallArguments rest = rest(arguments, at + 1);
        return Values.items(value, budget).stream()
                .filter(item -> filters.tests().holds(test, getter.apply(item), rest) == wanted)
                .iterator();
    }

    private List<@Nullable Object> groupBy(@Nullable Object value, CallArguments.Bound bound) {
        Function<@Nullable Object, @Nullable Object> getter = getter(bound.get(0));
        Map<@Nullable Object, Tuple> groups = new LinkedHashMap<>();
        List<@Nullable Object> items = new ArrayList<>(Values.items(value, budget));
        Function<@Nullable Object, @Nullable Object> key = item -> {
            Object read = getter.apply(item);
            return read instanceof Undefined && bound.get(1) != null ? bound.get(1) : read;
        };
        sorted(items, (a, b) -> {
            budget.step();
            return Operators.compare(
                    fold(key.apply(a), bound.flag(2)), fold(key.apply(b), bound.flag(2)), Expression.Relation.LESS);
        });
        Map<@Nullable Object, List<@Nullable Object>> members = new LinkedHashMap<>();
        for (Object item : items) {
            Object grouper = key.apply(item);
            Object group = Values.key(fold(grouper, bound.flag(2)));
            List<@Nullable Object> list = members.computeIfAbsent(group, g -> new ArrayList<>());
            list.add(item);
            groups.putIfAbsent(group, Tuple.of(grouper, list));
        }
        List<@Nullable Object> result = new ArrayList<>();
        groups.values().forEach(pair -> result.add(new Tuple(pair, List.of("grouper", "list"))));
        return result;
    }

    private List<@Nullable Object> batch(@Nullable Object value, CallArguments.Bound bound) {
        int size = Math.max(1, bound.integer(0, 1));
        List<@Nullable Object> rows = new ArrayList<>();
        List<@Nullable Object> items = Values.items(value, budget);
        for (int i = 0; i < items.size(); i += size) {
            List<@Nullable Object> row = new ArrayList<>(items.subList(i, Math.min(items.size() - i, size) + i));
            while (bound.get(1) != null && row.size() < size) {
                budget.elements(1);
                row.add(bound.get(1));
            }
            rows.add(row);
            if (items.size() - i <= size) {
                break;
            }
        }
        return rows;
    }

    private List<@Nullable Object> slice(@Nullable Object value, CallArguments.Bound bound) {
        List<@Nullable Object> items = Values.items(value, budget);
        int slices = bound.integer(0, 1);
        if (slices <= 0) {
            throw TemplateException.evaluation("integer division or modulo by zero");
        }
        budget.elements(slices);
        List<@Nullable Object> result = new ArrayList<>();
        int at = 0;
        for (int i = 0; i < slices; i++) {
            boolean longer = i < items.size() % slices;
            int end = at + items.size() / slices + (longer ? 1 : 0);
            List<@Nullable Object> part = new ArrayList<>(items.subList(at, end));
            if (!longer && bound.get(1) != null) {
                part.add(bound.get(1));
            }
            result.add(part);
            at = end;
        }
        return result;
    }
}
