package io.vllmd.mlx;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Finds, loads and checks libvllmd_mlx: the folder named by the system property {@code vllmd.native}, else
 * {@code native/target/native} of the checkout, looked for from the classes or jar and from the working
 * directory upward.
 */
public final class NativeLibrary {

    /** The C ABI these bindings speak, {@code VM_ABI}. */
    static final int ABI = 1;

    /** The MLX release these bindings were made and tested with, the parent pom's {@code mlx.version}. */
    public static final String MLX_VERSION = "0.32.4";

    static final String PROPERTY = "vllmd.native";

    private static final String BUILD =
            "build it with 'mvn -pl native package', or set -D" + PROPERTY + " to the folder that holds it";

    private static final int ELF = 0x7f454c46;

    private static final int MACH_O_64 = 0xcffaedfe;

    private static final Linker LINKER = Linker.nativeLinker();

    private static @Nullable SymbolLookup loaded;

    private NativeLibrary() {}

    /** Loads the library, once; later calls do nothing. Throws {@link NativeLibraryException}. */
    public static void load() {
        symbols();
    }

    private static synchronized SymbolLookup symbols() {
        SymbolLookup symbols = loaded;
        if (symbols == null) {
            symbols = open(locate(), Arena.global());
            loaded = symbols;
        }
        return symbols;
    }

    /** Handle of a function of the loaded library. */
    static MethodHandle link(String name, FunctionDescriptor type) {
        return link(symbols(), name, type);
    }

    private static MethodHandle link(SymbolLookup symbols, String name, FunctionDescriptor type) {
        MemorySegment address = symbols.find(name)
                .orElseThrow(() -> new NativeLibraryException(
                        "libvllmd_mlx lacks the function " + name + ": it is another library or an old build; " + BUILD,
                        null));
        return LINKER.downcallHandle(address, type);
    }

    static String fileName() {
        boolean mac = System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("mac");
        return mac ? "libvllmd_mlx.dylib" : "libvllmd_mlx.so";
    }

    /** The library file, by the system property or in the checkout. */
    static Path locate() {
        String configured = System.getProperty(PROPERTY);
        if (configured != null) {
            return inFolder(Path.of(configured));
        }
        List<Path> starts = new ArrayList<>();
        CodeSource source = NativeLibrary.class.getProtectionDomain().getCodeSource();
        if (source != null && source.getLocation() != null) {
            try {
                starts.add(Path.of(source.getLocation().toURI()));
            } catch (URISyntaxException | IllegalArgumentException e) {
                throw new NativeLibraryException(
                        "cannot tell where the classes lie (" + source.getLocation() + "): set -D" + PROPERTY, e);
            }
        }
        starts.add(Path.of("").toAbsolutePath());
        return inCheckout(starts);
    }

    static Path inFolder(Path folder) {
        Path file = folder.resolve(fileName());
        if (!Files.isRegularFile(file)) {
            String[] names = folder.toFile().list();
            String found = names == null
                    ? "that is not a folder"
                    : names.length == 0 ? "the folder is empty" : "it holds " + String.join(", ", names);
            throw new NativeLibraryException(
                    "MLX library not found: -D" + PROPERTY + "=" + folder + " should hold " + fileName() + ", but "
                            + found + "; " + BUILD,
                    null);
        }
        return file;
    }

    static Path inCheckout(List<Path> starts) {
        LinkedHashSet<Path> tried = new LinkedHashSet<>();
        for (Path start : starts) {
            for (Path folder = start; folder != null; folder = folder.getParent()) {
                Path file = folder.resolve("native/target/native").resolve(fileName());
                if (Files.isRegularFile(file)) {
                    return file;
                }
                if (Files.isRegularFile(folder.resolve("native/pom.xml"))) {
                    tried.add(file);
                }
            }
        }
        throw new NativeLibraryException(
                "MLX library not found: "
                        + (tried.isEmpty()
                                ? "no checkout with native/target/native/" + fileName() + " above "
                                        + String.join(
                                                File.pathSeparator,
                                                starts.stream()
                                                        .map(Path::toString)
                                                        .toList())
                                : "there is no " + tried.iterator().next())
                        + "; " + BUILD,
                null);
    }

    /** Loads a library file for the arena's life and checks that it is the one these bindings speak to. */
    static SymbolLookup open(Path file, Arena arena) {
        if (!isLibraryFile(file)) {
            throw new NativeLibraryException(doesNotLoad(file, " (it is not a library file)"), null);
        }
        SymbolLookup symbols;
        try {
            symbols = SymbolLookup.libraryLookup(file, arena);
        } catch (IllegalArgumentException e) {
            throw new NativeLibraryException(doesNotLoad(file, loaderReason(file)), e);
        }
        int abi;
        String version;
        try {
            abi = (int) link(symbols, "vm_abi", FunctionDescriptor.of(ValueLayout.JAVA_INT))
                    .invokeExact();
            // The ABI says what every other function means, so nothing else is called before it agrees.
            if (abi != ABI) {
                throw new NativeLibraryException(
                        "MLX library " + file + " has ABI " + abi + ", this vllmd expects " + ABI
                                + ": the library and the jars are of different builds; " + BUILD,
                        null);
            }
            version = NativeCalls.string(
                    (MemorySegment) link(symbols, "vm_mlx_version", FunctionDescriptor.of(ValueLayout.ADDRESS))
                            .invokeExact());
        } catch (Throwable e) {
            throw NativeCalls.unexpected(e);
        }
        if (!version.equals(MLX_VERSION)) {
            throw new NativeLibraryException(
                    "MLX library " + file + " runs on MLX " + version + ", this vllmd expects " + MLX_VERSION
                            + ": unset VLLMD_MLX_HOME or point it to MLX " + MLX_VERSION + " and build again; " + BUILD,
                    null);
        }
        return symbols;
    }

    private static String doesNotLoad(Path file, String reason) {
        return "MLX library " + file + " does not load on " + System.getProperty("os.name") + " "
                + System.getProperty("os.arch") + reason
                + ": it is damaged, made for another system, or libmlx is not beside it in mlx/lib; " + BUILD;
    }

    /** Asked first: given a file of another kind the JVM fears for its stack guard and says so on the console. */
    private static boolean isLibraryFile(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            int magic = ByteBuffer.wrap(Arrays.copyOf(in.readNBytes(4), 4)).getInt();
            return magic == ELF || magic == MACH_O_64;
        } catch (IOException e) {
            throw new NativeLibraryException("cannot read MLX library " + file + ": " + e.getMessage(), e);
        }
    }

    /** The JDK's lookup hides the dynamic loader's message; System.load repeats the attempt and tells it. */
    @SuppressWarnings("BanSystemLoad")
    private static String loaderReason(Path file) {
        try {
            System.load(file.toAbsolutePath().toString());
            return "";
        } catch (UnsatisfiedLinkError e) {
            return " (" + e.getMessage() + ")";
        }
    }
}
