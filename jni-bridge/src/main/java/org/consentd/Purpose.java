package org.consentd;

/**
 * Why data is taken, such as {@code ads.personalised}: a handle of one {@link Consent}, which made it with
 * {@link Consent#purpose(String)}. Make it once and keep it; it stays good over restarts of the daemon.
 */
public final class Purpose {
    final Consent consent;
    final int number;
    private final String id;

    Purpose(Consent consent, int number, String id) {
        this.consent = consent;
        this.number = number;
        this.id = id;
    }

    /**
     * Its id in the catalogue.
     *
     * @return such as {@code ads.personalised}
     */
    public String id() {
        return id;
    }

    /** The id. */
    @Override
    public String toString() {
        return id;
    }
}
