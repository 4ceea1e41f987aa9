/*
 * Reads a command a line, runs it, and answers: lines of its own, the last of which begins with "=".
 *
 *   background T COMMAND     runs the command on a thread named T
 *   cancel C T               cancels what connection C runs, again and again until the thread has ended
 *   join T                   waits for it and gives its answer
 *   message                  the message of the last error
 */
#include "runner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS 8

struct task {
    char name[32];
    char *line;
    char *answer;
    size_t length;
    char message[2000];
    pthread_t thread;
    atomic_int ended;
};

static struct task tasks[MAX_THREADS];

static struct task *find_task(const char *name)
{
    int i;
    for (i = 0; i < MAX_THREADS - 1 && strcmp(tasks[i].name, name) != 0; i++)
        ;
    return &tasks[i];
}

/* Splits a line into words. `copy` gets them; the rests point into the line itself. */
static void split(struct command *c, const char *line, char *copy)
{
    char *at = copy;
    strcpy(copy, line);
    while (c->words < MAX_WORDS) {
        while (*at == ' ')
            *at++ = 0;
        if (!*at)
            return;
        c->rest[c->words] = line + (at - copy);
        c->word[c->words++] = at;
        while (*at && *at != ' ')
            at++;
    }
}

static void answer_line(const char *line, FILE *out, char *message)
{
    struct command c = {{0}, {0}, 0, NULL, ""};
    char *copy = malloc(strlen(line) + 1);
    split(&c, line, copy);
    c.out = out;
    run_command(&c);
    if (c.message[0])
        strcpy(message, c.message);
    free(copy);
}

static void *work(void *argument)
{
    struct task *task = argument;
    FILE *out = open_memstream(&task->answer, &task->length);
    answer_line(task->line, out, task->message);
    fclose(out);
    task->ended = 1;
    return NULL;
}

/* What a cancel meets may not have begun yet, so it is not asked for once. */
static void cancel_until_ended(char *line, const char *thread, char *message)
{
    struct task *task = find_task(thread);
    char *answer;
    size_t length;
    int ended;
    do {
        FILE *out = open_memstream(&answer, &length);
        ended = task->ended;
        answer_line(line, out, message);
        fclose(out);
        if (strcmp(answer, "= TWIN_OK\n") != 0)
            ended = 1;
        if (ended)
            fputs(answer, stdout);
        else
            usleep(20000);
        free(answer);
    } while (!ended);
}

int main(void)
{
    static char line[1 << 16], message[2000];
    int next = 0;
    if (twin_abi_version() != TWIN_ABI_VERSION) {
        printf("libtwinpool has ABI %u, and this program needs ABI %u\n", (unsigned)twin_abi_version(),
               (unsigned)TWIN_ABI_VERSION);
        return 1;
    }
    puts("= ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "background ", 11) == 0) {
            struct task *task = &tasks[next++ % MAX_THREADS];
            char *command = strchr(line + 11, ' ');
            *command++ = 0;
            memset(task, 0, sizeof *task);
            snprintf(task->name, sizeof task->name, "%s", line + 11);
            task->line = strdup(command);
            pthread_create(&task->thread, NULL, work, task);
            puts("= started");
        } else if (strncmp(line, "join ", 5) == 0) {
            struct task *task = find_task(line + 5);
            pthread_join(task->thread, NULL);
            if (task->message[0])
                strcpy(message, task->message);
            fputs(task->answer, stdout);
            free(task->answer);
            free(task->line);
            task->name[0] = 0;
        } else if (strncmp(line, "cancel ", 7) == 0 && strchr(line + 7, ' ')) {
            char *thread = strchr(line + 7, ' ');
            *thread++ = 0;
            cancel_until_ended(line, thread, message);
        } else if (strcmp(line, "message") == 0) {
            printf("= %s\n", message);
        } else {
            answer_line(line, stdout, message);
        }
        fflush(stdout);
    }
    return 0;
}
