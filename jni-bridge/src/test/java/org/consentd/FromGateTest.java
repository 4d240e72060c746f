package org.consentd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A gate whose descriptors came by another way than D-Bus, as on Android. */
class FromGateTest {
    private World world;

    @BeforeEach
    void start() {
        world = World.start();
        NativeLibrary.load();
    }

    @AfterEach
    void end() {
        world.close();
    }

    @Test
    void itAnswersAndHearsOfChangesAndDeniesWhenItsDaemonDies() {
        int[] fds = Faults.openGate0(world.address());
        try (Consent consent = Consent.fromGate(fds[0], fds[1], fds[2], fds[3])) {
            Purpose ads = consent.purpose("ads.personalised");
            DataItem oaid = consent.data("device.oaid");
            assertEquals(Reason.TOGGLE_OFF, consent.check(ads, oaid).reason());
            world.tell("set ad-services all on");
            assertTrue(consent.check(ads, oaid).isAllowed());
            assertTrue(consent.checkAll(ads, List.of(oaid)).get(0).isAllowed());
            // What the page does not have, only the daemon knows, and there is no way to it.
            DataItem unknown = consent.data("no.such");
            assertNull(consent.checkNow(ads, unknown));
            assertEquals(Outcome.DENY, consent.check(ads, unknown).outcome());
            world.tell("kill");
            assertEquals(Reason.DAEMON_UNAVAILABLE, consent.check(ads, oaid).reason());
            world.tell("start");
            assertEquals(Reason.DAEMON_UNAVAILABLE, consent.check(ads, oaid).reason());
        }
    }

    @Test
    void whatIsNoGateIsRefused() {
        assertThrows(InvalidArgumentException.class, () -> Consent.fromGate(-1, -2, -3, -4));
        assertThrows(InvalidArgumentException.class, () -> Consent.fromGate(90_001, 90_002, 90_003, 90_004));
        assertThrows(InvalidArgumentException.class, () -> Consent.fromGate(0, 0, 0, 0));
        // Of two gates, and in the wrong order: taken and closed all the same.
        int[] one = Faults.openGate0(world.address());
        int[] other = Faults.openGate0(world.address());
        assertThrows(InvalidArgumentException.class, () -> Consent.fromGate(one[0], other[1], one[2], one[3]));
        assertThrows(InvalidArgumentException.class, () -> Consent.fromGate(other[2], other[0], one[1], other[3]));
        int[] good = Faults.openGate0(world.address());
        try (Consent consent = Consent.fromGate(good[0], good[1], good[2], good[3])) {
            assertNotNull(consent);
        }
    }
}
