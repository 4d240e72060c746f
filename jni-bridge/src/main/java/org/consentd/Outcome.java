package org.consentd;

/** What is decided about one data item. */
public enum Outcome {
    /** It may not be collected. */
    DENY("deny"),
    /** It may be collected. */
    ALLOW("allow"),
    /**
     * It may not be collected now: nobody has decided yet.
     * {@link Consent#request(Purpose, java.util.List, Context) request} asks the user.
     */
    ASK("ask");

    private final String id;

    Outcome(String id) {
        this.id = id;
    }

    /**
     * Its word in the contract.
     *
     * @return {@code deny}, {@code allow} or {@code ask}
     */
    public String id() {
        return id;
    }
}
