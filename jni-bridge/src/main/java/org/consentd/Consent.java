package org.consentd;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * This app's gate to consentd. Open one, keep it as long as the app runs, and ask it from any thread:
 *
 * <pre>{@code
 * Consent consent = Consent.open();
 * Purpose forecast = consent.purpose("location.services");
 * DataItem position = consent.data("location.precise");
 * if (consent.check(forecast, position).isAllowed()) { … }
 * }</pre>
 *
 * <p>A {@linkplain #check check} reads shared memory: it takes nanoseconds, no lock, no system call, and leaves no
 * garbage; what the user switches off is off for the next check. Where the memory cannot say, a check asks the
 * daemon over the bus and so may wait; {@link #checkNow} never does. When the daemon restarts the gate opens again
 * by itself; until then every check denies with {@link Reason#DAEMON_UNAVAILABLE}.
 *
 * <p>All methods may be called from any thread at any time, {@link #close} too: then checks deny, and everything
 * else throws {@link ClosedException}. Nulls are refused with a {@link NullPointerException}.
 */
public final class Consent implements AutoCloseable {
    private final int number;
    private final Events events;

    private Consent(int number) {
        this.number = number;
        this.events = new Events(number);
    }

    /**
     * Opens the gate on the system bus (or where {@code DBUS_SYSTEM_BUS_ADDRESS} says).
     *
     * @return the gate, until it is closed
     * @throws DaemonUnavailableException if there is no bus
     * @throws NativeLibraryException if the native library cannot be loaded
     */
    public static Consent open() {
        return openAt(null);
    }

    /**
     * Opens the gate on the bus at an address.
     *
     * @param address a D-Bus address, such as {@code unix:path=/run/bus}
     * @return the gate, until it is closed
     * @throws DaemonUnavailableException if there is no bus
     * @throws NativeLibraryException if the native library cannot be loaded
     */
    public static Consent open(String address) {
        return openAt(Objects.requireNonNull(address, "address"));
    }

    /**
     * Takes a gate whose four descriptors came by another way than D-Bus: on Android, with a binder call. It
     * knows no bus: what only the daemon can answer denies, and {@link #checkNow} gives null for it, so that the
     * caller can ask the daemon its own way. When that daemon ends it denies for good; take another gate then.
     *
     * <p>The descriptors are given away, whether this succeeds or not: detach them from what held them, and do
     * not close them.
     *
     * @param pageFd the descriptor called {@code page}
     * @param usageFd the descriptor called {@code usage}
     * @param aliveFd the descriptor called {@code alive}
     * @param lineFd the descriptor called {@code line}
     * @return the gate, until it is closed
     * @throws InvalidArgumentException if they are no gate's, or not of one gate
     * @throws NativeLibraryException if the native library cannot be loaded
     */
    public static Consent fromGate(int pageFd, int usageFd, int aliveFd, int lineFd) {
        NativeLibrary.load();
        return new Consent(Native.fromGate0(pageFd, usageFd, aliveFd, lineFd));
    }

    private static Consent openAt(@Nullable String address) {
        NativeLibrary.load();
        return new Consent(Native.open0(address));
    }

    /**
     * The handle of a purpose. One the catalogue does not have is no error: checks for it deny, and say why.
     *
     * @param id such as {@code ads.personalised}
     * @return its handle, good for this Consent
     * @throws InvalidArgumentException if no purpose can have this id
     */
    public Purpose purpose(String id) {
        return new Purpose(this, Native.purpose0(number, Objects.requireNonNull(id, "id")), id);
    }

    /**
     * The handle of a data item. One the catalogue does not have is no error: checks for it deny, and say why.
     *
     * @param id such as {@code device.oaid}
     * @return its handle, good for this Consent
     * @throws InvalidArgumentException if no item can have this id
     */
    public DataItem data(String id) {
        return new DataItem(this, Native.data0(number, Objects.requireNonNull(id, "id")), id);
    }

    /**
     * May this app collect this item for this purpose, now? The answer is recorded.
     *
     * @param purpose why, a handle of this Consent
     * @param data what, a handle of this Consent
     * @return the decision; a denial where there is any doubt
     * @throws IllegalArgumentException if a handle is another Consent's
     */
    public Decision check(Purpose purpose, DataItem data) {
        if (purpose.consent != this || data.consent != this) {
            throw stranger();
        }
        int code = Native.check0(number, purpose.number, data.number);
        return code >= 0 ? Decision.of(code) : Decision.of(Native.call0(number, purpose.number, data.number));
    }

    /**
     * The same check if it can be answered at once, without waiting for the daemon: for a thread that must not
     * wait, such as one that draws.
     *
     * @param purpose why, a handle of this Consent
     * @param data what, a handle of this Consent
     * @return the decision; null where only the daemon can say, and nothing is recorded
     * @throws IllegalArgumentException if a handle is another Consent's
     */
    public @Nullable Decision checkNow(Purpose purpose, DataItem data) {
        if (purpose.consent != this || data.consent != this) {
            throw stranger();
        }
        int code = Native.check0(number, purpose.number, data.number);
        return code >= 0 ? Decision.of(code) : null;
    }

    /**
     * Several items as they stand at one moment, judged together: what is personal makes all of them personal.
     *
     * @param purpose why, a handle of this Consent
     * @param data what, without doubles, 256 at most
     * @return a decision for each, in the order asked
     * @throws InvalidArgumentException if there is none, one twice, or too many
     */
    public List<Decision> checkAll(Purpose purpose, List<DataItem> data) {
        return decisions(Native.checkAll0(number, numberOf(purpose), numbersOf(data)));
    }

    /**
     * The same, with what the app knows besides. Always asks the daemon, and so waits.
     *
     * @param purpose why, a handle of this Consent
     * @param data what, without doubles, 256 at most
     * @param context what else is known
     * @return a decision for each, in the order asked
     * @throws InvalidArgumentException if the list or the context is wrong
     */
    public List<Decision> checkWith(Purpose purpose, List<DataItem> data, Context context) {
        return decisions(Native.checkWith0(number, numberOf(purpose), numbersOf(data), context.parts()));
    }

    /**
     * Like {@link #checkWith}, but what nobody has decided is put to the user. The answer is never
     * {@link Outcome#ASK}: no answer in time is a denial.
     *
     * <p>To cancel the future, or to let it {@linkplain CompletableFuture#orTimeout time out}, takes the question
     * back. It fails with a {@link ConsentException} where the question could not be asked, and with a
     * {@link ClosedException} when this is closed.
     *
     * @param purpose why, a handle of this Consent
     * @param data what, without doubles, 256 at most
     * @param context what else is known, and the deadline
     * @return a decision for each, in the order asked, once the user gave it
     */
    public CompletableFuture<List<Decision>> request(Purpose purpose, List<DataItem> data, Context context) {
        return events.request(numberOf(purpose), numbersOf(data), context.parts());
    }

    /**
     * As whom consentd knows this process: {@code app}, {@code kind}, {@code instance}, {@code user},
     * {@code trust}; or {@code identified} false, and {@code why}.
     *
     * @return the answer of the daemon's {@code WhoAmI}, in words
     */
    public Map<String, String> whoAmI() {
        String[] words = Native.whoAmI0(number);
        Map<String, String> caller = new LinkedHashMap<>();
        for (int i = 0; i + 1 < words.length; i += 2) {
            caller.put(words[i], words[i + 1]);
        }
        return Collections.unmodifiableMap(caller);
    }

    /**
     * Has a listener called after changes, from now on.
     *
     * @param listener the listener; one that is added twice is called twice
     */
    public void addChangeListener(ChangeListener listener) {
        events.add(Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Has it called no more; a call that is under way goes on.
     *
     * @param listener the listener; one that is not known is no error
     */
    public void removeChangeListener(ChangeListener listener) {
        events.remove(Objects.requireNonNull(listener, "listener"));
    }

    /** Closes the gate. Checks from now on deny; requests that wait fail. Closing again is nothing. */
    @Override
    public void close() {
        Native.close0(number);
    }

    private int numberOf(Purpose purpose) {
        if (purpose.consent != this) {
            throw stranger();
        }
        return purpose.number;
    }

    private int[] numbersOf(List<DataItem> data) {
        int[] numbers = new int[data.size()];
        int at = 0;
        for (DataItem item : data) {
            if (item.consent != this) {
                throw stranger();
            }
            numbers[at++] = item.number;
        }
        return numbers;
    }

    static List<Decision> decisions(int[] codes) {
        Decision[] decisions = new Decision[codes.length];
        for (int i = 0; i < codes.length; i++) {
            decisions[i] = Decision.of(codes[i]);
        }
        return List.of(decisions);
    }

    private static IllegalArgumentException stranger() {
        return new IllegalArgumentException("the handle is another Consent's; make it with this one");
    }
}
