package io.vllmd.config.hf;

import io.vllmd.config.Problem;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A repository as people write it: {@code org/name}, or {@code org/name@revision}.
 *
 * @param id org/name, or the bare name of the few old repositories without an organisation
 * @param revision a branch, tag or commit, where one was given
 */
public record RepositoryName(String id, Optional<String> revision) {

    /** Longest id, as the hub has it. */
    private static final int MAX_ID = 96;

    private static final Pattern PART = Pattern.compile("[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?");
    private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+){0,4}");

    /**
     * @throws io.vllmd.config.ProblemException INVALID where it can be no repository of the hub, or its parts would
     *     name something else on disk
     */
    public static RepositoryName parse(String text) {
        int at = text.indexOf('@');
        String id = at < 0 ? text : text.substring(0, at);
        List<String> parts = List.of(id.split("/", -1));
        boolean valid = id.length() <= MAX_ID
                && parts.size() <= 2
                && parts.stream().allMatch(RepositoryName::isPart)
                && !id.contains("--");
        if (!valid) {
            throw refuse(
                    text,
                    "'" + shortened(text) + "' is no Hugging Face repository: expected org/name, of letters, digits,"
                            + " '.', '-' and '_', at most " + MAX_ID + " characters");
        }
        if (at < 0) {
            return new RepositoryName(id, Optional.empty());
        }
        String revision = text.substring(at + 1);
        if (revision.length() > 200 || !REVISION.matcher(revision).matches() || climbs(revision)) {
            throw refuse(
                    text,
                    "'" + shortened(revision) + "' is no revision: expected a branch, a tag or a commit after the '@'");
        }
        return new RepositoryName(id, Optional.of(revision));
    }

    private static boolean isPart(String part) {
        return PART.matcher(part).matches() && !part.contains("..");
    }

    private static boolean climbs(String revision) {
        return List.of(revision.split("/", -1)).stream().anyMatch(part -> part.equals(".") || part.contains(".."));
    }

    private static RuntimeException refuse(String subject, String message) {
        return Problem.of(Problem.Kind.INVALID, message, shortened(subject)).asException();
    }

    private static String shortened(String text) {
        return text.length() <= 120 ? text : text.substring(0, 120) + "…";
    }

    /** The folder that holds it in a cache. */
    String folderName() {
        return "models--" + id.replace("/", "--");
    }

    @Override
    public String toString() {
        return revision.map(r -> id + "@" + r).orElse(id);
    }
}
