package org.consentd;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;

/** Finds the native library and loads it, once. */
final class NativeLibrary {
    static final String PROPERTY = "org.consentd.library";
    private static final String FILE = "libconsent_jni.so";
    private static boolean loaded;

    private NativeLibrary() {}

    /**
     * Loads it: the file that the property names; on Android the app's own; else the one in this jar.
     *
     * @throws NativeLibraryException if it cannot be had, each time
     */
    static synchronized void load() {
        if (loaded) {
            return;
        }
        String path = System.getProperty(PROPERTY);
        try {
            if (path != null) {
                System.load(path);
            } else if ("Dalvik".equals(System.getProperty("java.vm.name"))) {
                System.loadLibrary("consent_jni");
            } else {
                loadFromJar();
            }
        } catch (IOException | LinkageError | RuntimeException e) {
            String from = path == null ? "from this jar" : "from " + path;
            throw new NativeLibraryException(
                    "the native library could not be loaded " + from + " (" + e.getMessage()
                            + "); name one that can be with -D" + PROPERTY + "=/path/to/" + FILE, e);
        }
        loaded = true;
    }

    private static void loadFromJar() throws IOException {
        String name = "native/linux-" + architecture() + "/" + FILE;
        try (InputStream library = NativeLibrary.class.getResourceAsStream(name)) {
            if (library == null) {
                throw new IOException("it has none for this machine, " + name);
            }
            // Nobody else can put a file there, or look at this one; once loaded it needs no name.
            Path dir = Files.createTempDirectory(
                    "consentd-", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            Path file = dir.resolve(FILE);
            try {
                Files.copy(library, file);
                System.load(file.toString());
            } finally {
                Files.deleteIfExists(file);
                Files.deleteIfExists(dir);
            }
        }
    }

    private static String architecture() {
        String name = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        return switch (name) {
            case "amd64", "x86_64" -> "x86_64";
            case "aarch64", "arm64" -> "aarch64";
            default -> name;
        };
    }
}
