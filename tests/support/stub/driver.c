/*
 * An ODBC driver for tests: SQLite's own, with a script in front of it.
 *
 * Every ODBC function that SQLite's driver exports is exported here too. A call first looks into the script,
 * which may make it slow, fail, hang or crash, and then goes on to the real driver with its arguments as they
 * came. So a pair on it is a real pair, and what no real driver does on demand can be had on demand.
 *
 *   stub_plan("SQLExecute", 3, "hang")   the third call from now on hangs until stub_release()
 *   stub_plan("SQLEndTran", 0, "...")    every call
 *   stub_plan("SQLFetch", 1, NULL)       forgets what was planned for the function
 *
 * What can be planned: "delay MICROSECONDS", "fail SQLSTATE NATIVE MESSAGE", "fail_after ..." (the real call is
 * made and its answer is hidden behind the error; only for functions with up to six arguments), "hang", "crash".
 *
 * In a process that cannot call stub_plan the variable TWINSTUB_PLAN does it, before the first call:
 * "SQLExecute 3 hang;SQLConnect 0 delay 500".
 *
 * x86-64 with the System V calling convention: all of ODBC's arguments are integers and pointers, so a call is
 * handed on by jumping, without knowing its signature.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef STUB_REAL
#define STUB_REAL "libsqlite3odbc.so"
#endif

#define FUNCTIONS(X, ABOVE) \
    X(0, SQLAllocConnect) X(1, SQLAllocEnv) X(2, SQLAllocHandle) X(3, SQLAllocStmt) X(4, SQLBindCol) \
    X(5, SQLBindParam) X(6, SQLBindParameter) X(7, SQLBrowseConnect) X(8, SQLBulkOperations) X(9, SQLCancel) \
    X(10, SQLCloseCursor) X(11, SQLColAttribute) X(12, SQLColAttributes) X(13, SQLColumnPrivileges) \
    X(14, SQLColumns) X(15, SQLConnect) X(16, SQLDescribeCol) X(17, SQLDescribeParam) X(18, SQLDisconnect) \
    X(19, SQLDriverConnect) X(20, SQLEndTran) X(21, SQLError) X(22, SQLExecDirect) X(23, SQLExecute) \
    X(24, SQLExtendedFetch) X(25, SQLFetch) X(26, SQLFetchScroll) X(27, SQLForeignKeys) X(28, SQLFreeConnect) \
    X(29, SQLFreeEnv) X(30, SQLFreeHandle) X(31, SQLFreeStmt) X(32, SQLGetConnectAttr) \
    X(33, SQLGetConnectOption) X(34, SQLGetCursorName) X(35, SQLGetData) X(36, SQLGetDiagField) \
    ABOVE(37, SQLGetDiagRec) X(38, SQLGetEnvAttr) X(39, SQLGetFunctions) X(40, SQLGetInfo) X(41, SQLGetStmtAttr) \
    X(42, SQLGetStmtOption) X(43, SQLGetTypeInfo) X(44, SQLMoreResults) X(45, SQLNativeSql) X(46, SQLNumParams) \
    X(47, SQLNumResultCols) X(48, SQLParamData) X(49, SQLParamOptions) X(50, SQLPrepare) X(51, SQLPrimaryKeys) \
    X(52, SQLProcedureColumns) X(53, SQLProcedures) X(54, SQLPutData) X(55, SQLRowCount) \
    X(56, SQLSetConnectAttr) X(57, SQLSetConnectOption) X(58, SQLSetCursorName) X(59, SQLSetEnvAttr) \
    X(60, SQLSetParam) X(61, SQLSetPos) X(62, SQLSetScrollOptions) X(63, SQLSetStmtAttr) \
    X(64, SQLSetStmtOption) X(65, SQLSpecialColumns) X(66, SQLStatistics) X(67, SQLTablePrivileges) \
    X(68, SQLTables) X(69, SQLTransact)

enum { COUNT = 70, GET_DIAG_REC = 37 };

#define NAME(n, f) [n] = #f,
static const char *const names[COUNT] = { FUNCTIONS(NAME, NAME) };

/* What the trampolines jump to. */
__attribute__((visibility("hidden"), used)) void *stub_real[COUNT];

enum kind { NOTHING, DELAY, FAIL, FAIL_AFTER, HANG, CRASH };

struct plan {
    enum kind kind;
    /* Calls to go until it is due, which is then once; 0: it is due at every call. */
    long left;
    long delay_us;
    char state[6];
    int native;
    char message[200];
};

