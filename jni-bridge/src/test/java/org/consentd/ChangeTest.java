package org.consentd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the user changes, and what becomes of the daemon, while an app runs. */
class ChangeTest {
    private static final long PATIENCE_SECONDS = 60;

    private World world;
    private Consent consent;
    private Purpose ads;
    private DataItem oaid;

    @BeforeEach
    void open() {
        world = World.start();
        consent = Consent.open(world.address());
        ads = consent.purpose("ads.personalised");
        oaid = consent.data("device.oaid");
    }

    @AfterEach
    void close() {
        consent.close();
        world.close();
    }

    @Test
    void listenersHearOfChanges() throws InterruptedException {
        BlockingQueue<Long> heard = new LinkedBlockingQueue<>();
        BlockingQueue<Long> removed = new LinkedBlockingQueue<>();
        ChangeListener gone = removed::add;
        consent.addChangeListener(generation -> {
            throw new IllegalStateException("a listener that fails is not the others' fault");
        });
        consent.addChangeListener(gone);
        consent.addChangeListener(heard::add);
        consent.removeChangeListener(gone);
        consent.check(ads, oaid);
        long generation = Long.parseLong(world.tell("set ad-services all on"));
        Long first = heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        while (first != null && first < generation) {
            first = heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
        assertEquals(generation, first);
        assertTrue(removed.isEmpty());
    }

    @Test
    void noCheckAfterAnOffSeesAnAllowance() throws Exception {
        int threads = 2;
        int flips = 200;
        // Odd while the toggle is off and nobody is about to switch it on.
        AtomicLong phase = new AtomicLong();
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        List<Future<Long>> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            workers.add(executor.submit(() -> {
                long allowed = 0;
                for (long before = phase.get(); before >= 0; before = phase.get()) {
                    boolean allows = consent.check(ads, oaid).isAllowed();
                    if (allows) {
                        allowed++;
                        // A check that began and ended while it was off.
                        boolean off = before % 2 == 1 && before == phase.get();
                        assertFalse(off, "allowed after off had returned");
                    }
                }
                return allowed;
            }));
        }
        for (int i = 0; i < flips; i++) {
            phase.set(2L * i + 2);
            world.tell("set ad-services all on");
            assertTrue(consent.check(ads, oaid).isAllowed());
            world.tell("set ad-services all off");
            phase.set(2L * i + 3);
            assertEquals(Reason.TOGGLE_OFF, consent.check(ads, oaid).reason());
        }
        phase.set(-1);
        long allowed = 0;
        for (Future<Long> worker : workers) {
            allowed += worker.get();
        }
        assertTrue(allowed > 0, "nobody ever saw an allowance");
        executor.shutdown();
    }

    @Test
    void whileTheDaemonIsDeadChecksDenyAndThenAnswerAgain() throws Exception {
        world.tell("set ad-services all on");
        BlockingQueue<Long> heard = new LinkedBlockingQueue<>();
        consent.addChangeListener(heard::add);
        assertTrue(consent.check(ads, oaid).isAllowed());
        for (int i = 0; i < 3; i++) {
            world.tell("kill");
            assertEquals(Reason.DAEMON_UNAVAILABLE, consent.check(ads, oaid).reason());
            heard.clear();
            world.tell("start");
            // Told once it is back.
            while (!consent.check(ads, oaid).isAllowed()) {
                assertTrue(heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS) != null, "it never came back");
            }
        }
    }

    @Test
    void aDaemonThatDiesUnderFullSpeedIsNoException() throws Exception {
        world.tell("set ad-services all on");
        BlockingQueue<Long> heard = new LinkedBlockingQueue<>();
        consent.addChangeListener(heard::add);
        AtomicLong checks = new AtomicLong();
        AtomicLong dead = new AtomicLong();
        Thread worker = new Thread(() -> {
            while (checks.get() >= 0) {
                if (consent.check(ads, oaid).isAllowed()) {
                    checks.updateAndGet(count -> count < 0 ? count : count + 1);
                } else {
                    dead.incrementAndGet();
                }
            }
        });
        worker.start();
        for (int i = 0; i < 3; i++) {
            world.tell("kill");
            world.tell("start");
            while (!consent.check(ads, oaid).isAllowed()) {
                assertTrue(heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS) != null, "it never came back");
            }
        }
        long allowed = checks.getAndSet(-1);
        worker.join();
        assertTrue(allowed > 0 && dead.get() > 0, allowed + " allowed, " + dead + " denied");
    }
}
