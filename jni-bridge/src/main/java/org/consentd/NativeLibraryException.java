package org.consentd;

/** The native library could not be loaded. The message says from where it was tried. */
public final class NativeLibraryException extends ConsentException {
    private static final long serialVersionUID = 1L;

    NativeLibraryException(String message, Throwable cause) {
        super(message, cause);
    }
}
