package org.consentd;

/** Why a decision is what it is. The order is the order of the numbers of the native side. */
public enum Reason {
    /** The daemon cannot be reached, or nothing is known. */
    DAEMON_UNAVAILABLE(Outcome.DENY, "daemon-unavailable"),
    /** The user consented. */
    CONSENTED(Outcome.ALLOW, "consented"),
    /** It is needed for what the user asked for. */
    CONTRACT(Outcome.ALLOW, "contract"),
    /** The law asks for it. */
    LEGAL_OBLIGATION(Outcome.ALLOW, "legal-obligation"),
    /** On a legitimate interest, to which the user has not objected. */
    LEGITIMATE_INTEREST(Outcome.ALLOW, "legitimate-interest"),
    /** The user has not decided yet. */
    NOT_SET(Outcome.ASK, "not-set"),
    /** The app collects more than the notice said that the user consented to. */
    NOTICE_CHANGED(Outcome.ASK, "notice-changed"),
    /** consentd does not know which app this is. */
    UNIDENTIFIED(Outcome.DENY, "unidentified"),
    /** This app's identity proves too little for this item. */
    INSUFFICIENT_TRUST(Outcome.DENY, "insufficient-trust"),
    /** The catalogue has no such purpose. */
    UNKNOWN_PURPOSE(Outcome.DENY, "unknown-purpose"),
    /** The catalogue has no such data item. */
    UNKNOWN_DATA(Outcome.DENY, "unknown-data"),
    /** The catalogue refuses this item for this purpose always. */
    FORBIDDEN(Outcome.DENY, "forbidden"),
    /** The app has not declared that it collects this. */
    UNDECLARED(Outcome.DENY, "undeclared"),
    /** The purpose asks for something that the declaration or the context lacks. */
    REQUIREMENT_NOT_MET(Outcome.DENY, "requirement-not-met"),
    /** Not for a minor. */
    MINOR(Outcome.DENY, "minor"),
    /** The user objected. */
    OBJECTED(Outcome.DENY, "objected"),
    /** The user had processing restricted. */
    RESTRICTED(Outcome.DENY, "restricted"),
    /** What is kept is kept for the law alone. */
    ISOLATED(Outcome.DENY, "isolated"),
    /** The declared legal basis does not hold in the user's region. */
    BASIS_NOT_PERMITTED(Outcome.DENY, "basis-not-permitted"),
    /** The recipient is not declared. */
    RECIPIENT_NOT_DECLARED(Outcome.DENY, "recipient-not-declared"),
    /** It may not go to that country. */
    TRANSFER_NOT_PERMITTED(Outcome.DENY, "transfer-not-permitted"),
    /** The way there is not encrypted. */
    INSECURE_DESTINATION(Outcome.DENY, "insecure-destination"),
    /** The administrator holds the switch off. */
    LOCKED(Outcome.DENY, "locked"),
    /** A switch is off. */
    TOGGLE_OFF(Outcome.DENY, "toggle-off"),
    /** The user declined the newer notice. */
    NOTICE_DECLINED(Outcome.DENY, "notice-declined"),
    /** The user said no. */
    REFUSED(Outcome.DENY, "refused"),
    /** The user did not answer in time. */
    TIMED_OUT(Outcome.DENY, "timed-out"),
    /** Nobody is there to ask the user. */
    NO_AGENT(Outcome.DENY, "no-agent"),
    /** The user said no twice and is not asked again. */
    TOO_MANY_REFUSALS(Outcome.DENY, "too-many-refusals"),
    /** The daemon cannot read what the user decided. */
    STORE_UNAVAILABLE(Outcome.DENY, "store-unavailable"),
    /** The daemon cannot read its catalogue. */
    CATALOG_UNAVAILABLE(Outcome.DENY, "catalog-unavailable"),
    /** The cookie is essential. */
    ESSENTIAL(Outcome.ALLOW, "essential"),
    /** The cookie is not listed. */
    UNLISTED(Outcome.DENY, "unlisted"),
    /** The cookie's category is off. */
    CATEGORY_OFF(Outcome.DENY, "category-off");

    private final Outcome outcome;
    private final String id;

    Reason(Outcome outcome, String id) {
        this.outcome = outcome;
        this.id = id;
    }

    /**
     * The outcome it goes with, always the same.
     *
     * @return the outcome
     */
    public Outcome outcome() {
        return outcome;
    }

    /**
     * Its word in the contract.
     *
     * @return such as {@code toggle-off}
     */
    public String id() {
        return id;
    }
}
