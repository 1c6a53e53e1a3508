package io.vllmd.hub;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.hf.HuggingFaceCache;
import io.vllmd.mlx.MlxException;
import io.vllmd.mlx.Safetensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A model on disk: config.json, and weights in safetensors files whose headers have been read and checked. Nothing in
 * it is ever executed. For any thread; the owner closes it once the weights are loaded.
 */
public final class ModelFolder implements AutoCloseable {
    private final Path root;
    private final JsonNode config;
    private final List<Safetensors> files;
    private final Map<String, Entry> tensors;

    private ModelFolder(Path root, JsonNode config, List<Safetensors> files, Map<String, Entry> tensors) {
        this.root = root;
        this.config = config;
        this.files = files;
        this.tensors = tensors;
    }

    /** A tensor and the file that it lies in. */
    public record Entry(Safetensors file, Safetensors.Tensor tensor) {

        /**
         * Copies its bytes as they are in the file.
         *
         * @param into off-heap memory of exactly {@code tensor.nbytes()}
         * @throws MlxException where the file has changed since it was opened, or cannot be read
         */
        public void read(MemorySegment into) {
            file.read(tensor, into);
        }
    }

    /**
     * Opens what a person names: a folder, or a repository in the Hugging Face cache.
     *
     * @param pathOrId a folder, absolute, relative or under {@code ~}; or org/name, org/name@revision
     * @param environment where HOME and the variables of {@link HuggingFaceCache} are looked up
     * @throws ProblemException NOT_FOUND telling where it was looked for; otherwise as {@link #open}
     */
    public static ModelFolder resolve(String pathOrId, Map<String, String> environment) {
        Optional<Path> folder = asPath(pathOrId, environment);
        if (folder.isPresent() && Files.exists(folder.get())) {
            return open(folder.get());
        }
        boolean isPath = pathOrId.isEmpty()
                || pathOrId.startsWith("/")
                || pathOrId.startsWith(".")
                || pathOrId.startsWith("~")
                || pathOrId.chars().filter(c -> c == '/').count() > 1;
        if (isPath) {
            throw notFound(folder.map(Path::toString).orElse(pathOrId));
        }
        return open(HuggingFaceCache.of(environment).resolve(pathOrId));
    }

