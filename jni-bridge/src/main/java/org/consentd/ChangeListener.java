package org.consentd;

/** Hears that decisions about this app may have changed. */
@FunctionalInterface
public interface ChangeListener {
    /**
     * Called after a change, and after the daemon was away. Several changes can be told as one. Runs on a thread
     * of the {@link Consent}'s own, one call at a time: to do more than a little, hand it on.
     *
     * @param generation a number that grows with every change of the device's settings
     */
    void changed(long generation);
}
