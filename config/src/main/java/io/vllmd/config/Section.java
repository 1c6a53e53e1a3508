package io.vllmd.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.math.BigInteger;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads the typed values of one section. A value that is no good becomes a complaint with its origin and the
 * reference's stands in for it, so that reading goes on and all faults are told together.
 */
final class Section {
    private final Config values;
    private final Config reference;
    private final Complaints complaints;
    private final String path;

    Section(Config values, Config reference, Complaints complaints) {
        this(values, reference, complaints, "");
    }

    private Section(Config values, Config reference, Complaints complaints, String path) {
        this.values = values;
        this.reference = reference;
        this.complaints = complaints;
        this.path = path;
    }

    Section section(String name) {
        String key = ConfigUtil.joinPath(name);
        // A profile of the user is in no reference; over() then puts one below it.
        Config below = reference.hasPath(key) ? reference.getConfig(key) : ConfigFactory.empty();
        return new Section(values.getConfig(key), below, complaints, path + name + ".");
    }

    /** This section with another below it: what this one does not say, that one does. */
    Section over(Section defaults) {
        return new Section(
                values.withFallback(defaults.values), reference.withFallback(defaults.reference), complaints, path);
    }

    Set<String> names() {
        return values.root().keySet();
    }

    String text(String name) {
        return read(name, "text", c -> c.getString(name), v -> true);
    }

    boolean flag(String name) {
        return read(name, "true or false", c -> c.getBoolean(name), v -> true);
    }

    int integer(String name, int least, int most) {
        return read(name, whole(least, most), c -> c.getDouble(name), v -> isWhole(v, least, most))
                .intValue();
    }

    @Nullable
    Integer integerOrNone(String name, int least, int most) {
        Double value = readOrNone(
                name, whole(least, most) + ", or none", c -> c.getDouble(name), v -> isWhole(v, least, most));
        return value == null ? null : Integer.valueOf(value.intValue());
    }

    /** One of these whole numbers, or none. */
    @Nullable
    Integer oneOfOrNone(String name, List<Integer> choices) {
        String expected = "one of " + choices.stream().map(String::valueOf).collect(Collectors.joining(", "));
        Double value = readOrNone(
                name,
                expected + ", or none",
                c -> c.getDouble(name),
                v -> choices.stream().anyMatch(choice -> choice == v.doubleValue()));
        return value == null ? null : Integer.valueOf(value.intValue());
    }

    double number(String name, double least, double most) {
        return read(name, "a number" + range(least, most), c -> c.getDouble(name), v -> v >= least && v <= most);
    }

    @Nullable
    Double numberOrNone(String name, double least, double most) {
        return readOrNone(
                name,
                "a number" + range(least, most) + ", or none",
                c -> c.getDouble(name),
                v -> v >= least && v <= most);
    }

    /** Bytes. */
    int size(String name, int least, int most) {
        return (int) bytes(name, least, most);
    }

    /** Bytes, more than an int holds. */
    long bytes(String name, long least, long most) {
        return read(
                        name,
                        "a size" + bytesRange(least, most),
                        c -> c.getMemorySize(name).toBytesBigInteger(),
                        v -> isBetween(v, least, most))
                .longValue();
    }

    /** The same or null for auto. */
    @Nullable
    Long bytesOrAuto(String name, long least, long most) {
        Optional<BigInteger> value = read(
                name,
                "auto, or a size" + bytesRange(least, most),
                c -> "auto".equals(c.getValue(name).unwrapped())
                        ? Optional.empty()
                        : Optional.of(c.getMemorySize(name).toBytesBigInteger()),
                v -> v.isEmpty() || isBetween(v.get(), least, most));
        return value.isEmpty() ? null : Long.valueOf(value.get().longValue());
    }

    private static String bytesRange(long least, long most) {
        return " of " + least + " to " + most + " bytes";
    }

