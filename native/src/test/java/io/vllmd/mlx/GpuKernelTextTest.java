package io.vllmd.mlx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The text that CUDA and Metal compile, run thread by thread on this CPU and held against float64. */
class GpuKernelTextTest {

    @TempDir
    Path folder;

    @Test
    void theKernelTextsComputeWhatTheyShould() throws IOException, InterruptedException {
        Path program = folder.resolve("kernels");
        List<String> command =
                new ArrayList<>(List.of("c++", "-std=c++20", "-O1", "-w", "-Isrc/main/cpp", "-o", program.toString()));
        try (Stream<Path> sources = Files.list(Path.of("src/test/cpp/gpu"))) {
            sources.map(Path::toString).filter(name -> name.endsWith(".cpp")).forEach(command::add);
        }
        assertEquals("", run(command), "the texts do not compile as C++");
        assertEquals("all kernels agree\n", run(List.of(program.toString())));
    }

    private static String run(List<String> command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            return Assumptions.abort("cannot start " + command.getFirst() + ": " + e.getMessage());
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = process.waitFor();
        return status == 0 || !output.isEmpty() ? output : "exit status " + status;
    }
}
