package org.consentd;

/** What a collector that was refused uses instead. The order is the order of the numbers of the native side. */
public enum Refusal {
    /** Nothing at all. */
    NONE("none"),
    /** An empty list. */
    EMPTY("empty"),
    /** The all-zero UUID. */
    ZERO_UUID("zero-uuid"),
    /** The approximate counterpart, which is allowed. */
    APPROXIMATE("approximate"),
    /** Nothing is refused: the item is allowed. */
    NOTHING("");

    private final String id;

    Refusal(String id) {
        this.id = id;
    }

    /**
     * Its word in the contract.
     *
     * @return such as {@code zero-uuid}; empty for {@link #NOTHING}
     */
    public String id() {
        return id;
    }
}
