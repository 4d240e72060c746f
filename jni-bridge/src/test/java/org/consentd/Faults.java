package org.consentd;

/** Panics on demand: natives that only the library built for tests has. */
final class Faults {
    private Faults() {}

    /** Panics where any native may, in what needs a JNIEnv. */
    static native int panic0();

    /** Panics in a check, where no exception can be thrown. */
    static native int panicInCheck0(int consent, int purpose, int data);
}
