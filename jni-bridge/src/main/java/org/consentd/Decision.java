package org.consentd;

import java.util.Arrays;

/**
 * One answer: what is decided about one data item, why, and what to use instead where it is refused.
 *
 * <p>Immutable, and one object for each answer there can be: equal decisions are identical, and a check makes no
 * garbage.
 */
public final class Decision {
    private static final int REFUSAL_SHIFT = 8;
    private static final int REASON_SHIFT = 2;
    private static final Decision UNAVAILABLE = new Decision(Reason.DAEMON_UNAVAILABLE, Refusal.NONE);
    /** By the number that the native side packs an answer to; a number that is no answer's denies. */
    private static final Decision[] BY_CODE = byCode();

    private final Reason reason;
    private final Refusal refusal;
    private final boolean allowed;

    private Decision(Reason reason, Refusal refusal) {
        this.reason = reason;
        this.refusal = refusal;
        this.allowed = reason.outcome() == Outcome.ALLOW;
    }

    private static Decision[] byCode() {
        Decision[] decisions = new Decision[1 << 11];
        Arrays.fill(decisions, UNAVAILABLE);
        for (Reason reason : Reason.values()) {
            for (Refusal refusal : Refusal.values()) {
                boolean allows = reason.outcome() == Outcome.ALLOW;
                if (allows == (refusal == Refusal.NOTHING)) {
                    int code = reason.outcome().ordinal()
                            | reason.ordinal() << REASON_SHIFT
                            | refusal.ordinal() << REFUSAL_SHIFT;
                    decisions[code] = new Decision(reason, refusal);
                }
            }
        }
        decisions[0] = UNAVAILABLE;
        return decisions;
    }

    /** The decision that the native side packed. */
    static Decision of(int code) {
        Decision[] decisions = BY_CODE;
        return code >= 0 && code < decisions.length ? decisions[code] : UNAVAILABLE;
    }

    /**
     * Whether the app may collect the item. {@link Outcome#ASK} is no permission.
     *
     * @return true for {@link Outcome#ALLOW} alone
     */
    public boolean isAllowed() {
        return allowed;
    }

    /**
     * What is decided.
     *
     * @return allow, deny or ask
     */
    public Outcome outcome() {
        return reason.outcome();
    }

    /**
     * Why.
     *
     * @return the reason
     */
    public Reason reason() {
        return reason;
    }

    /**
     * What to use in place of the item.
     *
     * @return {@link Refusal#NOTHING} when it is allowed
     */
    public Refusal refusal() {
        return refusal;
    }

    /** Such as {@code deny because toggle-off, use zero-uuid instead}. */
    @Override
    public String toString() {
        String answer = outcome().id() + " because " + reason.id();
        boolean substitute = refusal != Refusal.NOTHING && refusal != Refusal.NONE;
        return substitute ? answer + ", use " + refusal.id() + " instead" : answer;
    }
}
