package io.vllmd.chat.output;

/** A piece of an answer, in order. Concatenated per kind, pieces give the whole answer byte for byte. */
public sealed interface OutputEvent {

    /** Text of the answer; never empty, never a broken character. */
    record Text(String text) implements OutputEvent {}

    /** Text that the model thought before or between; never empty. */
    record Reasoning(String text) implements OutputEvent {}
}
