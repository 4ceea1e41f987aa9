/*
 * Watches a pair: events as they come, the library's log, and the figures as text for Prometheus.
 *
 *   cc -std=c99 watch.c $(pkg-config --cflags --libs twinpool) -o watch && ./watch a.db b.db
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <twinpool.h>

static twin_error *error;

static int failed(const char *doing, twin_status status)
{
    if (!TWIN_FAILED(status))
        return 0;
    fprintf(stderr, "%s: %s: %s\n", doing, twin_status_name(status), twin_error_message(error));
    twin_error_free(error);
    error = NULL;
    return 1;
}

/* Called from threads of the library: it may ask for the status, and must not wait. */
static void on_event(const twin_event *event, void *user)
{
    (void)user;
    switch (event->kind) {
    case TWIN_EVENT_MIRROR_LOST: printf("event: the mirror is lost: %s\n", event->text); break;
    case TWIN_EVENT_MIRROR_BACK: puts("event: the mirror is back in step"); break;
    case TWIN_EVENT_REPLAY: printf("event: replayed %" PRIu64 ", %" PRIu64 " left\n", event->done, event->left); break;
    case TWIN_EVENT_DIVERGED: printf("event: the mirror has diverged: %s\n", event->text); break;
    default: printf("event %" PRId32 ": %s\n", event->kind, event->text); break;
    }
}

static void on_log(int32_t level, const char *target, size_t target_len, const char *text, size_t text_len, void *user)
{
    (void)user;
    fprintf(stderr, "log %" PRId32 " %.*s: %.*s\n", level, (int)target_len, target, (int)text_len, text);
}

/* The text grows with the figures: asked for until it fits. */
static int print_metrics(twin_pool *pool)
{
    size_t capacity = 0, length = 0;
    char *text = NULL;
    twin_status s;
    while ((s = twin_pool_metrics_text(pool, text, capacity, &length, NULL)) == TWIN_ERR_BUFFER) {
        free(text);
        capacity = length + 256;
        text = malloc(capacity);
        if (!text)
            capacity = 0;
    }
    if (!TWIN_FAILED(s))
        fputs(text, stdout);
    free(text);
    return TWIN_FAILED(s);
}

static int work(twin_pool *pool)
{
    twin_conn *conn = NULL;
    twin_metrics m;
    int bad;
    m.struct_size = sizeof m;
    bad = failed("listen", twin_pool_listen(pool, on_event, NULL, &error)) ||
          failed("acquire", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, TWIN_WAIT_DEFAULT, &conn, &error)) ||
          failed("create", twin_conn_execute(conn, "CREATE TABLE IF NOT EXISTS seen(at INTEGER PRIMARY KEY)", TWIN_NTS, NULL, NULL, &error)) ||
          failed("clear", twin_conn_execute(conn, "DELETE FROM seen", TWIN_NTS, NULL, NULL, &error)) ||
          failed("detach", twin_pool_detach(pool, &error)) ||
          failed("insert", twin_conn_execute(conn, "INSERT INTO seen VALUES (1)", TWIN_NTS, NULL, NULL, &error)) ||
          failed("attach", twin_pool_attach(pool, &error)) ||
          failed("replay", twin_pool_replay(pool, 30000, NULL, NULL, &error)) ||
          failed("release", twin_conn_release(conn, &error)) ||
          failed("metrics", twin_pool_metrics(pool, &m, &error));
    if (bad) {
        twin_conn_free(conn);
        return 1;
    }
    printf("%" PRIu64 " acquires, half of them within %" PRIu64 " us; %" PRIu64 " queued, %" PRIu64 " replayed\n",
           m.acquires, m.acquire_p50_us, m.queued, m.replayed);
    return print_metrics(pool);
}

int main(int argc, char **argv)
{
    twin_options *options = NULL;
    twin_pool *pool = NULL;
    char text[2048];
    int bad;
    if (argc != 3) {
        fprintf(stderr, "usage: watch MASTER-FILE MIRROR-FILE\n");
        return 2;
    }
    snprintf(text, sizeof text, "name=shop;master={Driver=SQLite3;Database=%s};mirror={Driver=SQLite3;Database=%s}", argv[1], argv[2]);
    bad = failed("log", twin_log_listen(TWIN_LOG_INFO, on_log, NULL, &error)) ||
          failed("options", twin_options_new(&options, &error)) ||
          failed("options", twin_options_parse(options, text, TWIN_NTS, &error)) ||
          failed("open", twin_pool_open(options, &pool, &error)) || work(pool);
    if (pool)
        bad = failed("close", twin_pool_close(pool, TWIN_WAIT_DEFAULT, &error)) || bad;
    twin_pool_free(pool);
    twin_options_free(options);
    return bad;
}
