/*
 * What the pool costs whoever borrows from it: twin_pool_acquire and twin_conn_release on a pair of SQLite files. No
 * driver is called between the two, so this is the library alone.
 *
 *   cycle speed FOLDER          lines "figure NAME VALUE …" and "ratio NAME VALUE …"
 *   cycle count CYCLES FOLDER   that many cycles on one thread, for a program that counts instructions
 *
 * SECONDS_EACH (default 2): how long each measurement takes.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <twinpool.h>

#define MOST_THREADS 400
#define MOST_SAMPLES 200000

static void must(twin_status status, twin_error *error)
{
    if (!TWIN_FAILED(status))
        return;
    fprintf(stderr, "cycle: %s\n", twin_error_message(error));
    exit(1);
}

static void set(twin_options *options, const char *key, const char *value)
{
    twin_error *error = NULL;
    must(twin_options_set(options, key, TWIN_NTS, value, TWIN_NTS, &error), error);
}

static twin_pool *open_pool(const char *folder, int sessions, int leaks)
{
    twin_error *error = NULL;
    twin_options *options = NULL;
    twin_pool *pool = NULL;
    char text[4096];
    must(twin_options_new(&options, &error), error);
    snprintf(text, sizeof text, "Driver=SQLite3;Database=%s/a.db", folder);
    set(options, "master", text);
    snprintf(text, sizeof text, "Driver=SQLite3;Database=%s/b.db", folder);
    set(options, "mirror", text);
    snprintf(text, sizeof text, "%d", sessions);
    set(options, "pool.max", text);
    set(options, "pool.initial", text);
    set(options, "pool.leak_threshold_ms", leaks ? "60000" : "0");
    must(twin_pool_open(options, &pool, &error), error);
    twin_options_free(options);
    return pool;
}

static void close_pool(twin_pool *pool)
{
    twin_error *error = NULL;
    must(twin_pool_close(pool, 60000, &error), error);
    twin_pool_free(pool);
}

static twin_conn *acquire(twin_pool *pool)
{
    twin_error *error = NULL;
    twin_conn *conn = NULL;
    must(twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 60000, &conn, &error), error);
    return conn;
}

static void release(twin_conn *conn)
{
    twin_error *error = NULL;
    must(twin_conn_release(conn, &error), error);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static atomic_int stop;
static pthread_barrier_t together;

struct worker {
    pthread_t thread;
    twin_pool *pool;
    long hold_us;
    unsigned long cycles;
    /* Times to acquire in microseconds, only with a hold. */
    float *samples;
} __attribute__((aligned(128)));

static void *work(void *arg)
{
    struct worker *w = arg;
    unsigned long cycles = 0;
    pthread_barrier_wait(&together);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        if (w->hold_us == 0) {
            release(acquire(w->pool));
        } else {
            struct timespec hold = {0, w->hold_us * 1000};
            double start = now();
            twin_conn *conn = acquire(w->pool);
            if (cycles < MOST_SAMPLES)
                w->samples[cycles] = (float)((now() - start) * 1e6);
            nanosleep(&hold, NULL);
            release(conn);
        }
        cycles++;
    }
    w->cycles = cycles;
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Cycles a second of all threads together; with a hold, the microseconds that 999 of 1,000 acquires did not exceed. */
static double measure(twin_pool *pool, int threads, long hold_us, double seconds)
{
    static struct worker workers[MOST_THREADS];
    struct timespec pause = {(time_t)seconds, (long)((seconds - (long)seconds) * 1e9)};
    unsigned long cycles = 0, samples = 0;
    double start, elapsed, result;
    int i;
    atomic_store(&stop, 0);
    pthread_barrier_init(&together, NULL, threads + 1);
    for (i = 0; i < threads; i++) {
        struct worker *w = &workers[i];
        w->pool = pool;
        w->hold_us = hold_us;
        w->samples = hold_us ? malloc(MOST_SAMPLES * sizeof(float)) : NULL;
        if (pthread_create(&w->thread, NULL, work, w) != 0) {
            fprintf(stderr, "cycle: no thread\n");
            exit(1);
        }
    }
    /* Before the others set off: on few processors they may work for long before this thread goes on. */
    start = now();
    pthread_barrier_wait(&together);
    nanosleep(&pause, NULL);
    atomic_store(&stop, 1);
    elapsed = now() - start;
    for (i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        cycles += workers[i].cycles;
    }
    result = cycles / elapsed;
    if (hold_us) {
        float *all = malloc((cycles + 1) * sizeof(float));
        for (i = 0; i < threads; i++) {
            unsigned long n = workers[i].cycles < MOST_SAMPLES ? workers[i].cycles : MOST_SAMPLES;
            memcpy(all + samples, workers[i].samples, n * sizeof(float));
            samples += n;
            free(workers[i].samples);
        }
        qsort(all, samples, sizeof(float), by_size);
        result = samples ? all[samples - 1 - samples / 1000] : 0;
        free(all);
    }
    pthread_barrier_destroy(&together);
    return result;
}

/* What others do on the machine only takes away. */
static double best(twin_pool *pool, int threads, double seconds)
{
    double most = 0;
    int i;
    for (i = 0; i < 3; i++) {
        double rate = measure(pool, threads, 0, seconds / 3);
        if (rate > most)
            most = rate;
    }
    return most;
}

static void speed(const char *folder, double seconds)
{
    static const int shapes[][2] = {{8, 10}, {64, 10}, {64, 32}, {400, 50}};
    size_t i;
    int leaks;
    twin_pool *pool;
    for (leaks = 0; leaks < 2; leaks++) {
        const char *how = leaks ? "_leaks_looked_for" : "";
        double rate;
        pool = open_pool(folder, 10, leaks);
        rate = best(pool, 1, seconds);
        close_pool(pool);
        printf("figure cycle_ns_1_thread_10_sessions%s %.1f goal <= 30\n", how, 1e9 / rate);
        printf("figure cycle_millions_1_thread_10_sessions%s %.3f\n", how, rate / 1e6);
        for (i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            pool = open_pool(folder, shapes[i][1], leaks);
            rate = best(pool, shapes[i][0], seconds);
            close_pool(pool);
            printf("ratio cycle_millions_%d_threads_%d_sessions%s %.3f goal >= 60\n", shapes[i][0], shapes[i][1], how,
                   rate / 1e6);
            fflush(stdout);
        }
    }
    /* Or the kernel adds 50 µs to each hold. */
    prctl(PR_SET_TIMERSLACK, 1000L);
    pool = open_pool(folder, 10, 0);
    printf("figure acquire_p999_us_64_threads_10_sessions_held_100_us %.0f\n", measure(pool, 64, 100, seconds));
    close_pool(pool);
}

int main(int argc, char **argv)
{
    const char *each = getenv("SECONDS_EACH");
    if (argc == 3 && strcmp(argv[1], "speed") == 0) {
        speed(argv[2], each ? atof(each) : 2);
    } else if (argc == 4 && strcmp(argv[1], "count") == 0) {
        twin_pool *pool = open_pool(argv[3], 10, 0);
        long i;
        for (i = atol(argv[2]); i > 0; i--)
            release(acquire(pool));
        close_pool(pool);
    } else {
        fprintf(stderr, "usage: cycle speed FOLDER | cycle count CYCLES FOLDER\n");
        return 2;
    }
    return 0;
}
