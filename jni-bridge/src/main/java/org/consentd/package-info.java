/**
 * Asks consentd, in process, whether this app may collect.
 *
 * <p>Begin with {@link org.consentd.Consent}. A check costs nanoseconds: it reads memory that the daemon shares
 * with this app, and says {@link org.consentd.Outcome#DENY deny} wherever there is doubt. A denial is an answer;
 * exceptions are for questions that could not be asked.
 */
@NullMarked
package org.consentd;

import org.jspecify.annotations.NullMarked;