static struct plan plans[COUNT];
static long calls[COUNT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static long releases;
static long hanging;

/* The planned error of this thread's last call, and the call's first two arguments: one is the handle. */
static __thread struct plan failed;
static __thread void *failed_at[2];

/* Plans something for calls of a function. 0: done; -1: no such function or plan. */
__attribute__((visibility("default"))) int stub_plan(const char *function, long nth, const char *what)
{
    struct plan p = { NOTHING, nth, 0, "HY000", 0, "" };
    int n;
    for (n = 0; n < COUNT && strcmp(names[n], function) != 0; n++) {}
    if (n == COUNT) return -1;
    if (what == NULL) p.kind = NOTHING;
    else if (sscanf(what, "delay %ld", &p.delay_us) == 1) p.kind = DELAY;
    else if (sscanf(what, "fail_after %5s %d %199[^\n;]", p.state, &p.native, p.message) >= 2) p.kind = FAIL_AFTER;
    else if (sscanf(what, "fail %5s %d %199[^\n;]", p.state, &p.native, p.message) >= 2) p.kind = FAIL;
    else if (strcmp(what, "hang") == 0) p.kind = HANG;
    else if (strcmp(what, "crash") == 0) p.kind = CRASH;
    else return -1;
    pthread_mutex_lock(&lock);
    plans[n] = p;
    pthread_mutex_unlock(&lock);
    return 0;
}

/* Lets every call go on that hangs. */
__attribute__((visibility("default"))) void stub_release(void)
{
    pthread_mutex_lock(&lock);
    releases++;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

/* How often a function was called. */
__attribute__((visibility("default"))) long stub_calls(const char *function)
{
    int n;
    long count = -1;
    pthread_mutex_lock(&lock);
    for (n = 0; n < COUNT; n++)
        if (strcmp(names[n], function) == 0) count = calls[n];
    pthread_mutex_unlock(&lock);
    return count;
}

/* How many calls hang now. */
__attribute__((visibility("default"))) long stub_hanging(void)
{
    long count;
    pthread_mutex_lock(&lock);
    count = hanging;
    pthread_mutex_unlock(&lock);
    return count;
}

__attribute__((constructor)) static void load(void)
{
    char *text, *part, *rest;
    int n;
    void *driver = dlopen(STUB_REAL, RTLD_NOW | RTLD_LOCAL);
    if (driver == NULL) {
        fprintf(stderr, "stub driver: %s\n", dlerror());
        abort();
    }
    for (n = 0; n < COUNT; n++) stub_real[n] = dlsym(driver, names[n]);
    if (getenv("TWINSTUB_PLAN") == NULL) return;
    text = strdup(getenv("TWINSTUB_PLAN"));
    for (part = strtok_r(text, ";", &rest); part != NULL; part = strtok_r(NULL, ";", &rest)) {
        char function[40], what[250];
        long nth;
        if (sscanf(part, " %39s %ld %249[^\n]", function, &nth, what) != 3 || stub_plan(function, nth, what) != 0) {
            fprintf(stderr, "stub driver: cannot plan '%s'\n", part);
            abort();
        }
    }
    free(text);
}

/* What is due for this call. */
static struct plan due(int n)
{
    struct plan p = { NOTHING, 0, 0, "", 0, "" };
    pthread_mutex_lock(&lock);
    calls[n]++;
    if (plans[n].left == 0) {
        p = plans[n];
    } else if (--plans[n].left == 0) {
        p = plans[n];
        plans[n].kind = NOTHING;
    }
    pthread_mutex_unlock(&lock);
    return p;
}

static void hang(void)
{
    long before;
    pthread_mutex_lock(&lock);
    hanging++;
    before = releases;
    while (releases == before) pthread_cond_wait(&released, &lock);
    hanging--;
    pthread_mutex_unlock(&lock);
}

/* Before each call, from the trampolines. 0: go on; 1: fail; 2: make the call, then fail. */
__attribute__((visibility("hidden"), used)) int stub_enter(int n, void *first, void *second)
{
    struct plan p = due(n);
    failed.kind = NOTHING;
    switch (p.kind) {
    case DELAY: {
        struct timespec t = { p.delay_us / 1000000, p.delay_us % 1000000 * 1000 };
        while (nanosleep(&t, &t) != 0) {}
        return 0;
    }
    case HANG:
        hang();
        return 0;
    case CRASH:
        raise(SIGSEGV);
        return 0;
    case FAIL:
    case FAIL_AFTER:
        failed = p;
        failed_at[0] = first;
        failed_at[1] = second;
        return p.kind == FAIL ? 1 : 2;
    default:
        return 0;
    }
}

/* The planned error, or the real driver's. */
__attribute__((visibility("default"))) short SQLGetDiagRec(short type, void *handle, short record, char *state,
                                                           int *native, char *text, short room, short *length)
{
    short (*real)(short, void *, short, char *, int *, char *, short, short *) = stub_real[GET_DIAG_REC];
    if (failed.kind == NOTHING || (handle != failed_at[0] && handle != failed_at[1]))
        return real(type, handle, record, state, native, text, room, length);
    if (record != 1) return 100; /* SQL_NO_DATA */
    if (state != NULL) strcpy(state, failed.state);
    if (native != NULL) *native = failed.native;
    if (length != NULL) *length = (short)strlen(failed.message);
    if (text != NULL && room > 0) snprintf(text, (size_t)room, "%s", failed.message);
    return 0;
}

/*
 * The exported functions. The six registers of arguments are kept over the look into the script; what more
 * there is lies on the stack, where the real function finds it when it is jumped to.
 */
#define TRAMPOLINE(n, f) \
    __asm__(".pushsection .text\n" \
            ".globl " #f "\n.type " #f ", @function\n" #f ":\n" \
            "push %rbp\nmov %rsp, %rbp\n" \
            "push %rdi\npush %rsi\npush %rdx\npush %rcx\npush %r8\npush %r9\n" \
            "mov %rsi, %rdx\nmov %rdi, %rsi\nmov $" #n ", %edi\n" \
            "call stub_enter\n" \
            "pop %r9\npop %r8\npop %rcx\npop %rdx\npop %rsi\npop %rdi\npop %rbp\n" \
            "test %eax, %eax\njne 1f\n" \
            "jmp *stub_real+8*" #n "(%rip)\n" \
            "1: cmp $2, %eax\njne 2f\n" \
            "sub $8, %rsp\ncall *stub_real+8*" #n "(%rip)\nadd $8, %rsp\n" \
            "2: mov $-1, %eax\nret\n" \
            ".size " #f ", . - " #f "\n.popsection\n");
#define NONE(n, f)
FUNCTIONS(TRAMPOLINE, NONE)
