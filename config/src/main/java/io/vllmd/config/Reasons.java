package io.vllmd.config;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.List;

/** Why a file could not be used, in words for a person: what libraries say is meant for those who program with them. */
public final class Reasons {
    /** Where a JSON parser begins to speak of its own settings and sources. */
    private static final List<String> PARSER_ASIDES = List.of(
            ": was expecting",
            " (start marker at",
            ": enable `",
            ", from `StreamReadConstraints",
            ": maybe a (non-standard)",
            " (not recognized");

    private Reasons() {}

    /** What the disk refused. The message of many exceptions is the file's name and nothing else. */
    public static String of(IOException failure) {
        return switch (failure) {
            case AccessDeniedException e -> e.getFile() + ": permission denied";
            case NoSuchFileException e -> e.getFile() + " does not exist";
            case NotDirectoryException e -> e.getFile() + " is no folder";
            case FileAlreadyExistsException e -> e.getFile() + " is there already and is no folder";
            case FileSystemLoopException e -> e.getFile() + " links to itself";
            case FileSystemException e ->
                e.getReason() == null ? String.valueOf(e.getMessage()) : e.getFile() + ": " + e.getReason();
            default -> String.valueOf(failure.getMessage());
        };
    }

    /** The first sentence of a JSON parser's words, without what follows about its own configuration. */
    public static String ofParser(String message) {
        String line = message.lines().findFirst().orElse("it cannot be read");
        int end = line.length();
        for (String aside : PARSER_ASIDES) {
            int at = line.indexOf(aside);
            if (at > 0) {
                end = Math.min(end, at);
            }
        }
        String cut = line.substring(0, end);
        // What a parenthesis held may have been cut in the middle.
        if (cut.chars().filter(c -> c == '(').count()
                > cut.chars().filter(c -> c == ')').count()) {
            cut += ")";
        }
        return cut.length() > 200 ? cut.substring(0, 200) + "…" : cut;
    }
}
