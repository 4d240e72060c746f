package org.consentd;

/** The {@link Consent} is closed. A check denies instead. */
public final class ClosedException extends ConsentException {
    private static final long serialVersionUID = 1L;

    ClosedException(String message) {
        super(message);
    }
}
