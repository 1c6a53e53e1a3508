package io.vllmd.chat.template;

/**
 * One piece of a template's text.
 *
 * @param text what it says: the data, the name, the string's value, the number's digits, the operator
 * @param line where it begins, counted from 1
 */
record Token(Kind kind, String text, int line) {

    enum Kind {
        DATA("text"),
        OUTPUT_BEGIN("'{{'"),
        OUTPUT_END("'}}'"),
        TAG_BEGIN("'{%'"),
        TAG_END("'%}'"),
        NAME("a name"),
        STRING("a string"),
        INTEGER("an integer"),
        FLOAT("a number"),
        OPERATOR("an operator"),
        END("the end of the template");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        String words() {
            return words;
        }
    }

    boolean isOperator(String operator) {
        return kind == Kind.OPERATOR && text.equals(operator);
    }

    boolean isName(String name) {
        return kind == Kind.NAME && text.equals(name);
    }

    /** How to call it in an error message. */
    String words() {
        return switch (kind) {
            case NAME, OPERATOR, INTEGER, FLOAT -> "'" + text + "'";
            default -> kind.words();
        };
    }
}
