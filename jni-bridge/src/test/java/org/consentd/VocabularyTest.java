package org.consentd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The words and numbers of answers are those of the native side, all of them. */
class VocabularyTest {
    /** Where the native side has them: {@code NotSet 5 Ask "not-set";}. */
    private static final Path SOURCE = Path.of("../gate/src/answer.rs");

    @Test
    void everyReasonHasItsNumberOutcomeAndWord() throws IOException {
        Matcher row = Pattern.compile("^    (\\w+) (\\d+) (Allow|Deny|Ask) \"([a-z-]+)\";", Pattern.MULTILINE)
                .matcher(Files.readString(SOURCE));
        List<String> theirs = new ArrayList<>();
        while (row.find()) {
            theirs.add(row.group(2) + " " + row.group(3).toLowerCase(Locale.ROOT) + " " + row.group(4));
        }
        List<String> ours = new ArrayList<>();
        for (Reason reason : Reason.values()) {
            ours.add(reason.ordinal() + " " + reason.outcome().id() + " " + reason.id());
        }
        assertEquals(34, theirs.size(), "the source has another form now");
        assertEquals(theirs, ours);
    }

    @Test
    void everyRefusalAndOutcomeHasItsNumberAndWord() throws IOException {
        String source = Files.readString(SOURCE);
        for (Refusal refusal : Refusal.values()) {
            String name = camel(refusal.name());
            assertTrue(source.contains("    " + name + " = " + refusal.ordinal() + ","), name);
            assertTrue(source.contains("Refusal::" + name + " => \"" + refusal.id() + "\""), name);
        }
        for (Outcome outcome : Outcome.values()) {
            String name = camel(outcome.name());
            assertTrue(source.contains("    " + name + " = " + outcome.ordinal() + ","), name);
            assertTrue(source.contains("Decision::" + name + " => \"" + outcome.id() + "\""), name);
        }
    }

    @Test
    void everyNumberIsADecisionAndOnlyAllowancesAllow() {
        int known = 0;
        for (int code = -3; code < 1 << 12; code++) {
            Decision decision = Decision.of(code);
            assertSame(decision, Decision.of(code));
            assertEquals(decision.outcome() == Outcome.ALLOW, decision.isAllowed());
            assertEquals(decision.refusal() == Refusal.NOTHING, decision.isAllowed());
            boolean doubt = decision.reason() == Reason.DAEMON_UNAVAILABLE && decision.refusal() == Refusal.NONE;
            if (!doubt) {
                int packed = decision.outcome().ordinal()
                        | decision.reason().ordinal() << 2
                        | decision.refusal().ordinal() << 8;
                assertEquals(code, packed);
                known++;
            }
        }
        // Five that allow; 29 that do not, each with four refusals; without the one that is doubt.
        assertEquals(5 + 29 * 4 - 1, known);
        assertEquals("deny because daemon-unavailable", Decision.of(0).toString());
        int off = Reason.TOGGLE_OFF.ordinal() << 2 | Refusal.ZERO_UUID.ordinal() << 8;
        assertEquals("deny because toggle-off, use zero-uuid instead", Decision.of(off).toString());
    }

    private static String camel(String name) {
        StringBuilder camel = new StringBuilder();
        for (String word : name.split("_")) {
            String rest = word.substring(1).toLowerCase(Locale.ROOT);
            camel.append(word.charAt(0)).append(word.equals("UUID") ? "uid" : rest);
        }
        return camel.toString();
    }
}