    private static boolean isBetween(BigInteger value, long least, long most) {
        return value.compareTo(BigInteger.valueOf(least)) >= 0 && value.compareTo(BigInteger.valueOf(most)) <= 0;
    }

    Duration duration(String name, Duration least, Duration most) {
        return read(name, "a time" + range(least, most), c -> c.getDuration(name), v -> isBetween(v, least, most));
    }

    @Nullable
    Duration durationOrNone(String name, Duration least, Duration most) {
        return readOrNone(
                name,
                "a time" + range(least, most) + ", or none",
                c -> c.getDuration(name),
                v -> isBetween(v, least, most));
    }

    List<String> texts(String name) {
        return read(
                name,
                "a list of texts",
                c -> List.copyOf(c.getStringList(name)),
                v -> v.stream().noneMatch(String::isBlank));
    }

    Map<String, String> textMap(String name) {
        return read(name, "a map of texts", c -> texts(c.getConfig(name)), v -> true);
    }

    <E extends Enum<E>> E choice(String name, Class<E> type) {
        var byName = Arrays.stream(type.getEnumConstants())
                .collect(Collectors.toMap(
                        e -> e.name().toLowerCase(Locale.ROOT).replace('_', '-'),
                        e -> e,
                        (a, b) -> a,
                        LinkedHashMap::new));
        String expected = "one of " + String.join(", ", byName.keySet());
        String value =
                read(name, expected, c -> c.getString(name).toLowerCase(Locale.ROOT), v -> byName.containsKey(v));
        return Objects.requireNonNull(byName.get(value));
    }

    private <T> T read(String name, String expected, Function<Config, T> read, Predicate<T> fits) {
        T value = readOrComplain(name, expected, read, fits);
        return value != null ? value : read.apply(reference);
    }

    private <T> @Nullable T readOrNone(String name, String expected, Function<Config, T> read, Predicate<T> fits) {
        return isNone(given(name)) ? null : readOrComplain(name, expected, read, fits);
    }

    private <T> @Nullable T readOrComplain(String name, String expected, Function<Config, T> read, Predicate<T> fits) {
        try {
            T value = read.apply(values);
            if (fits.test(value)) {
                return value;
            }
        } catch (ConfigException.WrongType | ConfigException.BadValue | ConfigException.Null e) {
            // Told below, with the value and its origin.
        }
        ConfigValue given = given(name);
        complaints.add(
                path + name,
                given.origin().description() + ": " + path + name + " is " + given.render(ConfigRenderOptions.concise())
                        + "; it takes " + expected + ".");
        return null;
    }

    private ConfigValue given(String name) {
        return Objects.requireNonNull(values.root().get(name), () -> path + name + " is not in reference.conf");
    }

    private static boolean isNone(ConfigValue value) {
        return value.valueType() == ConfigValueType.NULL || "none".equals(value.unwrapped());
    }

    private static Map<String, String> texts(Config map) {
        var texts = new LinkedHashMap<String, String>();
        for (String key : map.root().keySet()) {
            texts.put(key, map.getString(ConfigUtil.joinPath(key)));
        }
        return Map.copyOf(texts);
    }

    private static boolean isWhole(double value, int least, int most) {
        return value == Math.rint(value) && value >= least && value <= most;
    }

    private static boolean isBetween(Duration value, Duration least, Duration most) {
        return value.compareTo(least) >= 0 && value.compareTo(most) <= 0;
    }

    private static String whole(int least, int most) {
        return "a whole number from " + least + " to " + most;
    }

    private static String range(double least, double most) {
        String from = least == Double.MIN_VALUE ? "above 0" : "from " + plain(least);
        return " " + from + " to " + plain(most);
    }

    private static String range(Duration least, Duration most) {
        return " from " + plain(least) + " to " + plain(most);
    }

    private static String plain(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }

    private static String plain(Duration value) {
        return value.toMillis() % 1000 == 0 ? value.toSeconds() + "s" : value.toMillis() + "ms";
    }
}
