package io.vllmd.chat.template;

/**
 * A value that is missing: prints as nothing, is false, iterates as empty, and fails with its message on any other
 * use.
 */
record Undefined(String message) {

    static Undefined variable(String name) {
        return new Undefined("'" + name + "' is undefined");
    }

    /** What a failed look-up in a value gives; Jinja's words. */
    static Undefined member(@org.jspecify.annotations.Nullable Object owner, Object key) {
        String type = owner == null ? "None" : Values.typeName(owner) + " object";
        return key instanceof String || key instanceof Markup
                ? new Undefined("'" + type + "' has no attribute '" + key + "'")
                : new Undefined(type + " has no element " + Repr.of(key));
    }

    TemplateException failure() {
        return TemplateException.evaluation(message);
    }
}
