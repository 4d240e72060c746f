package org.consentd;

/** Too much of this app's is under way: requests that wait, or gates that are open. */
public final class TooManyRequestsException extends ConsentException {
    private static final long serialVersionUID = 1L;

    TooManyRequestsException(String message) {
        super(message);
    }
}
