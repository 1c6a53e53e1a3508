package io.vllmd.chat.template;

import io.vllmd.chat.template.Expression.Operator;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/** Python's numbers: bool (0 or 1), int as Long or, where that is too small, BigInteger, and float as Double. */
final class Numbers {
    /** Python has no bound; a chat template needs none beyond this. */
    private static final int MAX_BITS = 4096;

    private Numbers() {}

    static boolean isNumber(@Nullable Object value) {
        return value instanceof Number || value instanceof Boolean;
    }

    static boolean isInteger(@Nullable Object value) {
        return value instanceof Long || value instanceof BigInteger || value instanceof Boolean;
    }

    static Object shrink(BigInteger value) {
        if (value.bitLength() > MAX_BITS) {
            throw TemplateException.limit("an integer has more than " + MAX_BITS + " bits");
        }
        return value.bitLength() < 64 ? (Object) value.longValue() : value;
    }

    static double toDouble(Object number) {
        return number instanceof Boolean b ? (b ? 1 : 0) : ((Number) number).doubleValue();
    }

    private static BigInteger big(Object integer) {
        return integer instanceof BigInteger b ? b : BigInteger.valueOf(small(integer));
    }

    private static long small(Object integer) {
        return integer instanceof Boolean b ? (b ? 1 : 0) : (Long) integer;
    }

    /** An integer, as subscripts and counts need it. */
    static long toLong(@Nullable Object value) {
        return switch (value) {
            case Long l -> l;
            case Boolean b -> b ? 1 : 0;
            case BigInteger b -> b.signum() < 0 ? Long.MIN_VALUE / 2 : Long.MAX_VALUE / 2;
            case Undefined u -> throw u.failure();
            case null -> throw notIntegral(null);
            default -> throw notIntegral(value);
        };
    }

    private static TemplateException notIntegral(@Nullable Object value) {
        return TemplateException.evaluation(
                "'" + Values.typeName(value) + "' object cannot be interpreted as an integer");
    }

    /** An integer, cut to what an int holds. */
    static int index(@Nullable Object value) {
        return Math.clamp(toLong(value), Integer.MIN_VALUE, Integer.MAX_VALUE);
    }

    static boolean equal(Object a, Object b) {
        if (a instanceof Long x && b instanceof Long y) {
            return x.longValue() == y.longValue();
        }
        return (isInteger(a) && isInteger(b)) ? big(a).equals(big(b)) : toDouble(a) == toDouble(b);
    }

    static int compare(Object a, Object b) {
        if (a instanceof Long x && b instanceof Long y) {
            return Long.compare(x, y);
        }
        return (isInteger(a) && isInteger(b)) ? big(a).compareTo(big(b)) : Double.compare(toDouble(a), toDouble(b));
    }

    static Object arithmetic(Operator operator, Object a, Object b) {
        if (!isInteger(a) || !isInteger(b)) {
            return floats(operator, toDouble(a), toDouble(b));
        }
        if (operator == Operator.DIVIDE) {
            return floats(operator, toDouble(a), toDouble(b));
        }
        if (a instanceof BigInteger || b instanceof BigInteger || operator == Operator.POWER) {
            return bigs(operator, big(a), big(b));
        }
        long x = small(a);
        long y = small(b);
        return switch (operator) {
            case ADD -> {
                long sum = x + y;
                yield ((x ^ sum) & (y ^ sum)) < 0 ? bigs(operator, big(a), big(b)) : (Object) sum;
            }
            case SUBTRACT -> {
                long difference = x - y;
                yield ((x ^ y) & (x ^ difference)) < 0 ? bigs(operator, big(a), big(b)) : (Object) difference;
            }
            case FLOOR_DIVIDE -> y == 0 || y == -1 ? bigs(operator, big(a), big(b)) : (Object) Math.floorDiv(x, y);
            case MODULO -> y == 0 ? bigs(operator, big(a), big(b)) : (Object) Math.floorMod(x, y);
            default -> bigs(operator, big(a), big(b));
        };
    }

    private static Object bigs(Operator operator, BigInteger a, BigInteger b) {
        return switch (operator) {
            case ADD -> shrink(a.add(b));
            case SUBTRACT -> shrink(a.subtract(b));
            case MULTIPLY -> shrink(a.multiply(b));
            case FLOOR_DIVIDE -> shrink(floorDivide(a, b)[0]);
            case MODULO -> shrink(floorDivide(a, b)[1]);
            case POWER -> {
                if (b.signum() < 0) {
                    yield floats(operator, a.doubleValue(), b.doubleValue());
                }
                if (a.bitLength() > 1 && (b.bitLength() > 31 || (long) a.bitLength() * b.intValue() > MAX_BITS)) {
                    throw TemplateException.limit("an integer has more than " + MAX_BITS + " bits");
                }
                // 0, 1 and -1 stay small whatever the exponent; only its parity counts
                yield shrink(a.pow(a.bitLength() > 1 ? b.intValue() : powerOfUnit(b)));
            }
            default -> floats(operator, a.doubleValue(), b.doubleValue());
        };
    }

    private static int powerOfUnit(BigInteger exponent) {
        return exponent.signum() == 0 ? 0 : exponent.testBit(0) ? 1 : 2;
    }

    private static BigInteger[] floorDivide(BigInteger a, BigInteger b) {
        if (b.signum() == 0) {
            throw TemplateException.evaluation("integer division or modulo by zero");
        }
        BigInteger[] parts = a.divideAndRemainder(b);
        if (parts[1].signum() != 0 && parts[1].signum() != b.signum()) {
            return new BigInteger[] {parts[0].subtract(BigInteger.ONE), parts[1].add(b)};
        }
        return parts;
    }

    private static Object floats(Operator operator, double a, double b) {
        if (b == 0
                && (operator == Operator.DIVIDE || operator == Operator.FLOOR_DIVIDE || operator == Operator.MODULO)) {
            throw TemplateException.evaluation("division by zero");
        }
        return switch (operator) {
            case ADD -> a + b;
            case SUBTRACT -> a - b;
            case MULTIPLY -> a * b;
            case DIVIDE -> a / b;
            case FLOOR_DIVIDE -> Math.floor(a / b);
            case MODULO -> a - b * Math.floor(a / b);
            case POWER -> Math.pow(a, b);
        };
    }
}
