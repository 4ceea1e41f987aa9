/* The C runner: takes commands of scenarios on standard input and answers on standard output. */
#ifndef TWIN_SCENARIOS_RUNNER_H
#define TWIN_SCENARIOS_RUNNER_H

#include <stdio.h>
#include <twinpool.h>

#define MAX_WORDS 200

/* One command on its way: its words, the rest of the line after each word, and where the answer goes. */
struct command {
    char *word[MAX_WORDS];
    const char *rest[MAX_WORDS];
    int words;
    FILE *out;
    /* The message of the error that the command gave; empty if it gave none. */
    char message[2000];
};

/* A value of a scenario: `int:5`, `text:a%20b`, `null`. Texts are decoded in place. */
struct value {
    int32_t kind;
    int64_t integer;
    double real;
    char *bytes;
    size_t length;
    twin_date date;
    twin_time time;
    twin_timestamp timestamp;
    uint8_t uuid[16];
};

/* values.c */
size_t decode_word(char *word);
void encode_text(FILE *out, const char *bytes, size_t length);
int parse_value(char *word, struct value *value);
twin_status bind_value(twin_stmt *stmt, int32_t index, const struct value *value, twin_error **err);
void print_cell(FILE *out, const twin_column *column, size_t row);

/* batch.c */
twin_status run_batch(struct command *c, twin_stmt *stmt, twin_error **err);

/* commands.c */
void run_command(struct command *c);
void answer_error(struct command *c, twin_status status, twin_error *error);

#endif
