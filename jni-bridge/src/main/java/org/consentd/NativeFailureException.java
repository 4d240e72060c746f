package org.consentd;

/** The native side is at fault. This is a defect of it; nothing was allowed. */
public final class NativeFailureException extends ConsentException {
    private static final long serialVersionUID = 1L;

    NativeFailureException(String message) {
        super(message);
    }
}
