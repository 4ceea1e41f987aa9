/* Rows of values as columns: `batch S int:1 text:a / int:2 null`. */
#include "runner.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 64
#define MAX_COLUMNS 16

static struct value cells[MAX_ROWS][MAX_COLUMNS];

static size_t width(int32_t kind)
{
    switch (kind) {
    case TWIN_TYPE_BOOL: return 1;
    case TWIN_TYPE_INT64:
    case TWIN_TYPE_DOUBLE: return 8;
    case TWIN_TYPE_DATE: return sizeof(twin_date);
    case TWIN_TYPE_TIME: return sizeof(twin_time);
    case TWIN_TYPE_TIMESTAMP: return sizeof(twin_timestamp);
    case TWIN_TYPE_UUID: return 16;
    default: return 0;
    }
}

static const void *fixed(const struct value *v, uint8_t *boolean)
{
    switch (v->kind) {
    case TWIN_TYPE_BOOL: *boolean = v->integer != 0; return boolean;
    case TWIN_TYPE_INT64: return &v->integer;
    case TWIN_TYPE_DOUBLE: return &v->real;
    case TWIN_TYPE_DATE: return &v->date;
    case TWIN_TYPE_TIME: return &v->time;
    case TWIN_TYPE_TIMESTAMP: return &v->timestamp;
    default: return v->uuid;
    }
}

static void fill_column(twin_column *column, int index, size_t rows)
{
    size_t row, total = 0, step;
    uint8_t *nulls = calloc(rows, 1), boolean;
    char *data;
    int64_t *offsets = NULL;
    column->struct_size = sizeof *column;
    for (row = 0; row < rows; row++) {
        total += cells[row][index].length;
        nulls[row] = cells[row][index].kind == TWIN_TYPE_NULL;
        if (!nulls[row])
            column->kind = cells[row][index].kind;
    }
    step = width(column->kind);
    data = calloc(rows, step ? step : total + 1);
    if (!step)
        offsets = calloc(rows + 1, sizeof *offsets);
    for (row = 0; row < rows; row++) {
        const struct value *v = &cells[row][index];
        if (step && !nulls[row]) {
            memcpy(data + row * step, fixed(v, &boolean), step);
        } else if (!step) {
            memcpy(data + offsets[row], v->bytes ? v->bytes : "", v->length);
            offsets[row + 1] = offsets[row] + (int64_t)v->length;
        }
    }
    column->nulls = nulls;
    column->data = data;
    column->offsets = offsets;
}

twin_status run_batch(struct command *c, twin_stmt *stmt, twin_error **err)
{
    static twin_column columns[MAX_COLUMNS];
    const twin_column *pointers[MAX_COLUMNS];
    twin_status statuses[MAX_ROWS], s;
    int64_t affected[MAX_ROWS];
    size_t rows = 1, failed = 0, row;
    int column = 0, count = 0, i;
    twin_block block;
    for (i = 2; i < c->words; i++) {
        if (strcmp(c->word[i], "/") == 0) {
            rows++;
            column = 0;
        } else if (parse_value(c->word[i], &cells[rows - 1][column])) {
            count = ++column > count ? column : count;
        }
    }
    memset(columns, 0, sizeof columns);
    for (i = 0; i < count; i++) {
        fill_column(&columns[i], i, rows);
        pointers[i] = &columns[i];
    }
    memset(&block, 0, sizeof block);
    block.struct_size = sizeof block;
    block.column_count = count;
    block.row_count = rows;
    block.columns = pointers;
    s = twin_stmt_bind_columns(stmt, &block, err);
    for (i = 0; i < count; i++) {
        free((void *)columns[i].nulls);
        free((void *)columns[i].data);
        free((void *)columns[i].offsets);
    }
    if (!TWIN_FAILED(s))
        s = twin_stmt_execute_batch(stmt, statuses, affected, rows, &failed, err);
    if (TWIN_FAILED(s))
        return s;
    for (row = 0; row < rows; row++) {
        twin_error *why = NULL;
        fprintf(c->out, "item %s %d", twin_status_name(statuses[row]), (int)affected[row]);
        twin_stmt_batch_error(stmt, row, &why, NULL);
        if (why)
            fprintf(c->out, " sqlstate=%s", twin_error_record_sqlstate(why, 0));
        fputs("\n", c->out);
        twin_error_free(why);
    }
    fprintf(c->out, "= %s failed=%d\n", twin_status_name(s), (int)failed);
    return s;
}
