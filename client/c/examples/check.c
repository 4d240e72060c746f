/* cc check.c $(pkg-config --cflags --libs consent) */
#include <consent.h>
#include <stdio.h>

int main(void)
{
    consent_t *consent;
    int error = consent_open(&consent);
    if (error) {
        fprintf(stderr, "%s\n", consent_strerror(error));
        return 1;
    }
    int purpose = consent_purpose(consent, "location.services");
    int data = consent_data(consent, "location.precise");
    consent_decision_t decision = consent_check(consent, purpose, data);
    if (consent_is_allowed(decision))
        puts("the position, to the metre");
    else
        printf("not now: %s\n", consent_reason(decision));
    consent_close(consent);
    return 0;
}
