/*
 * Reads a command a line, runs it, and answers: lines of its own, the last of which begins with "=".
 *
 *   background T COMMAND     runs the command on a thread named T
 *   join T                   waits for it and gives its answer
 *   message                  the message of the last error
 */
#include "runner.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 8

struct task {
    char name[32];
    char *line;
    char *answer;
    size_t length;
    char message[2000];
    pthread_t thread;
};

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
    return NULL;
}

int main(void)
{
    static struct task tasks[MAX_THREADS];
    static char line[1 << 16], message[2000];
    int next = 0, i;
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
            for (i = 0; i < MAX_THREADS && strcmp(tasks[i].name, line + 5) != 0; i++)
                ;
            pthread_join(tasks[i].thread, NULL);
            if (tasks[i].message[0])
                strcpy(message, tasks[i].message);
            fputs(tasks[i].answer, stdout);
            free(tasks[i].answer);
            free(tasks[i].line);
            tasks[i].name[0] = 0;
        } else if (strcmp(line, "message") == 0) {
            printf("= %s\n", message);
        } else {
            answer_line(line, stdout, message);
        }
        fflush(stdout);
    }
    return 0;
}
