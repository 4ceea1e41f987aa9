/*
 * Objects die in any order, threads collide, the process forks, the library panics: the host lives on.
 *
 *   lifetime MASTER MIRROR [quick]     (connection strings)
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pair.h"

static twin_error *e;
static const char *master, *mirror;
/* Under valgrind some of it must do. */
static int quick;

/* The four objects of a chain, freed in the order that `permutation` names. */
static void frees(const int *permutation)
{
    twin_pool *pool = open_pair(master, mirror, "pool.max=2;pool.min=1");
    twin_conn *conn = acquire(pool);
    twin_stmt *stmt = NULL;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    int i;
    GOOD(twin_conn_prepare(conn, "SELECT id FROM l ORDER BY id", TWIN_NTS, &stmt, &e));
    GOOD(twin_stmt_execute(stmt, NULL, &rows, &e));
    for (i = 0; i < 4; i++) {
        switch (permutation[i]) {
        case 0: twin_pool_free(pool); pool = NULL; break;
        case 1: twin_conn_free(conn); conn = NULL; break;
        case 2: twin_stmt_free(stmt); stmt = NULL; break;
        default: twin_rows_free(rows); rows = NULL; break;
        }
        /* What is left works on. */
        if (conn)
            CHECK(number(conn, "SELECT count(*) FROM l") == 3);
        if (stmt)
            GOOD(twin_stmt_execute(stmt, NULL, NULL, &e));
        if (rows && i == 0) {
            GOOD(twin_rows_next(rows, 1, &block, &e));
            CHECK(block && block->row_count == 1);
        }
    }
    CHECK(twin_debug_live_handles() == 0);
}

static void every_order(void)
{
    int a, b, c, n = 0;
    for (a = 0; a < 4; a++)
        for (b = 0; b < 4; b++)
            for (c = 0; c < 4; c++)
                if (a != b && a != c && b != c && (!quick || n++ % 4 == 0)) {
                    int order[4];
                    order[0] = a, order[1] = b, order[2] = c, order[3] = 6 - a - b - c;
                    frees(order);
                }
}

struct crowd {
    twin_conn *conn;
    int rounds, busy, good, other;
};

static void *crowding(void *arg)
{
    struct crowd *mine = arg;
    int i;
    for (i = 0; i < mine->rounds; i++) {
        twin_rows *rows = NULL;
        twin_status s = twin_conn_execute(mine->conn, "SELECT id FROM l", TWIN_NTS, NULL, &rows, NULL);
        if (s == TWIN_OK)
            mine->good++;
        else if (s == TWIN_ERR_BUSY)
            mine->busy++;
        else
            mine->other++;
        /* Freed while another thread may be inside the connection. */
        twin_rows_free(rows);
    }
    return NULL;
}

/* Four threads on one connection: each call works or says busy. */
static void collisions(void)
{
    twin_pool *pool = open_pair(master, mirror, "pool.max=1");
    struct crowd crowd[4];
    pthread_t threads[4];
    int i, good = 0;
    twin_conn *conn = acquire(pool);
    memset(crowd, 0, sizeof crowd);
    for (i = 0; i < 4; i++) {
        crowd[i].conn = conn;
        crowd[i].rounds = quick ? 50 : 300;
        pthread_create(&threads[i], NULL, crowding, &crowd[i]);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CHECK(crowd[i].other == 0 && crowd[i].good + crowd[i].busy == crowd[i].rounds);
        good += crowd[i].good;
    }
    CHECK(good > 0);
    twin_conn_free(conn);
    twin_pool_free(pool);
    CHECK(twin_debug_live_handles() == 0);
}

/* A child may free what it has inherited, and not use it; the parent's session is as it was. */
static void forking(void)
{
    twin_pool *pool = open_pair(master, mirror, "pool.max=2");
    twin_conn *conn = acquire(pool);
    twin_pool_info info;
    int status = -1;
    pid_t child;
    GOOD(twin_conn_begin(conn, &e));
    run(conn, "INSERT INTO l VALUES (50)");
    fflush(stdout);
    child = fork();
    if (child == 0) {
        twin_error *error = NULL;
        twin_conn *none = NULL;
        info.struct_size = sizeof info;
        checks = failures = 0;
        STATUS(TWIN_ERR_FORKED, twin_conn_commit(conn, &error));
        CHECK(strstr(twin_error_message(error), "fork") != NULL);
        twin_error_free(error);
        STATUS(TWIN_ERR_FORKED, twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 100, &none, NULL));
        STATUS(TWIN_ERR_FORKED, twin_pool_status(pool, &info, NULL));
        twin_conn_free(conn);
        twin_pool_free(pool);
        fflush(stdout);
        /* Not by exit: what is leaked on purpose here is no news to valgrind. */
        execl(failures ? "/bin/false" : "/bin/true", "end", (char *)NULL);
        _exit(1);
    }
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    GOOD(twin_conn_commit(conn, &e));
    CHECK(number(conn, "SELECT count(*) FROM l WHERE id = 50") == 1);
    run(conn, "DELETE FROM l WHERE id = 50");
    twin_conn_free(conn);
    twin_pool_free(pool);
}

#ifdef TWIN_TEST_HOOKS
/* A panic poisons its pool and no other. */
static void poison(void)
{
    twin_pool *pool = open_pair(master, mirror, "pool.max=2");
    twin_conn *conn = acquire(pool), *none = NULL;
    twin_pool_info info;
    info.struct_size = sizeof info;
    FAILS(TWIN_ERR_PANIC, "on request", twin_test_panic(pool, &e));
    FAILS(TWIN_ERR_PANIC, "poisoned", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 100, &none, &e));
    FAILS(TWIN_ERR_PANIC, "poisoned", twin_conn_begin(conn, &e));
    GOOD(twin_pool_status(pool, &info, &e));
    twin_conn_free(conn);
    twin_pool_free(pool);
    CHECK(twin_debug_live_handles() == 0);
    pool = open_pair(master, mirror, "pool.max=2");
    conn = acquire(pool);
    CHECK(number(conn, "SELECT count(*) FROM l") == 3);
    twin_conn_free(conn);
    twin_pool_free(pool);
}
#endif

int main(int argc, char **argv)
{
    twin_pool *pool;
    twin_conn *conn;
    if (argc < 3)
        return 2;
    master = argv[1], mirror = argv[2], quick = argc > 3;
    pool = open_pair(master, mirror, "pool.max=2");
    conn = acquire(pool);
    run(conn, "CREATE TABLE l(id BIGINT PRIMARY KEY)");
    settle(pool);
    run(conn, "INSERT INTO l VALUES (1), (2), (3)");
    twin_conn_free(conn);
    twin_pool_free(pool);
    every_order();
    collisions();
    forking();
#ifdef TWIN_TEST_HOOKS
    poison();
#endif
    CHECK(twin_debug_live_handles() == 0);
    return finish("lifetime");
}
