package org.consentd;

/** The bus or the daemon cannot be reached, or cannot answer now. Later it may. */
public final class DaemonUnavailableException extends ConsentException {
    private static final long serialVersionUID = 1L;

    DaemonUnavailableException(String message) {
        super(message);
    }
}
