package org.consentd.bench;

/** A native that does nothing. */
final class Empty {
    static {
        System.load(System.getProperty("consentd.bench.empty"));
    }

    private Empty() {}

    static native int call(int a, int b, int c);
}
