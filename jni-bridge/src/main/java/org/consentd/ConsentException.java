package org.consentd;

/**
 * A question could not be asked. The message says why, and what to do. Unchecked, as a check itself never throws
 * for what the daemon does or does not do: it denies.
 */
public class ConsentException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ConsentException(String message) {
        super(message);
    }

    ConsentException(String message, Throwable cause) {
        super(message, cause);
    }
}
