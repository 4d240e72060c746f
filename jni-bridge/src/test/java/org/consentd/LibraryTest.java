package org.consentd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The native library: where it comes from, and what it does when it fails. */
class LibraryTest {
    @TempDir
    Path dir;

    @Test
    void aPanicIsAnExceptionAndInACheckADenial() {
        try (World world = World.start(); Consent consent = Consent.open(world.address())) {
            NativeFailureException failure = assertThrows(NativeFailureException.class, Faults::panic0);
            assertTrue(failure.getMessage().contains("on demand"), failure.getMessage());
            assertEquals(0, Faults.panicInCheck0(1, 2, 3));
            // The JVM and the gate are as they were.
            assertTrue(consent.check(consent.purpose("services.operation"), consent.data("app.instance_id"))
                    .isAllowed());
        }
    }

    @Test
    void thePanicsOnDemandAreNotInTheJar() throws IOException {
        Path folder = Path.of("target/classes/org/consentd/native");
        try (Stream<Path> files = Files.walk(folder)) {
            List<Path> libraries = files.filter(file -> file.toString().endsWith(".so")).toList();
            assertEquals(1, libraries.size());
            String bytes = Files.readString(libraries.get(0), StandardCharsets.ISO_8859_1);
            assertTrue(bytes.contains("JNI_OnLoad"));
            assertTrue(!bytes.contains("Java_org_consentd_Faults"));
        }
    }

    @Test
    void theReadmesExampleRunsWithTheLibraryOfTheJar() throws Exception {
        String readme = Files.readString(Path.of("../README.md"));
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(readme);
        assertTrue(block.find(), "the README lost its example");
        Path source = dir.resolve("Forecast.java");
        Files.writeString(source, block.group(1));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        assertEquals(
                0,
                compiler.run(null, null, null, "-Xlint:all", "-cp", "target/classes", "-d", dir.toString(),
                        source.toString()));
        Path temporary = Files.createDirectory(dir.resolve("tmp"));
        try (World world = World.start()) {
            String printed = run(world, List.of("-Djava.io.tmpdir=" + temporary), "Forecast");
            assertEquals("ask because not-set", printed.strip());
        }
        try (Stream<Path> left = Files.list(temporary)) {
            assertEquals(List.of(), left.filter(path -> path.toString().contains("consentd-")).toList());
        }
    }

    @Test
    void aLibraryThatIsNotThereIsNamed() throws Exception {
        try (World world = World.start()) {
            Files.writeString(dir.resolve("Open.java"), """
                    public class Open {
                        public static void main(String[] arguments) {
                            for (int i = 0; i < 2; i++) {
                                try {
                                    org.consentd.Consent.open();
                                } catch (org.consentd.NativeLibraryException e) {
                                    System.out.println(e.getMessage());
                                }
                            }
                        }
                    }
                    """);
            ToolProvider.getSystemJavaCompiler().run(null, null, null, "-cp", "target/classes", "-d", dir.toString(),
                    dir.resolve("Open.java").toString());
            String printed = run(world, List.of("-Dorg.consentd.library=/nowhere/lib.so"), "Open");
            assertEquals(2, printed.lines().filter(line -> line.contains("/nowhere/lib.so")).count(), printed);
        }
    }

    /** Runs a class of the folder as this same app. */
    private String run(World world, List<String> options, String main) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of("/proc/self/exe").toRealPath().toString());
        command.addAll(options);
        command.addAll(List.of("-cp", "target/classes:" + dir, main));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("DBUS_SYSTEM_BUS_ADDRESS", world.address());
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), printed);
        return printed;
    }
}
