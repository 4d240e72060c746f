package org.consentd;

import dalvik.annotation.optimization.CriticalNative;
import org.jspecify.annotations.Nullable;

/**
 * The native side, as the library registers it when it is loaded. A {@link Consent} is a number here and never an
 * address: the number of one that is closed, or of none, denies or throws {@link ClosedException}.
 */
final class Native {
    /** What {@link #check0} answers where only the daemon can: go on with {@link #call0}. */
    static final int CALL = -1;

    private Native() {}

    /** Numbers alone, so that ART calls it without a JNIEnv. Never blocks, never throws. */
    @CriticalNative
    static native int check0(int consent, int purpose, int data);

    /** The same over the bus where it must be: may block. */
    static native int call0(int consent, int purpose, int data);

    static native int open0(@Nullable String address);

    static native int fromGate0(int page, int usage, int alive, int line);

    static native int purpose0(int consent, String id);

    static native int data0(int consent, String id);

    static native int[] checkAll0(int consent, int purpose, int[] data);

    static native int[] checkWith0(int consent, int purpose, int[] data, @Nullable String[] context);

    static native String[] whoAmI0(int consent);

    /** Starts a request under a number of Java's own; {@link #next0} brings its answer. */
    static native void request0(int consent, int request, int purpose, int[] data, @Nullable String[] context);

    static native void cancel0(int consent, int request);

    /** From now on {@link #next0} brings changes too. */
    static native void listen0(int consent);

    /**
     * Waits for what happens next, and meanwhile carries requests on: for one thread, {@link Events}.
     *
     * @return what happened, one of {@link Events}' numbers first; null when the Consent is closed
     */
    static native long @Nullable [] next0(int consent);

    /** Throws what became of a request of which {@link #next0} said that it failed. */
    static native void failure0(int consent, int request);

    /** Closes it, once and for all; again is nothing. */
    static native void close0(int consent);
}
