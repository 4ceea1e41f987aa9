/* A panic inside the library reaches its caller as a status. Needs a library built with the feature test-hooks. */
#include "check.h"

int main(void)
{
    twin_error *error = NULL;
    twin_options *options = NULL;
    STATUS(TWIN_ERR_PANIC, twin_test_panic(NULL, &error));
    CHECK(strstr(twin_error_message(error), "on request") != NULL);
    CHECK(strstr(twin_error_message(error), "pool.rs:") != NULL);
    twin_error_free(error);
    STATUS(TWIN_ERR_PANIC, twin_test_panic(NULL, NULL));
    /* The process goes on, and so does the library. */
    STATUS(TWIN_OK, twin_options_new(&options, NULL));
    twin_options_free(options);
    CHECK(twin_debug_live_handles() == 0);
    return finish("panic");
}
