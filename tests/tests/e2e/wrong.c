#include <consent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define IS(what) if (!(what)) { printf("line %d: %s (%s)\n", __LINE__, #what, consent_strerror(error)); return 1; }

int main(void)
{
    int error = 0;
    consent_t *consent = (consent_t *)1;
    consent_decision_t decisions[2] = {7, 7};
    int items[2];
    uint64_t generation = 0;

    error = consent_open(NULL);
    IS(error == CONSENT_ERROR_ARGUMENT)
    error = consent_open_at("unix:path=/nowhere", &consent);
    IS(error == CONSENT_ERROR_BUS && consent == NULL)
    IS(strlen(consent_strerror(error)) > 10)
    IS(consent_check(NULL, 1, 1) == 0)
    IS(consent_purpose(NULL, "a") == CONSENT_ERROR_ARGUMENT)
    consent_close(NULL);

    error = consent_open(&consent);
    IS(error == 0 && consent != NULL)
    IS(consent_purpose(consent, NULL) == CONSENT_ERROR_ARGUMENT)
    IS(consent_purpose(consent, "") == CONSENT_ERROR_ID)
    IS(consent_data(consent, "\xff") == CONSENT_ERROR_ARGUMENT)
    int purpose = consent_purpose(consent, "security.systems");
    items[0] = consent_data(consent, "logs.crash");
    items[1] = consent_data(consent, "device.cpu");
    IS(purpose > 0 && items[0] > 0 && items[0] != items[1])
    IS(purpose == consent_purpose(consent, "security.systems"))

    consent_decision_t decision = consent_check(consent, purpose, items[0]);
    IS(consent_is_allowed(decision) == 1 && consent_decision(decision) == CONSENT_ALLOW)
    IS(strcmp(consent_reason(decision), "legitimate-interest") == 0)
    IS(strcmp(consent_refusal(decision), "") == 0)
    for (int wrong = -3; wrong < 3; wrong++) {
        IS(!consent_is_allowed(consent_check(consent, wrong, items[0])))
        IS(!consent_is_allowed(consent_check(consent, purpose, wrong)))
    }
    IS(!consent_is_allowed(0xffffffff) && strcmp(consent_reason(0xffffffff), "daemon-unavailable") == 0)

    error = consent_check_all(consent, purpose, items, 2, decisions);
    IS(error == 0 && consent_is_allowed(decisions[0]) && consent_is_allowed(decisions[1]))
    error = consent_check_all(consent, purpose, NULL, 2, decisions);
    IS(error == CONSENT_ERROR_ARGUMENT && decisions[0] == 0 && decisions[1] == 0)
    IS(consent_check_all(consent, purpose, items, 2, NULL) == CONSENT_ERROR_ARGUMENT)
    IS(consent_check_all(consent, purpose, items, (size_t)-1, decisions) == CONSENT_ERROR_ARGUMENT)
    consent_context_t context = {0};
    context.tag = "from C";
    context.deadline = 5;
    error = consent_check_with(consent, purpose, items, 2, &context, decisions);
    IS(error == 0 && consent_is_allowed(decisions[1]))
    error = consent_check_with(consent, purpose, items, 2, NULL, decisions);
    IS(error == 0)
    error = consent_request(consent, purpose, items, 1, &context, decisions);
    IS(error == 0 && consent_is_allowed(decisions[0]))
    items[1] = items[0];
    error = consent_check_with(consent, purpose, items, 2, &context, decisions);
    IS(error == CONSENT_ERROR_INVALID && decisions[0] == 0)

    struct pollfd changed = {consent_changed_fd(consent), POLLIN, 0};
    IS(changed.fd >= 0 && poll(&changed, 1, 0) == 0)
    IS(consent_changed_read(consent, &generation) == 0)
    IS(consent_changed_read(consent, NULL) == 0)

    consent_close(consent);
    consent_close(consent);
    IS(!consent_is_allowed(consent_check(consent, purpose, items[0])))
    IS(consent_check_all(consent, purpose, items, 1, decisions) == 0 && decisions[0] == 0)
    puts("all as it should be");
    return 0;
}
