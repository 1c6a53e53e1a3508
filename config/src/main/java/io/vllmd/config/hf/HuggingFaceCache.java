package io.vllmd.config.hf;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import io.vllmd.config.hf.Repository.Revision;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The folder where Hugging Face's tools keep what they download: {@code
 * models--org--name/{refs,blobs,snapshots}}. Needs no network and no daemon. What lies there comes from anybody, so
 * names are checked, and a file of a snapshot must lie within its repository's folder, whatever its links say.
 */
public final class HuggingFaceCache {

    /** A commit is 40 hex digits; a file of refs that says anything else names no folder. */
    private static final Pattern COMMIT = Pattern.compile("[A-Za-z0-9_-]{1,64}");

    private static final int MAX_REF_BYTES = 256;
    private static final String PREFIX = "models--";

    private final Path hub;

    private HuggingFaceCache(Path hub) {
        this.hub = hub;
    }

    /**
     * The cache of this environment: HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else
     * ~/.cache/huggingface/hub, as huggingface_hub has it. It need not exist.
     *
     * @throws ProblemException INVALID where none of these variables, nor HOME, is set
     */
    public static HuggingFaceCache of(Map<String, String> environment) {
        return new HuggingFaceCache(place(environment).toAbsolutePath().normalize());
    }

    private static Path place(Map<String, String> environment) {
        Optional<Path> cache = folder(environment, "HF_HUB_CACHE");
        if (cache.isPresent()) {
            return cache.get();
        }
        Optional<Path> home = folder(environment, "HF_HOME");
        if (home.isPresent()) {
            return home.get().resolve("hub");
        }
        Path below = Path.of("huggingface", "hub");
        Optional<Path> xdg = folder(environment, "XDG_CACHE_HOME");
        if (xdg.isPresent()) {
            return xdg.get().resolve(below);
        }
        return folder(environment, "HOME")
                .map(user -> user.resolve(".cache").resolve(below))
                .orElseThrow(() -> Problem.of(
                                Problem.Kind.INVALID,
                                "None of HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HOME is set, so there is no place"
                                        + " for the Hugging Face cache. Set HF_HOME to its folder.",
                                "HF_HOME")
                        .asException());
    }

    private static Optional<Path> folder(Map<String, String> environment, String variable) {
        String value = environment.getOrDefault(variable, "");
        if (value.isBlank()) {
            return Optional.empty();
        }
        String user = environment.getOrDefault("HOME", "");
        boolean inHome = value.equals("~") || value.startsWith("~/");
        return Optional.of(inHome && !user.isBlank() ? Path.of(user + value.substring(1)) : Path.of(value));
    }

    /** Where it is. */
    public Path hub() {
        return hub;
    }

    /**
     * The folder with the files of {@code org/name} or {@code org/name@revision}. Without a revision: main, else the
     * only snapshot there is.
     *
     * @throws ProblemException INVALID where the name is none, or links leave the repository; NOT_FOUND with how to
     *     fetch it where it is not here; CONFLICT where there are several snapshots and no main
     */
    public Path resolve(String name) {
        RepositoryName repository = RepositoryName.parse(name);
        Path folder = hub.resolve(repository.folderName());
        if (!Files.isDirectory(folder)) {
            throw Problem.of(
                            Problem.Kind.NOT_FOUND,
                            "There is no model " + repository.id() + " in the Hugging Face cache " + hub
                                    + ". Fetch it with: hf download " + repository.id(),
                            repository.id())
                    .asException();
        }
        try {
            Path snapshot = repository.revision().isPresent()
                    ? named(folder, repository, repository.revision().get())
                    : main(folder, repository);
            checkInside(folder, snapshot);
            return snapshot;
        } catch (IOException e) {
            throw unreadable(folder, e);
        }
    }

    private static Path named(Path folder, RepositoryName repository, String revision) throws IOException {
        Optional<String> commit = ref(folder, revision);
        if (commit.isEmpty() && COMMIT.matcher(revision).matches()) {
            commit = Optional.of(revision);
        }
        Path snapshot = commit.map(c -> folder.resolve("snapshots").resolve(c)).orElse(folder.resolve("snapshots"));
        if (commit.isEmpty() || !Files.isDirectory(snapshot)) {
            throw Problem.of(
                            Problem.Kind.NOT_FOUND,
                            "The Hugging Face cache has no revision '" + revision + "' of " + repository.id()
                                    + "; it has: " + String.join(", ", names(folder.resolve("snapshots")))
                                    + ". Fetch it with: hf download " + repository.id() + " --revision " + revision,
                            repository.toString())
                    .asException();
        }
        return snapshot;
    }

