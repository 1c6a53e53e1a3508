package io.vllmd.chat.template;

/** A chat template did not render. {@link #kind} tells whose fault it is. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Who has to change something. */
    public enum Kind {
        /** The template called {@code raise_exception}: it does not accept this conversation. */
        REFUSED,
        /** The template's text is not valid Jinja. */
        SYNTAX,
        /** The template did something that fails in Python: used a missing value, added text to none. */
        EVALUATION,
        /** Rendering would pass a bound on work, memory or nesting. */
        LIMIT
    }

    private final Kind kind;
    private final String reason;
    private final int line;

    private TemplateException(Kind kind, String reason, int line) {
        super(line > 0 && kind != Kind.REFUSED ? reason + " (template line " + line + ")" : reason);
        this.kind = kind;
        this.reason = reason;
        this.line = line;
    }

    static TemplateException refused(String message) {
        return new TemplateException(Kind.REFUSED, message, 0);
    }

    static TemplateException syntax(String reason, int line) {
        return new TemplateException(Kind.SYNTAX, reason, line);
    }

    static TemplateException evaluation(String reason) {
        return new TemplateException(Kind.EVALUATION, reason, 0);
    }

    static TemplateException limit(String reason) {
        return new TemplateException(Kind.LIMIT, reason, 0);
    }

    public Kind kind() {
        return kind;
    }

    /** The message without the line; for {@link Kind#REFUSED} exactly what the template said. */
    public String reason() {
        return reason;
    }

    /** The template's line, counted from 1, or 0 where it is not known. */
    public int line() {
        return line;
    }

    /** This failure with a line, unless it has one. */
    TemplateException at(int where) {
        if (line > 0 || where <= 0) {
            return this;
        }
        TemplateException located = new TemplateException(kind, reason, where);
        located.setStackTrace(getStackTrace());
        return located;
    }
}
