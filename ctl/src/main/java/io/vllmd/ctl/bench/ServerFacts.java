package io.vllmd.ctl.bench;

import io.vllmd.config.Problem;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Who answers. */
public record ServerFacts(String url, String model) {
    private static final Pattern ID = Pattern.compile("\"id\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)+)\"");

    /**
     * The target with a model: its own where it has one, else the first that the server names.
     *
     * @throws io.vllmd.config.ProblemException UNAVAILABLE where nobody answers, NOT_FOUND where it names no model
     */
    static Target settle(Target target, Driver driver) {
        if (!target.model().isEmpty()) {
            return target;
        }
        Answer answer = driver.run(
                        List.of(new Request(target, target.get("/models"), Request.Kind.WHOLE)), 1, Duration.ZERO)
                .getFirst();
        Failure failure = answer.failure();
        if (failure != null) {
            throw Problem.of(
                            Problem.Kind.UNAVAILABLE,
                            "Nothing can be measured at " + target.base() + ": " + failure.detail()
                                    + ". Start the server, or give another --url.",
                            "url")
                    .asException();
        }
        Matcher id = ID.matcher(answer.text());
        if (!id.find()) {
            throw Problem.of(
                            Problem.Kind.NOT_FOUND,
                            target.base() + " names no model. Load one, or say which: --model NAME.",
                            "model")
                    .asException();
        }
        return target.withModel(id.group(1));
    }

    Map<String, Object> tree() {
        var tree = new LinkedHashMap<String, Object>();
        tree.put("url", url);
        tree.put("model", model);
        return tree;
    }
}