    /** What a person names as a path, in full; empty where no path can be spelt so. */
    public static Optional<Path> asPath(String text, Map<String, String> environment) {
        String home = environment.getOrDefault("HOME", "");
        boolean inHome = !home.isBlank() && (text.equals("~") || text.startsWith("~/"));
        try {
            return Optional.of(Path.of(inHome ? home + text.substring(1) : text)
                    .toAbsolutePath()
                    .normalize());
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    private static ProblemException notFound(String folder) {
        return Problem.of(
                        Problem.Kind.NOT_FOUND,
                        "There is no model folder '" + folder + "'. Name a folder with config.json and"
                                + " model.safetensors, or a repository of the Hugging Face cache as org/name.",
                        folder)
                .asException();
    }

    /**
     * Opens a folder: reads config.json and the headers of all weight files, and checks them against their index.
     *
     * @throws ProblemException NOT_FOUND where there is no such folder; INVALID, naming file and tensor, where it
     *     lacks config.json or weights, or they are not what they should be; UNAVAILABLE where it cannot be read
     */
    public static ModelFolder open(Path folder) {
        if (!Files.exists(folder)) {
            throw notFound(folder.toString());
        }
        if (!Files.isDirectory(folder)) {
            throw invalid("'" + folder + "' is a file; name the folder that holds it and config.json", folder);
        }
        Path configFile = folder.resolve("config.json");
        if (!Files.isRegularFile(configFile)) {
            throw invalid("The folder " + folder + " holds no model: it has no config.json", folder);
        }
        JsonNode config = JsonFile.readObject(configFile);
        List<Safetensors> opened = new ArrayList<>();
        try {
            WeightFiles weights = WeightFiles.of(folder);
            Map<Path, Safetensors> byPath = new LinkedHashMap<>();
            for (Path file : weights.files()) {
                Safetensors safetensors = Safetensors.open(file);
                opened.add(safetensors);
                byPath.put(file, safetensors);
            }
            Map<String, Entry> tensors = weights.index().isEmpty() ? all(opened) : indexed(weights.index(), byPath);
            return new ModelFolder(folder.toAbsolutePath().normalize(), config, List.copyOf(opened), tensors);
        } catch (MlxException e) {
            throw closing(opened, invalid(String.valueOf(e.getMessage()), folder, e));
        } catch (ProblemException e) {
            throw closing(opened, e);
        } catch (IOException e) {
            throw closing(
                    opened,
                    Problem.of(
                                    Problem.Kind.UNAVAILABLE,
                                    "The model folder " + folder + " cannot be read: " + e,
                                    folder.toString())
                            .asException(e));
        }
    }

    private static ProblemException closing(List<Safetensors> opened, ProblemException problem) {
        opened.forEach(Safetensors::close);
        return problem;
    }

    private static Map<String, Entry> all(List<Safetensors> files) {
        Map<String, Entry> tensors = new LinkedHashMap<>();
        for (Safetensors file : files) {
            for (Safetensors.Tensor tensor : file.tensors().values()) {
                Entry before = tensors.put(tensor.name(), new Entry(file, tensor));
                if (before != null) {
                    throw invalid(
                            "Tensor " + tensor.name() + " is in two files, "
                                    + before.file().file() + " and " + file.file()
                                    + ", and there is no index that tells which one counts",
                            file.file());
                }
            }
        }
        return tensors;
    }

    private static Map<String, Entry> indexed(Map<String, Path> index, Map<Path, Safetensors> files) {
        Map<String, Entry> tensors = new LinkedHashMap<>();
        index.forEach((name, path) -> {
            Safetensors file = files.get(path);
            Safetensors.Tensor tensor = file == null ? null : file.tensors().get(name);
            if (file == null || tensor == null) {
                throw invalid(
                        "The index of " + path.getParent() + " puts tensor " + name + " into " + path.getFileName()
                                + ", which does not have it; fetch the model again",
                        path);
            }
            tensors.put(name, new Entry(file, tensor));
        });
        return tensors;
    }

    private static ProblemException invalid(String message, Path subject) {
        return Problem.of(Problem.Kind.INVALID, message, subject.toString()).asException();
    }

    private static ProblemException invalid(String message, Path subject, Throwable cause) {
        return Problem.of(Problem.Kind.INVALID, message, subject.toString()).asException(cause);
    }

    /** The folder, absolute. */
    public Path root() {
        return root;
    }

    /** What config.json holds, an object. */
    public JsonNode config() {
        return config;
    }

    /**
     * The architecture family's name, such as {@code qwen3}.
     *
     * @throws ProblemException INVALID where config.json does not tell it
     */
    public String modelType() {
        JsonNode type = config.path("model_type");
        if (!type.isString() || type.stringValue().isBlank()) {
            throw invalid(
                    root.resolve("config.json") + " names no model_type, so the model's architecture is not known",
                    root);
        }
        return type.stringValue();
    }

    /** A file of this model beside the weights, such as tokenizer.json, where it has one. */
    public Optional<Path> file(String name) {
        return Optional.of(root.resolve(name)).filter(Files::isRegularFile);
    }

    /**
     * As {@link #file}, for one that must be there.
     *
     * @throws ProblemException INVALID naming it
     */
    public Path requireFile(String name) {
        return file(name)
                .orElseThrow(() -> invalid("The model folder " + root + " has no " + name, root.resolve(name)));
    }

    public boolean has(String tensor) {
        return tensors.containsKey(tensor);
    }

    /**
     * @throws ProblemException INVALID naming tensor and files where there is no such tensor
     */
    public Entry tensor(String name) {
        Entry entry = tensors.get(name);
        if (entry == null) {
            String where = files.size() == 1
                    ? files.getFirst().file().toString()
                    : "the " + files.size() + " weight files of " + root;
            throw invalid("Tensor " + name + " is missing in " + where, root);
        }
        return entry;
    }

    /** In the order of the files. */
    public Set<String> tensorNames() {
        return Collections.unmodifiableSet(tensors.keySet());
    }

    /**
     * Tells models apart by what they hold, wherever they lie: 32 hex digits over config.json, the headers and samples
     * of the weights.
     *
     * @throws ProblemException UNAVAILABLE where a file cannot be read
     */
    public String identity() {
        return ModelIdentity.of(root, files);
    }

    @Override
    public void close() {
        files.forEach(Safetensors::close);
    }
}
