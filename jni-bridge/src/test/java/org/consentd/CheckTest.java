package org.consentd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Questions right and wrong, put to a real daemon. */
class CheckTest {
    private World world;
    private Consent consent;
    private Purpose ads;
    private Purpose location;
    private DataItem oaid;
    private DataItem precise;
    private DataItem approximate;

    @BeforeEach
    void open() {
        world = World.start();
        consent = Consent.open(world.address());
        ads = consent.purpose("ads.personalised");
        location = consent.purpose("location.services");
        oaid = consent.data("device.oaid");
        precise = consent.data("location.precise");
        approximate = consent.data("location.approximate");
    }

    @AfterEach
    void close() {
        consent.close();
        world.close();
    }

    @Test
    void thisJvmIsTheDeclaredApp() {
        assertEquals(World.APP, consent.whoAmI().get("app"), () -> consent.whoAmI().toString());
    }

    @Test
    void anAnswerIsTheUsersChoiceAtOnce() {
        assertSame(decision(Reason.TOGGLE_OFF, Refusal.ZERO_UUID), consent.check(ads, oaid));
        world.tell("set ad-services all on");
        assertSame(decision(Reason.CONSENTED, Refusal.NOTHING), consent.check(ads, oaid));
        world.tell("set ad-services all off");
        assertSame(decision(Reason.TOGGLE_OFF, Refusal.ZERO_UUID), consent.check(ads, oaid));
        assertSame(decision(Reason.NOT_SET, Refusal.NONE), consent.check(location, precise));
        assertTrue(consent.check(consent.purpose("services.operation"), consent.data("app.instance_id")).isAllowed());
        // All of these without the bus.
        assertSame(decision(Reason.TOGGLE_OFF, Refusal.ZERO_UUID), consent.checkNow(ads, oaid));
    }

    @Test
    void whatIsUnknownOrUndeclaredIsDeniedByName() {
        assertEquals(Reason.UNKNOWN_PURPOSE, consent.check(consent.purpose("no.such"), oaid).reason());
        assertEquals(Reason.UNKNOWN_DATA, consent.check(ads, consent.data("no.such")).reason());
        assertEquals(Reason.UNDECLARED, consent.check(location, oaid).reason());
    }

    @Test
    void aChoiceForOneTimeIsTheDaemonsToAnswer() {
        world.tell("set location.app " + World.APP + " on");
        world.tell("once location.precise " + World.APP);
        assertNull(consent.checkNow(location, precise));
        assertTrue(consent.check(location, precise).isAllowed());
        assertEquals(Outcome.ASK, consent.check(location, precise).outcome());
    }

    @Test
    void severalItemsAreAnsweredInTheOrderAsked() {
        world.tell("set location.app " + World.APP + " on");
        List<Decision> decisions = consent.checkAll(location, List.of(precise, approximate));
        assertEquals(List.of(Outcome.ASK, Outcome.ALLOW), decisions.stream().map(Decision::outcome).toList());
        assertEquals(Refusal.APPROXIMATE, decisions.get(0).refusal());
        List<Decision> turned = consent.checkAll(location, List.of(approximate, precise));
        assertEquals(List.of(decisions.get(1), decisions.get(0)), turned);
        assertEquals(decisions, consent.checkWith(location, List.of(precise, approximate), Context.none()));
    }

    @Test
    void aContextTightens() {
        world.tell("set ad-services all on");
        List<DataItem> data = List.of(oaid);
        assertTrue(consent.checkWith(ads, data, Context.none().withDestination("NL").withSecure(true)).get(0).isAllowed());
        assertEquals(
                Reason.RECIPIENT_NOT_DECLARED,
                consent.checkWith(ads, data, Context.none().withRecipient("somebody")).get(0).reason());
        assertEquals(
                Reason.INSECURE_DESTINATION,
                consent.checkWith(ads, data, Context.none().withSecure(false).withTag("banner")).get(0).reason());
    }

    @Test
    void questionsThatAreNoneAreRefused() {
        assertThrows(InvalidArgumentException.class, () -> consent.purpose(""));
        assertThrows(InvalidArgumentException.class, () -> consent.purpose("x".repeat(129)));
        assertThrows(InvalidArgumentException.class, () -> consent.data("device\noaid"));
        assertThrows(InvalidArgumentException.class, () -> consent.data("\0"));
        assertThrows(InvalidArgumentException.class, () -> consent.checkWith(ads, List.of(), Context.none()));
        assertThrows(
                InvalidArgumentException.class, () -> consent.checkWith(ads, List.of(oaid, oaid), Context.none()));
        List<DataItem> many = new ArrayList<>();
        for (int i = 0; i < 257; i++) {
            many.add(consent.data("item." + i));
        }
        assertThrows(ConsentException.class, () -> consent.checkWith(ads, many, Context.none()));
        Context chatter = Context.none().withTag("x".repeat(65));
        assertThrows(ConsentException.class, () -> consent.checkWith(ads, List.of(oaid), chatter));
        // The gate is as it was.
        assertEquals(Reason.TOGGLE_OFF, consent.check(ads, oaid).reason());
    }

    @Test
    void nullsAreRefused() {
        assertThrows(NullPointerException.class, () -> Consent.open(null));
        assertThrows(NullPointerException.class, () -> consent.purpose(null));
        assertThrows(NullPointerException.class, () -> consent.data(null));
        assertThrows(NullPointerException.class, () -> consent.check(null, oaid));
        assertThrows(NullPointerException.class, () -> consent.check(ads, null));
        assertThrows(NullPointerException.class, () -> consent.checkAll(ads, null));
        List<DataItem> holed = new ArrayList<>();
        holed.add(null);
        assertThrows(NullPointerException.class, () -> consent.checkAll(ads, holed));
        assertThrows(NullPointerException.class, () -> consent.checkWith(ads, List.of(oaid), null));
        assertThrows(NullPointerException.class, () -> consent.request(ads, List.of(oaid), null));
        assertThrows(NullPointerException.class, () -> consent.addChangeListener(null));
        assertThrows(NullPointerException.class, () -> Context.none().withTag(null));
    }

    @Test
    void aHandleOfAnotherConsentIsRefused() {
        try (Consent other = Consent.open(world.address())) {
            assertThrows(IllegalArgumentException.class, () -> other.check(ads, oaid));
            assertThrows(IllegalArgumentException.class, () -> other.checkAll(other.purpose("x"), List.of(oaid)));
        }
    }

    @Test
    void numbersOfNobodyDeny() {
        for (int number : new int[] {-1, 0, 1_000_000, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            int consentOfNobody = Native.check0(number, 0, 0);
            assertEquals(0, consentOfNobody, "consent " + number);
        }
    }

    @Test
    void whereThereIsNoBusOpeningSaysSo() {
        assertThrows(DaemonUnavailableException.class, () -> Consent.open("unix:path=/nowhere/bus"));
        assertThrows(ConsentException.class, () -> Consent.open("no address at all"));
    }

    private static Decision decision(Reason reason, Refusal refusal) {
        return Decision.of(reason.outcome().ordinal() | reason.ordinal() << 2 | refusal.ordinal() << 8);
    }
}
