package org.consentd;

/** Natives that only the library built for tests has: panics on demand, and a gate's descriptors. */
final class Faults {
    private Faults() {}

    /** Panics where any native may, in what needs a JNIEnv. */
    static native int panic0();

    /** Panics in a check, where no exception can be thrown. */
    static native int panicInCheck0(int consent, int purpose, int data);

    /** The descriptors of a gate of this process: page, usage, alive, line. */
    static native int[] openGate0(String address);
}
