package io.vllmd.config.hf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vllmd.config.Problem;
import io.vllmd.config.ProblemException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceCacheTest {
    private static final String A = "a".repeat(40);
    private static final String B = "b".repeat(40);

    @TempDir
    Path hub;

    private HuggingFaceCache cache() {
        return HuggingFaceCache.of(Map.of("HF_HUB_CACHE", hub.toString()));
    }

    private Path repository() {
        return hub.resolve("models--org--name");
    }

    private void write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private Path snapshot(String commit) throws IOException {
        write(repository().resolve("blobs/blob-" + commit), "12345");
        Path snapshot =
                Files.createDirectories(repository().resolve("snapshots").resolve(commit));
        Files.createSymbolicLink(snapshot.resolve("config.json"), Path.of("..", "..", "blobs", "blob-" + commit));
        return snapshot;
    }

    private static Problem problem(Runnable action) {
        return assertThrows(ProblemException.class, action::run).problem();
    }

    @Test
    void thePlaceFollowsTheEnvironmentAsHuggingFacesToolsDo() {
        Map<String, String> all =
                Map.of("HF_HUB_CACHE", "/hub", "HF_HOME", "/home-hf", "XDG_CACHE_HOME", "/xdg", "HOME", "/home/me");
        assertEquals(Path.of("/hub"), HuggingFaceCache.of(all).hub());
        assertEquals(
                Path.of("/home-hf/hub"),
                HuggingFaceCache.of(Map.of("HF_HOME", "/home-hf", "XDG_CACHE_HOME", "/xdg"))
                        .hub());
        assertEquals(
                Path.of("/xdg/huggingface/hub"),
                HuggingFaceCache.of(Map.of("XDG_CACHE_HOME", "/xdg", "HOME", "/home/me"))
                        .hub());
        assertEquals(
                Path.of("/home/me/.cache/huggingface/hub"),
                HuggingFaceCache.of(Map.of("HF_HOME", "", "HOME", "/home/me")).hub());
        assertEquals(
                Path.of("/home/me/models/hub"),
                HuggingFaceCache.of(Map.of("HF_HOME", "~/models", "HOME", "/home/me"))
                        .hub());
        assertEquals(
                Problem.Kind.INVALID,
                problem(() -> HuggingFaceCache.of(Map.of())).kind());
    }

    @Test
    void mainIsTakenWhereNoRevisionIsNamed() throws IOException {
        Path main = snapshot(B);
        snapshot(A);
        write(repository().resolve("refs/main"), B + "\n");
        assertEquals(main, cache().resolve("org/name"));
    }

    @Test
    void theOnlySnapshotIsTakenWhereThereIsNoMain() throws IOException {
        Path only = snapshot(A);
        assertEquals(only, cache().resolve("org/name"));
    }

    @Test
    void severalSnapshotsWithoutMainAreAmbiguous() throws IOException {
        snapshot(A);
        snapshot(B);
        Problem problem = problem(() -> cache().resolve("org/name"));
        assertEquals(Problem.Kind.CONFLICT, problem.kind());
        assertTrue(problem.message().contains(A) && problem.message().contains(B), problem.message());
    }

    @Test
    void aRevisionIsABranchATagOrACommit() throws IOException {
        Path a = snapshot(A);
        Path b = snapshot(B);
        write(repository().resolve("refs/main"), A);
        write(repository().resolve("refs/refs/pr/1"), B);
        assertEquals(a, cache().resolve("org/name@main"));
        assertEquals(b, cache().resolve("org/name@refs/pr/1"));
        assertEquals(b, cache().resolve("org/name@" + B));
        Problem problem = problem(() -> cache().resolve("org/name@v2"));
        assertEquals(Problem.Kind.NOT_FOUND, problem.kind());
        assertTrue(problem.message().contains("'v2'") && problem.message().contains(A), problem.message());
    }

    @Test
    void aModelThatIsNotThereIsToldWithThePlaceAndHowToFetchIt() {
        Problem problem = problem(() -> cache().resolve("org/other"));
        assertEquals(Problem.Kind.NOT_FOUND, problem.kind());
        assertTrue(problem.message().contains(hub.toString()), problem.message());
        assertTrue(problem.message().contains("hf download org/other"), problem.message());
    }

    @Test
    void aRepositoryWithoutFilesIsNotFound() throws IOException {
        write(repository().resolve("refs/main"), A);
        assertEquals(
                Problem.Kind.NOT_FOUND,
                problem(() -> cache().resolve("org/name")).kind());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "a/",
                "/a",
                "..",
                "../x",
                "org/..",
                "org/../x",
                "a/b/c",
                "org/na me",
                "org/na\u0000me",
                "org/n--m",
                "org/.hidden",
                "org/name.",
                "-x/y",
                "org\\name",
                "org/name@",
                "org/name@..",
                "org/name@../../x",
                "org/name@/etc",
                "org/name@a//b",
                "org/name@a/./b",
                "org/name@x y",
                "ő/x",
                "org/name@a@b"
            })
    void namesThatAreNoneAreRefused(String name) throws IOException {
        snapshot(A);
        assertEquals(Problem.Kind.INVALID, problem(() -> cache().resolve(name)).kind());
    }

    @ParameterizedTest
    @ValueSource(strings = {"../../../../etc", "/etc", "..", "", "a b", "aaaa/bbbb"})
    void aRefThatNamesNoCommitIsIgnored(String content) throws IOException {
        Path only = snapshot(A);
        write(repository().resolve("refs/main"), content);
        assertEquals(only, cache().resolve("org/name"));
    }

    @Test
    void aRefThatIsALinkOutOfTheRepositoryIsIgnored(@TempDir Path elsewhere) throws IOException {
        Path only = snapshot(A);
        snapshot(B);
        write(elsewhere.resolve("ref"), B);
        Files.createDirectories(repository().resolve("refs"));
        Files.createSymbolicLink(repository().resolve("refs/main"), elsewhere.resolve("ref"));
        assertEquals(
                Problem.Kind.CONFLICT,
                problem(() -> cache().resolve("org/name")).kind());
        assertEquals(only, cache().resolve("org/name@" + A));
    }

    @Test
    void aFileThatLinksOutOfTheRepositoryIsRefused(@TempDir Path elsewhere) throws IOException {
        write(elsewhere.resolve("secret"), "x");
        Path snapshot = snapshot(A);
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), elsewhere.resolve("secret"));
        Problem problem = problem(() -> cache().resolve("org/name"));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertTrue(problem.message().contains("model.safetensors"), problem.message());
    }

    @Test
    void aSnapshotThatLinksOutOfTheRepositoryIsRefused(@TempDir Path elsewhere) throws IOException {
        Files.createDirectories(repository().resolve("snapshots"));
        Files.createSymbolicLink(repository().resolve("snapshots").resolve(A), elsewhere);
        assertEquals(
                Problem.Kind.INVALID, problem(() -> cache().resolve("org/name")).kind());
    }

    @Test
    void aFolderInASnapshotThatLinksOutOfTheRepositoryIsRefused(@TempDir Path elsewhere) throws IOException {
        Files.createSymbolicLink(snapshot(A).resolve("sub"), elsewhere);
        assertEquals(
                Problem.Kind.INVALID, problem(() -> cache().resolve("org/name")).kind());
    }

    @Test
    void aBlobThatIsMissingIsAnUnfinishedDownload() throws IOException {
        snapshot(A);
        Files.delete(repository().resolve("blobs/blob-" + A));
        Problem problem = problem(() -> cache().resolve("org/name"));
        assertEquals(Problem.Kind.INVALID, problem.kind());
        assertTrue(problem.message().contains("not finished"), problem.message());
    }

    @Test
    void aCacheThatWasMovedBehindALinkWorks(@TempDir Path elsewhere) throws IOException {
        Path snapshot = snapshot(A);
        Path moved = elsewhere.resolve("moved");
        Files.move(repository(), moved);
        Files.createSymbolicLink(repository(), moved);
        assertEquals(snapshot, cache().resolve("org/name"));
    }

    @Test
    void repositoriesAreListedWithSizesAndRevisions() throws IOException {
        snapshot(A);
        Path main = snapshot(B);
        // a file that both revisions share takes its room once
        Files.createSymbolicLink(main.resolve("same.json"), Path.of("..", "..", "blobs", "blob-" + A));
        write(repository().resolve("refs/main"), B);
        write(hub.resolve("models--solo/snapshots/" + A + "/model.bin"), "123");
        write(hub.resolve("models--bad--na--me/x"), "1");
        write(hub.resolve("datasets--org--data/x"), "1");
        write(hub.resolve("version.txt"), "1");
        List<Repository> found = cache().repositories();
        assertEquals(
                List.of("org/name", "solo"), found.stream().map(Repository::id).toList());
        assertEquals(10 + 40, found.get(0).bytes());
        assertEquals(3, found.get(1).bytes());
        assertEquals(
                List.of(
                        new Repository.Revision(B, List.of("main"), main),
                        new Repository.Revision(
                                A, List.of(), repository().resolve("snapshots").resolve(A))),
                found.get(0).revisions());
    }

    @Test
    void aCacheThatIsNotThereHoldsNothing() {
        assertEquals(
                List.of(),
                HuggingFaceCache.of(Map.of("HF_HUB_CACHE", hub.resolve("none").toString()))
                        .repositories());
    }
}
