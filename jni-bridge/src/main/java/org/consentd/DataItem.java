package org.consentd;

/**
 * One kind of data, such as {@code device.oaid}: a handle of one {@link Consent}, which made it with
 * {@link Consent#data(String)}. Make it once and keep it; it stays good over restarts of the daemon.
 */
public final class DataItem {
    final Consent consent;
    final int number;
    private final String id;

    DataItem(Consent consent, int number, String id) {
        this.consent = consent;
        this.number = number;
        this.id = id;
    }

    /**
     * Its id in the catalogue.
     *
     * @return such as {@code device.oaid}
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
