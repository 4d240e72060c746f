/* consentd's client library: ask before collecting.
 *
 *     consent_t *consent;
 *     int error = consent_open(&consent);
 *     if (error) { fprintf(stderr, "%s\n", consent_strerror(error)); return 1; }
 *     int purpose = consent_purpose(consent, "location.services");
 *     int data = consent_data(consent, "location.precise");
 *     consent_decision_t decision = consent_check(consent, purpose, data);
 *     if (consent_is_allowed(decision)) collect();
 *     consent_close(consent);
 *
 * Link with `pkg-config --libs consent`.
 *
 * Every function may be called from any thread, and in a child that fork made. A null pointer is an error
 * or a denial, never a crash. Nothing here aborts the program. A decision that cannot be had is a denial.
 */
#ifndef CONSENT_H
#define CONSENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An app's way to consentd. One is enough for a program. */
typedef struct consent consent_t;

/* What an app hears about one data item. 0 denies with `daemon-unavailable`. */
typedef uint32_t consent_decision_t;

/* What consent_decision() gives. */
enum {
    CONSENT_DENY = 0,
    CONSENT_ALLOW = 1,
    /* Not allowed now; consent_request() may change that. */
    CONSENT_ASK = 2
};

/* What is returned where something went wrong: always negative. */
enum {
    /* A null pointer, a text that is not UTF-8, or more items than 256. */
    CONSENT_ERROR_ARGUMENT = -1,
    /* An id that is not 1 to 128 printable ASCII characters. */
    CONSENT_ERROR_ID = -2,
    /* More than 1,024 purposes or data items were named. */
    CONSENT_ERROR_TOO_MANY_NAMES = -3,
    /* A number that is not of this consent_t. */
    CONSENT_ERROR_HANDLE = -4,
    /* The bus cannot be reached. */
    CONSENT_ERROR_BUS = -5,
    /* consentd is not there and cannot be started. */
    CONSENT_ERROR_NO_DAEMON = -6,
    /* No answer in time. */
    CONSENT_ERROR_NO_REPLY = -7,
    /* It is closed. */
    CONSENT_ERROR_CLOSED = -8,
    /* The daemon refuses this caller. */
    CONSENT_ERROR_NOT_AUTHORIZED = -9,
    /* The question is wrong: an item twice, or a word that the context does not take. */
    CONSENT_ERROR_INVALID = -10,
    /* More items or bytes than the daemon takes. */
    CONSENT_ERROR_TOO_LARGE = -11,
    /* Too many requests wait already. */
    CONSENT_ERROR_TOO_MANY_REQUESTS = -12,
    /* The daemon has no settings, or no catalogue, to decide by. */
    CONSENT_ERROR_UNAVAILABLE = -13,
    /* The daemon and this library are of different versions. */
    CONSENT_ERROR_VERSION = -14,
    /* The system gives no memory, thread or descriptor. */
    CONSENT_ERROR_SYSTEM = -15,
    /* A fault of this library's own. */
    CONSENT_ERROR_INTERNAL = -16
};

/* What an app may add to a question; it can only tighten the answer. Fill it with zeros, then set what is
 * known: {0} says nothing. */
typedef struct consent_context {
    /* sizeof(struct consent_context), or 0. */
    size_t size;
    /* Who gets the data: one of the recipients that the app declares. */
    const char *recipient;
    /* The country where it goes (ISO 3166), one that the app declares. */
    const char *destination;
    /* Kept in the record: 64 bytes at most. */
    const char *tag;
    /* Whether it travels encrypted: 1 yes, -1 no, 0 not said. */
    int secure;
    /* Whether it was de-identified before: 1 yes, -1 no, 0 not said. */
    int deidentified;
    /* How many seconds a request waits for the user: 1 to 120, or 0 for 20. */
    unsigned int deadline;
} consent_context_t;

/* Connects to the system bus, or where DBUS_SYSTEM_BUS_ADDRESS says, and opens a gate. On success 0 and
 * *out is to be closed; else a negative error and *out is NULL. */
int consent_open(consent_t **out);

/* The same on the bus at this D-Bus address. */
int consent_open_at(const char *address, consent_t **out);

/* Closes it and frees it; NULL is fine. No other thread may use it during this or after. */
void consent_close(consent_t *consent);

/* The number of a purpose, or of a data item: 1 or more, the same for the same id; or a negative error.
 * Ask once and keep it. An id that no catalogue knows has a number too, and is denied. */
int consent_purpose(consent_t *consent, const char *id);
int consent_data(consent_t *consent, const char *id);

/* May the app take this, for this purpose, now? Answered from memory in nanoseconds nearly always; else
 * over the bus, which is waited for, 25 seconds at most. */
consent_decision_t consent_check(const consent_t *consent, int purpose, int data);

/* The same about `count` items together, all of one moment: writes `count` decisions. On success 0; where
 * it is a negative error, the decisions deny. */
int consent_check_all(const consent_t *consent, int purpose, const int *data, size_t count,
                      consent_decision_t *decisions);

/* The same with a context, always over the bus. `context` may be NULL. */
int consent_check_with(const consent_t *consent, int purpose, const int *data, size_t count,
                       const consent_context_t *context, consent_decision_t *decisions);

/* The same, but what asks is put to the user and the answer waited for. */
int consent_request(const consent_t *consent, int purpose, const int *data, size_t count,
                    const consent_context_t *context, consent_decision_t *decisions);

/* A descriptor that is readable when the app's decisions may have changed: for poll(). Owned by `consent`;
 * neither read nor close it. A negative error if there is none. */
int consent_changed_fd(consent_t *consent);

/* Reads that: 1 and the newest generation, 0 if there is nothing new, or a negative error. `generation` may
 * be NULL. */
int consent_changed_read(consent_t *consent, uint64_t *generation);

/* What a decision says. Texts are the library's: never free them. */
int consent_is_allowed(consent_decision_t decision);
/* CONSENT_DENY, CONSENT_ALLOW or CONSENT_ASK. */
int consent_decision(consent_decision_t decision);
/* Why: "consented", "toggle-off", ... */
const char *consent_reason(consent_decision_t decision);
/* What to use instead: "zero-uuid", "empty", "none", "approximate"; "" when allowed. */
const char *consent_refusal(consent_decision_t decision);

/* What an error is and what to do about it. Of the last call of this thread that returned that error it has
 * the particulars; they hold until this thread's next call that fails. */
const char *consent_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
