package org.consentd;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a check adds to purpose and data. It can only tighten: what it does not say is judged as the app declared
 * it. Immutable; each method makes another.
 *
 * <pre>{@code Context.none().withRecipient("sdk:adnet").withDestination("NL").withSecure(true)}</pre>
 */
public final class Context {
    /** The order in which the native side takes them. */
    private static final int RECIPIENT = 0;
    private static final int DESTINATION = 1;
    private static final int SECURE = 2;
    private static final int DEIDENTIFIED = 3;
    private static final int TAG = 4;
    private static final int DEADLINE = 5;
    private static final Context NONE = new Context(new @Nullable String[6]);

    private final @Nullable String[] parts;

    private Context(@Nullable String[] parts) {
        this.parts = parts;
    }

    /**
     * A context that says nothing.
     *
     * @return the empty context
     */
    public static Context none() {
        return NONE;
    }

    /**
     * Who gets the data.
     *
     * @param recipient a declared recipient, such as {@code sdk:adnet}
     * @return this context with it
     */
    public Context withRecipient(String recipient) {
        return with(RECIPIENT, Objects.requireNonNull(recipient, "recipient"));
    }

    /**
     * Where the data goes.
     *
     * @param country an ISO 3166 country, such as {@code NL}
     * @return this context with it
     */
    public Context withDestination(String country) {
        return with(DESTINATION, Objects.requireNonNull(country, "country"));
    }

    /**
     * Whether the way there is encrypted.
     *
     * @param secure true if it is
     * @return this context with it
     */
    public Context withSecure(boolean secure) {
        return with(SECURE, Boolean.toString(secure));
    }

    /**
     * Whether the data can no longer be led back to a person.
     *
     * @param deidentified true if it cannot
     * @return this context with it
     */
    public Context withDeidentified(boolean deidentified) {
        return with(DEIDENTIFIED, Boolean.toString(deidentified));
    }

    /**
     * A note for the record, which the user can read.
     *
     * @param tag 64 bytes at most
     * @return this context with it
     */
    public Context withTag(String tag) {
        return with(TAG, Objects.requireNonNull(tag, "tag"));
    }

    /**
     * How long the user has to answer a request; 20 seconds unless said. A check does not look at it.
     *
     * @param deadline whole seconds, 120 at most
     * @return this context with it
     */
    public Context withDeadline(Duration deadline) {
        return with(DEADLINE, Long.toString(deadline.toSeconds()));
    }

    private Context with(int part, String value) {
        @Nullable String[] others = parts.clone();
        others[part] = value;
        return new Context(others);
    }

    /** For the native side, which only reads it. */
    @Nullable String[] parts() {
        return parts;
    }
}
