package io.vllmd.chat.template;

import org.jspecify.annotations.Nullable;

/** What a template can call: a macro, a method of a value, a global function. */
@FunctionalInterface
interface Callable {
    @Nullable
    Object call(CallArguments arguments);
}
