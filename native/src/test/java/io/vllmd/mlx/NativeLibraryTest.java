package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {

    @TempDir
    Path folder;

    @Test
    void theBuiltLibraryLoads() {
        NativeLibrary.load();
        NativeLibrary.load();
    }

    @Test
    void theExpectedMlxIsTheOneThatTheBuildFetches() throws IOException {
        Matcher version =
                Pattern.compile("<mlx.version>(.*)</mlx.version>").matcher(Files.readString(Path.of("../pom.xml")));
        assertTrue(version.find());
        assertEquals(version.group(1), NativeLibrary.MLX_VERSION);
    }

    @Test
    void theExpectedAbiIsTheHeaders() throws IOException {
        Matcher abi =
                Pattern.compile("#define VM_ABI (\\d+)").matcher(Files.readString(Path.of("src/main/cpp/vllmd_mlx.h")));
        assertTrue(abi.find());
        assertEquals(Integer.parseInt(abi.group(1)), NativeLibrary.ABI);
    }

    @Test
    void aFolderWithoutTheLibraryIsNamedWithWhatItHolds() throws IOException {
        says(() -> NativeLibrary.inFolder(folder), folder.toString(), "the folder is empty", NativeLibrary.fileName());
        Files.writeString(folder.resolve("other.txt"), "");
        says(() -> NativeLibrary.inFolder(folder), "it holds other.txt", "mvn -pl native package");
        says(() -> NativeLibrary.inFolder(folder.resolve("none")), "none", "not a folder");
    }

    @Test
    void theLibraryIsFoundFromAnyFolderOfTheCheckoutUpward() throws IOException {
        Path deep = Files.createDirectories(folder.resolve("daemon/target/classes"));
        Files.createDirectories(folder.resolve("native/target/native"));
        Files.writeString(folder.resolve("native/pom.xml"), "");
        Path file = folder.resolve("native/target/native").resolve(NativeLibrary.fileName());
        says(() -> NativeLibrary.inCheckout(List.of(deep)), "there is no " + file, "mvn -pl native package");
        Files.writeString(file, "");
        assertEquals(file, NativeLibrary.inCheckout(List.of(Path.of("/"), deep)));
    }

    @Test
    void outsideACheckoutTheMessageSaysWhereItLooked() {
        says(
                () -> NativeLibrary.inCheckout(List.of(folder)),
                "not found",
                folder.toString(),
                "-D" + NativeLibrary.PROPERTY);
    }

    @Test
    void aFileThatIsNoLibraryIsNamedWithTheLoadersReason() throws IOException {
        Path file = Files.writeString(folder.resolve(NativeLibrary.fileName()), "not a library");
        says(() -> open(file), file.toString(), "does not load", "not a library file", System.getProperty("os.arch"));
    }

    @Test
    void aLibraryThatMissesItsNeighbourSaysWhichOne() throws Exception {
        Path neighbour = compile("libneighbour.so", "int neighbour(void) { return 1; }");
        Path file = compile(
                NativeLibrary.fileName(),
                "int neighbour(void); int vm_abi(void) { return neighbour(); }",
                neighbour.toString());
        Files.delete(neighbour);
        says(() -> open(file), file.toString(), "does not load", "libneighbour.so");
    }

    @Test
    void anotherAbiIsRefusedBeforeAnythingElseIsCalled() throws Exception {
        Path file = compile("int vm_abi(void) { return 99; }"
                + " const char* vm_mlx_version(void) { return *(char**)8; }"); // would crash
        says(() -> open(file), file.toString(), "ABI 99", "expects " + NativeLibrary.ABI, "mvn -pl native package");
    }

    @Test
    void anotherMlxIsRefused() throws Exception {
        Path file = compile("int vm_abi(void) { return " + NativeLibrary.ABI + "; }"
                + " const char* vm_mlx_version(void) { return \"0.9.1\"; }");
        says(() -> open(file), file.toString(), "MLX 0.9.1", "expects " + NativeLibrary.MLX_VERSION, "VLLMD_MLX_HOME");
    }

    @Test
    void aLibraryWithoutOurFunctionsIsRefused() throws Exception {
        Path file = compile("int something(void) { return 1; }");
        says(() -> open(file), "vm_abi", "another library");
    }

    private static void open(Path file) {
        try (Arena arena = Arena.ofConfined()) {
            NativeLibrary.open(file, arena);
        }
    }

    private Path compile(String source) throws IOException, InterruptedException {
        return compile(NativeLibrary.fileName(), source);
    }

    private Path compile(String name, String source, String... libraries) throws IOException, InterruptedException {
        Path code = Files.writeString(folder.resolve("fake.c"), source);
        Path file = folder.resolve(name);
        List<String> command =
                new ArrayList<>(List.of("cc", "-shared", "-fPIC", "-w", "-o", file.toString(), code.toString()));
        command.addAll(List.of(libraries));
        Process compiler;
        try {
            compiler = new ProcessBuilder(command).inheritIO().start();
        } catch (IOException e) {
            return Assumptions.abort("no C compiler 'cc' to make a stand-in library: " + e.getMessage());
        }
        assertEquals(0, compiler.waitFor());
        return file;
    }

    private static void says(Executable call, String... parts) {
        NativeLibraryException e = assertThrows(NativeLibraryException.class, call);
        String message = String.valueOf(e.getMessage());
        for (String part : parts) {
            assertTrue(message.contains(part), "'" + message + "' lacks '" + part + "'");
        }
    }
}
