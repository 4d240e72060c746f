package org.consentd;

/** This process may not ask that. */
public final class NotAuthorizedException extends ConsentException {
    private static final long serialVersionUID = 1L;

    NotAuthorizedException(String message) {
        super(message);
    }
}