    private static Path main(Path folder, RepositoryName repository) throws IOException {
        Path snapshots = folder.resolve("snapshots");
        Optional<Path> main = ref(folder, "main").map(snapshots::resolve).filter(Files::isDirectory);
        if (main.isPresent()) {
            return main.get();
        }
        List<String> all = names(snapshots);
        if (all.size() == 1) {
            return snapshots.resolve(all.getFirst());
        }
        if (all.isEmpty()) {
            throw Problem.of(
                            Problem.Kind.NOT_FOUND,
                            "The Hugging Face cache knows " + repository.id() + " but has none of its files. Fetch them"
                                    + " with: hf download " + repository.id(),
                            repository.id())
                    .asException();
        }
        throw Problem.of(
                        Problem.Kind.CONFLICT,
                        "The Hugging Face cache has several revisions of " + repository.id() + " and no main: "
                                + String.join(", ", all) + ". Name one: " + repository.id() + "@" + all.getFirst(),
                        repository.id())
                .asException();
    }

    /** The commit that a branch or tag points to. */
    private static Optional<String> ref(Path folder, String name) throws IOException {
        Path refs = folder.resolve("refs").normalize();
        Path file = refs.resolve(name).normalize();
        if (!file.startsWith(refs) || !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        if (Files.size(file) > MAX_REF_BYTES) {
            return Optional.empty();
        }
        String commit = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).strip();
        return COMMIT.matcher(commit).matches() ? Optional.of(commit) : Optional.empty();
    }

    private static List<String> names(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(Files::isDirectory)
                    .map(entry -> String.valueOf(entry.getFileName()))
                    .filter(name -> COMMIT.matcher(name).matches())
                    .sorted()
                    .toList();
        }
    }

    /** Refuses a snapshot with a link that leads out of its repository, or to a blob that is not there. */
    private static void checkInside(Path folder, Path snapshot) throws IOException {
        Path real = folder.toRealPath();
        if (!snapshot.toRealPath().startsWith(real)) {
            throw leaves(snapshot, folder);
        }
        Files.walkFileTree(snapshot, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (attributes.isSymbolicLink()) {
                    if (!Files.exists(file)) {
                        throw Problem.of(
                                        Problem.Kind.INVALID,
                                        "The file " + file + " of the Hugging Face cache links to a blob that is not"
                                                + " there; the download was not finished. Run it again.",
                                        file.toString())
                                .asException();
                    }
                    if (!file.toRealPath().startsWith(real)) {
                        throw leaves(file, folder);
                    }
                }
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static ProblemException leaves(Path link, Path folder) {
        return Problem.of(
                        Problem.Kind.INVALID,
                        "The link " + link + " leads out of the repository's folder " + folder
                                + "; it is not followed. Remove the folder and download the model again.",
                        link.toString())
                .asException();
    }

    private static ProblemException unreadable(Path folder, IOException e) {
        return Problem.of(
                        Problem.Kind.UNAVAILABLE,
                        "The folder " + folder + " of the Hugging Face cache cannot be read: " + e,
                        folder.toString())
                .asException(e);
    }

    /**
     * The repositories of models that are here, by id.
     *
     * @throws ProblemException UNAVAILABLE where a folder cannot be read
     */
    public List<Repository> repositories() {
        if (!Files.isDirectory(hub)) {
            return List.of();
        }
        List<Repository> found = new ArrayList<>();
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(hub, PREFIX + "*")) {
            for (Path folder : folders) {
                Optional<String> id = id(folder);
                if (id.isPresent() && Files.isDirectory(folder)) {
                    found.add(new Repository(id.get(), folder, bytes(folder), revisions(folder)));
                }
            }
        } catch (IOException e) {
            throw unreadable(hub, e);
        }
        found.sort(Comparator.comparing(Repository::id));
        return List.copyOf(found);
    }

    /** The id whose folder this is; empty where it is none that these tools make. */
    private static Optional<String> id(Path folder) {
        String id =
                String.valueOf(folder.getFileName()).substring(PREFIX.length()).replace("--", "/");
        try {
            return Optional.of(RepositoryName.parse(id).id());
        } catch (ProblemException e) {
            return Optional.empty();
        }
    }

    private static List<Revision> revisions(Path folder) throws IOException {
        Map<String, List<String>> refs = new TreeMap<>();
        Path refFolder = folder.resolve("refs");
        if (Files.isDirectory(refFolder)) {
            try (Stream<Path> files = Files.walk(refFolder, 5)) {
                for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                    String name = refFolder.relativize(file).toString().replace('\\', '/');
                    ref(folder, name)
                            .ifPresent(commit -> refs.computeIfAbsent(commit, c -> new ArrayList<>())
                                    .add(name));
                }
            }
        }
        List<Revision> revisions = new ArrayList<>();
        for (String commit : names(folder.resolve("snapshots"))) {
            List<String> names = List.copyOf(refs.getOrDefault(commit, List.of()));
            revisions.add(
                    new Revision(commit, names, folder.resolve("snapshots").resolve(commit)));
        }
        revisions.sort(
                Comparator.comparing((Revision revision) -> !revision.refs().contains("main"))
                        .thenComparing(Revision::commit));
        return List.copyOf(revisions);
    }

    private static long bytes(Path folder) throws IOException {
        long[] sum = {0};
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                sum[0] += attributes.isRegularFile() ? attributes.size() : 0;
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                // a download that ends while this counts takes its temporary file away
                return FileVisitResult.CONTINUE;
            }
        });
        return sum[0];
    }
}
