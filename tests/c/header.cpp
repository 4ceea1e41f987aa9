// The header is C++ too: types, constants and linkage.
#include <cstdio>
#include <twinpool.h>

int main()
{
    twin_options *options = nullptr;
    twin_error *error = nullptr;
    twin_status status = twin_options_new(&options, &error);
    twin_options_free(options);
    twin_pool_info info = {};
    info.struct_size = sizeof info;
    std::puts(twin_status_name(TWIN_QUEUED));
    return TWIN_FAILED(status) || TWIN_NTS != SIZE_MAX;
}
