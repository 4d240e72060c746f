package org.consentd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/** Closing, also in the middle of everything. */
class CloseTest {
    private World world;

    @BeforeEach
    void start() {
        world = World.start();
    }

    @AfterEach
    void end() {
        world.close();
    }

    @Test
    void afterCloseChecksDenyAndTheRestThrows() {
        Consent consent = Consent.open(world.address());
        Purpose operation = consent.purpose("services.operation");
        DataItem id = consent.data("app.instance_id");
        assertEquals(Outcome.ALLOW, consent.check(operation, id).outcome());
        consent.close();
        consent.close();
        assertEquals(Reason.DAEMON_UNAVAILABLE, consent.check(operation, id).reason());
        assertThrows(ClosedException.class, () -> consent.purpose("x"));
        assertThrows(ClosedException.class, () -> consent.data("x"));
        assertThrows(ClosedException.class, () -> consent.checkAll(operation, List.of(id)));
        assertThrows(ClosedException.class, () -> consent.checkWith(operation, List.of(id), Context.none()));
        assertThrows(ClosedException.class, consent::whoAmI);
        assertThrows(ClosedException.class, () -> consent.addChangeListener(generation -> {}));
        assertEquals(
                ClosedException.class,
                assertThrows(Exception.class, () -> consent.request(operation, List.of(id), Context.none()).get())
                        .getCause().getClass());
    }

    @RepeatedTest(5)
    void checksAtFullSpeedSurviveAClose() throws Exception {
        Consent consent = Consent.open(world.address());
        Purpose operation = consent.purpose("services.operation");
        DataItem id = consent.data("app.instance_id");
        int threads = 4;
        CountDownLatch allowed = new CountDownLatch(threads);
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        List<Future<Decision>> ends = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            ends.add(executor.submit(() -> {
                Decision decision = consent.check(operation, id);
                allowed.countDown();
                while (decision.isAllowed()) {
                    decision = consent.check(operation, id);
                }
                return decision;
            }));
        }
        allowed.await();
        consent.close();
        for (Future<Decision> end : ends) {
            assertEquals(Reason.DAEMON_UNAVAILABLE, end.get().reason());
        }
        executor.shutdown();
    }

    @Test
    void manyMayBeOpenedOneAfterTheOther() {
        for (int i = 0; i < 300; i++) {
            try (Consent consent = Consent.open(world.address())) {
                Decision decision =
                        consent.check(consent.purpose("services.operation"), consent.data("app.instance_id"));
                assertEquals(Outcome.ALLOW, decision.outcome(), "opening " + i);
            }
        }
    }
}
