/* The little that these tests need of a framework: a check that counts, and shows what it found. */
#ifndef TWIN_TESTS_CHECK_H
#define TWIN_TESTS_CHECK_H

#include <stdio.h>
#include <string.h>
#include <twinpool.h>

static int checks, failures;

#define CHECK(condition) check((condition) != 0, #condition, __FILE__, __LINE__)
#define STATUS(wanted, call) check_status(wanted, call, #call, __FILE__, __LINE__)

static inline void check(int ok, const char *what, const char *file, int line)
{
    checks++;
    if (!ok) {
        failures++;
        printf("%s:%d: %s\n", file, line, what);
    }
}

static inline void check_status(twin_status wanted, twin_status got, const char *what, const char *file, int line)
{
    checks++;
    if (wanted != got) {
        failures++;
        printf("%s:%d: %s\n    gave %s (%d), wanted %s\n", file, line, what, twin_status_name(got), (int)got,
               twin_status_name(wanted));
    }
}

static inline int finish(const char *name)
{
    printf("%s\n%d passed, %d failed\n", name, checks - failures, failures);
    return failures > 0;
}

#endif
