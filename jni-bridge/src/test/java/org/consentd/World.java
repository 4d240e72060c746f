package org.consentd;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A real bus and a real daemon, run by the workspace's {@code world} program, to which this JVM is an app: told by
 * its executable, which is the tests' own launcher.
 */
public final class World implements AutoCloseable {
    /** The app that this JVM is. */
    public static final String APP = "org.example.java";

    private static final String COLLECTS = """
            [[collects]]
            purpose = "%s"
            data = [%s]
            basis = "%s"
            recipients = ["provider"]
            destinations = [{ country = "NL", tls = true }]
            retention = "90 days"
            notice = "2025-10-10"

            """;

    private final Path declaration;
    private final Process process;
    private final Writer orders;
    private final BufferedReader replies;
    private final String address;

    private World(Path declaration) throws IOException {
        this.declaration = declaration;
        Path program = Path.of(System.getProperty("consentd.programs"), "world");
        process = new ProcessBuilder(program.toString(), declaration.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        orders = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
        replies = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        address = reply();
    }

    /** Starts all of it. */
    public static World start() {
        try {
            Path executable = Path.of("/proc/self/exe").toRealPath();
            String text = "[app]\nid = \"" + APP + "\"\nname = \"Java app\"\n\n[identity]\nexecutable = \""
                    + executable + "\"\n\n"
                    + COLLECTS.formatted("ads.personalised", "\"device.oaid\", \"device.gaid\"", "consent")
                    + COLLECTS.formatted(
                            "location.services", "\"location.precise\", \"location.approximate\"", "contract")
                    + COLLECTS.formatted(
                            "services.operation", "\"app.instance_id\", \"device.resolution\"", "contract");
            Path declaration = Files.createTempFile("declaration-", ".toml");
            Files.writeString(declaration, text);
            return new World(declaration);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The bus's address. */
    public String address() {
        return address;
    }

    /** Gives an order, and waits until it is carried out; what came of it. */
    public synchronized String tell(String order) {
        try {
            orders.write(order + "\n");
            orders.flush();
            String reply = reply();
            if (reply.startsWith("error")) {
                throw new IllegalStateException(order + ": " + reply);
            }
            return reply;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String reply() throws IOException {
        String reply = replies.readLine();
        if (reply == null) {
            throw new IOException("the world has ended");
        }
        return reply;
    }

    @Override
    public void close() {
        try {
            orders.close();
            process.waitFor();
            Files.delete(declaration);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
