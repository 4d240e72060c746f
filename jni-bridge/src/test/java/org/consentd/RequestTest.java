package org.consentd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Questions that are put to the user. */
class RequestTest {
    private static final long PATIENCE_SECONDS = 60;
    private static final Context LONG = Context.none().withDeadline(Duration.ofSeconds(120));

    private World world;
    private Consent consent;
    private Purpose location;
    private List<DataItem> precise;

    @BeforeEach
    void open() {
        world = World.start();
        consent = Consent.open(world.address());
        location = consent.purpose("location.services");
        precise = List.of(consent.data("location.precise"));
    }

    @AfterEach
    void close() {
        consent.close();
        world.close();
    }

    @Test
    void theUsersAnswerCompletesTheFuture() throws Exception {
        world.tell("agent");
        CompletableFuture<List<Decision>> future = consent.request(location, precise, LONG);
        assertEquals("location.precise", world.tell("asked"));
        world.tell("answer always");
        assertTrue(future.get(PATIENCE_SECONDS, TimeUnit.SECONDS).get(0).isAllowed());
        assertTrue(consent.check(location, precise.get(0)).isAllowed());
    }

    @Test
    void aRefusalAndNobodyToAskAreDenials() throws Exception {
        assertEquals(Reason.NO_AGENT, requested().reason());
        world.tell("agent");
        CompletableFuture<List<Decision>> future = consent.request(location, precise, LONG);
        world.tell("asked");
        world.tell("answer deny");
        assertEquals(Reason.REFUSED, future.get(PATIENCE_SECONDS, TimeUnit.SECONDS).get(0).reason());
    }

    @Test
    void noAnswerInTimeIsADenial() throws Exception {
        world.tell("agent");
        CompletableFuture<List<Decision>> future =
                consent.request(location, precise, Context.none().withDeadline(Duration.ofSeconds(1)));
        assertEquals(Reason.TIMED_OUT, future.get(PATIENCE_SECONDS, TimeUnit.SECONDS).get(0).reason());
    }

    @Test
    void cancellingTakesTheQuestionBack() {
        world.tell("agent");
        CompletableFuture<List<Decision>> future = consent.request(location, precise, LONG);
        world.tell("asked");
        assertTrue(future.cancel(true));
        // The agent hears of it: nobody waits any more.
        world.tell("cancelled");
        assertThrows(CancellationException.class, future::join);
        assertEquals(Outcome.ASK, consent.check(location, precise.get(0)).outcome());
    }

    @Test
    void closingFailsWhatWaits() {
        world.tell("agent");
        CompletableFuture<List<Decision>> future = consent.request(location, precise, LONG);
        world.tell("asked");
        consent.close();
        ExecutionException failure =
                assertThrows(ExecutionException.class, () -> future.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
        assertInstanceOf(ClosedException.class, failure.getCause());
    }

    @Test
    void aWrongRequestFailsItsFutureAlone() throws Exception {
        CompletableFuture<List<Decision>> wrong = consent.request(location, List.of(), LONG);
        ExecutionException failure =
                assertThrows(ExecutionException.class, () -> wrong.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
        assertInstanceOf(InvalidArgumentException.class, failure.getCause());
        assertEquals(Reason.NO_AGENT, requested().reason());
    }

    @Test
    void aDaemonThatDiesFailsOrDeniesWhatWaits() throws Exception {
        world.tell("agent");
        CompletableFuture<List<Decision>> future = consent.request(location, precise, LONG);
        world.tell("asked");
        world.tell("kill");
        boolean allowed = future.handle((decisions, failure) -> failure == null && decisions.get(0).isAllowed())
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertTrue(!allowed);
    }

    private Decision requested() throws Exception {
        return consent.request(location, precise, LONG).get(PATIENCE_SECONDS, TimeUnit.SECONDS).get(0);
    }
}
