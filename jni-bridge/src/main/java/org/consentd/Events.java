package org.consentd;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What happens without being asked for: answers to requests, and changes. One thread waits for both, from the
 * first request or listener on, until the Consent is closed.
 */
final class Events {
    /** CHANGED, generation. */
    private static final int CHANGED = 0;
    /** ANSWERED, request, a decision's number for each item. */
    private static final int ANSWERED = 1;
    /** FAILED, request: {@link Native#failure0} throws why. */
    private static final int FAILED = 2;

    private final int consent;
    private final CopyOnWriteArrayList<ChangeListener> listeners = new CopyOnWriteArrayList<>();
    private final Map<Integer, CompletableFuture<List<Decision>>> requests = new ConcurrentHashMap<>();
    private final AtomicInteger lastRequest = new AtomicInteger();
    private @Nullable Thread thread;
    private boolean listening;

    Events(int consent) {
        this.consent = consent;
    }

    CompletableFuture<List<Decision>> request(int purpose, int[] data, @Nullable String[] context) {
        int request = lastRequest.incrementAndGet();
        CompletableFuture<List<Decision>> future = new CompletableFuture<>();
        // Before a thread is sure to run: one that ends fails all that is here.
        requests.put(request, future);
        start();
        // Whoever ends it but the thread below takes the question back.
        future.whenComplete((decisions, failure) -> {
            if (requests.remove(request) != null) {
                Native.cancel0(consent, request);
            }
        });
        try {
            Native.request0(consent, request, purpose, data, context);
        } catch (ConsentException e) {
            requests.remove(request);
            future.completeExceptionally(e);
        }
        return future;
    }

    synchronized void add(ChangeListener listener) {
        if (!listening) {
            Native.listen0(consent);
            listening = true;
        }
        listeners.add(listener);
        start();
    }

    void remove(ChangeListener listener) {
        listeners.remove(listener);
    }

    private synchronized void start() {
        if (thread == null) {
            thread = new Thread(this::run, "consentd-events");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void run() {
        ConsentException end = new ClosedException("the Consent was closed before the user answered");
        try {
            for (long[] event = Native.next0(consent); event != null; event = Native.next0(consent)) {
                if (event[0] == CHANGED) {
                    tell(event[1]);
                } else {
                    finish((int) event[1], event);
                }
            }
        } catch (ClosedException e) {
            // Closed before it was asked.
        } catch (ConsentException e) {
            end = e;
        } finally {
            stop(end);
        }
    }

    /** Whatever ends the thread: nobody waits in vain, and who comes next starts another. */
    private void stop(ConsentException end) {
        synchronized (this) {
            thread = null;
        }
        for (Integer request : requests.keySet()) {
            CompletableFuture<List<Decision>> future = requests.remove(request);
            if (future != null) {
                fail(future, end);
            }
        }
    }

    private void finish(int request, long[] event) {
        CompletableFuture<List<Decision>> future = requests.remove(request);
        if (event[0] == FAILED) {
            // Fetched even if nobody waits any more: there it is kept until then.
            ConsentException why = failure(request);
            if (future != null) {
                fail(future, why);
            }
        } else if (future != null && event[0] == ANSWERED) {
            int[] codes = new int[event.length - 2];
            for (int i = 0; i < codes.length; i++) {
                codes[i] = (int) event[i + 2];
            }
            // Elsewhere: what hangs on the future may take its time.
            future.completeAsync(() -> Consent.decisions(codes));
        }
    }

    private ConsentException failure(int request) {
        try {
            Native.failure0(consent, request);
        } catch (ConsentException e) {
            return e;
        }
        return new NativeFailureException("a request failed and nobody knows why");
    }

    private static void fail(CompletableFuture<List<Decision>> future, ConsentException why) {
        future.defaultExecutor().execute(() -> future.completeExceptionally(why));
    }

    private void tell(long generation) {
        for (ChangeListener listener : listeners) {
            try {
                listener.changed(generation);
            } catch (RuntimeException e) {
                // One listener's fault is not the others': it is told as that of any thread is.
                Thread current = Thread.currentThread();
                current.getUncaughtExceptionHandler().uncaughtException(current, e);
            }
        }
    }
}
