package org.consentd;

/** The question is wrong: an id that can be none, a list too long or with an item twice, a context of nonsense. */
public final class InvalidArgumentException extends ConsentException {
    private static final long serialVersionUID = 1L;

    InvalidArgumentException(String message) {
        super(message);
    }
}
