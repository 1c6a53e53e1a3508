package io.vllmd.hub;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * Which files of a folder hold its weights.
 *
 * @param files the shards, or the one file
 * @param index the file of each tensor where {@code model.safetensors.index.json} says so, else empty
 */
record WeightFiles(List<Path> files, Map<String, Path> index) {
    private static final String INDEX = "model.safetensors.index.json";
    private static final String SUFFIX = ".safetensors";

    /**
     * @throws ProblemException INVALID where there are none, the index is none, or a shard is missing
     */
    static WeightFiles of(Path folder) throws IOException {
        Path index = folder.resolve(INDEX);
        if (Files.isRegularFile(index)) {
            return indexed(folder, index);
        }
        List<String> names = names(folder);
        List<Path> files = names.stream()
                .filter(name -> name.startsWith("model") && name.endsWith(SUFFIX))
                .map(folder::resolve)
                .toList();
        if (files.isEmpty()) {
            throw none(folder, names);
        }
        return new WeightFiles(files, Map.of());
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(Files::isRegularFile)
                    .map(entry -> String.valueOf(entry.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    private static ProblemException none(Path folder, List<String> names) {
        List<String> others = names.stream()
                .filter(name -> name.matches("(?i).*\\.(bin|gguf|pt|pth|npz|onnx|safetensors)"))
                .toList();
        String found = others.isEmpty()
                ? "has no weights"
                : "has its weights in " + String.join(", ", others.subList(0, Math.min(5, others.size())))
                        + (others.size() > 5 ? ", …" : "") + ", which vllmd does not read";
        return Problem.of(
                        Problem.Kind.INVALID,
                        "The model folder " + folder + " " + found + ". Expected model.safetensors, or shards with "
                                + INDEX + ".",
                        folder.toString())
                .asException();
    }

    private static WeightFiles indexed(Path folder, Path index) {
        JsonNode map = JsonFile.readObject(index).path("weight_map");
        if (!map.isObject() || map.isEmpty()) {
            throw bad(index, "has no weight_map that tells the file of each tensor");
        }
        Map<String, Path> files = new LinkedHashMap<>();
        Set<Path> shards = new LinkedHashSet<>();
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            JsonNode file = entry.getValue();
            if (!file.isString() || !isPlainName(file.stringValue())) {
                throw bad(
                        index,
                        "puts tensor " + entry.getKey() + " into " + file
                                + ", which is no name of a .safetensors file in this folder");
            }
            Path shard = folder.resolve(file.stringValue());
            files.put(entry.getKey(), shard);
            shards.add(shard);
        }
        List<String> missing = new ArrayList<>();
        for (Path shard : shards) {
            if (!Files.isRegularFile(shard)) {
                missing.add(String.valueOf(shard.getFileName()));
            }
        }
        if (!missing.isEmpty()) {
            throw bad(
                    index,
                    "names " + missing.size() + " of " + shards.size() + " weight files that are not there: "
                            + String.join(", ", missing.subList(0, Math.min(5, missing.size())))
                            + ". Is the download complete?");
        }
        return new WeightFiles(List.copyOf(shards), files);
    }

    private static boolean isPlainName(String name) {
        return name.endsWith(SUFFIX)
                && name.length() <= 255
                && name.chars().noneMatch(c -> c == '/' || c == '\\' || c < 0x20)
                && !name.startsWith(".");
    }

    private static ProblemException bad(Path index, String what) {
        return Problem.of(Problem.Kind.INVALID, index + " " + what, index.toString())
                .asException();
    }
}
