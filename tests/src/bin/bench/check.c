/* Checks in blocks: for each line that comes in, the nanoseconds of a check by one thread, and by each of
 * two. */
#include <consent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TIMES = 1000000, BLOCKS = 15 };

static consent_t *consent;
static int purpose, data;

static double block(void)
{
    struct timespec began, ended;
    long allowed = 0;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (int time = 0; time < TIMES; time++)
        allowed += consent_is_allowed(consent_check(consent, purpose, data));
    clock_gettime(CLOCK_MONOTONIC, &ended);
    if (allowed != TIMES)
        exit(1);
    return ((ended.tv_sec - began.tv_sec) * 1e9 + (ended.tv_nsec - began.tv_nsec)) / TIMES;
}

static int by_size(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

/* The block in the middle: the first ones find a processor that has just been woken. */
static double blocks(void)
{
    double taken[BLOCKS];
    for (int at = 0; at < BLOCKS; at++)
        taken[at] = block();
    qsort(taken, BLOCKS, sizeof *taken, by_size);
    return taken[BLOCKS / 2];
}

static void *other(void *taken)
{
    *(double *)taken = blocks();
    return NULL;
}

int main(int count, char **words)
{
    char line[64];
    int error = count == 3 ? consent_open(&consent) : CONSENT_ERROR_ARGUMENT;
    if (error) {
        fprintf(stderr, "%s\n", consent_strerror(error));
        return 1;
    }
    purpose = consent_purpose(consent, words[1]);
    data = consent_data(consent, words[2]);
    while (fgets(line, sizeof line, stdin)) {
        double one = blocks(), theirs = 0;
        pthread_t thread;
        if (pthread_create(&thread, NULL, other, &theirs))
            return 1;
        double mine = blocks();
        pthread_join(thread, NULL);
        printf("[%f, %f]\n", one, mine > theirs ? mine : theirs);
        fflush(stdout);
    }
    return 0;
}
