/* Functions with the signatures of twin_pool_acquire and twin_conn_release that do nothing: what a call costs. */
#include <stdint.h>

int32_t bare_acquire(void *pool, int32_t access, int32_t timeout_ms, void **out, void **err)
{
    (void)access, (void)timeout_ms, (void)err;
    *out = pool;
    return 0;
}

int32_t bare_release(void *conn, void **err)
{
    (void)conn, (void)err;
    return 0;
}
