/* Values between the text of a scenario and the library. tests/scenarios/README.md describes the text. */
#include "runner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 32) - 'a' + 10;
}

/* %41 is A. Gives the length, for a NUL may be among it. */
size_t decode_word(char *word)
{
    char *to = word;
    const char *from = word;
    while (*from) {
        if (*from == '%' && from[1] && from[2]) {
            *to++ = (char)(hex(from[1]) * 16 + hex(from[2]));
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    *to = 0;
    return (size_t)(to - word);
}

void encode_text(FILE *out, const char *bytes, size_t length)
{
    size_t i;
    for (i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c <= ' ' || c == '%' || c == 127)
            fprintf(out, "%%%02X", c);
        else
            putc(c, out);
    }
}

/* Digits behind the point, as nanoseconds: "5" is half a second. */
static uint32_t fraction(const char *text)
{
    uint32_t n = 0, scale = 100000000;
    for (; *text >= '0' && *text <= '9'; text++, scale /= 10)
        n += (uint32_t)(*text - '0') * scale;
    return n;
}

static int parse_clock(const char *text, unsigned *hour, unsigned *minute, unsigned *second, uint32_t *nanosecond)
{
    const char *point = strchr(text, '.');
    *nanosecond = point ? fraction(point + 1) : 0;
    return sscanf(text, "%u:%u:%u", hour, minute, second) == 3;
}

/* 0 if it is no value. */
int parse_value(char *word, struct value *v)
{
    char *text = strchr(word, ':');
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
    size_t i;
    memset(v, 0, sizeof *v);
    if (strcmp(word, "null") == 0)
        return 1;
    if (!text)
        return 0;
    *text++ = 0;
    v->bytes = text;
    if (strcmp(word, "bool") == 0) {
        v->kind = TWIN_TYPE_BOOL;
        v->integer = atoi(text);
    } else if (strcmp(word, "int") == 0) {
        v->kind = TWIN_TYPE_INT64;
        v->integer = strtoll(text, NULL, 10);
    } else if (strcmp(word, "double") == 0) {
        v->kind = TWIN_TYPE_DOUBLE;
        v->real = strtod(text, NULL);
    } else if (strcmp(word, "decimal") == 0) {
        v->kind = TWIN_TYPE_DECIMAL;
        v->length = strlen(text);
    } else if (strcmp(word, "text") == 0) {
        v->kind = TWIN_TYPE_TEXT;
        v->length = decode_word(text);
    } else if (strcmp(word, "bytes") == 0) {
        v->kind = TWIN_TYPE_BYTES;
        v->length = strlen(text) / 2;
        for (i = 0; i < v->length; i++)
            text[i] = (char)(hex(text[2 * i]) * 16 + hex(text[2 * i + 1]));
    } else if (strcmp(word, "date") == 0) {
        v->kind = TWIN_TYPE_DATE;
        if (sscanf(text, "%d-%u-%u", &year, &month, &day) != 3)
            return 0;
        v->date.year = year;
        v->date.month = (uint8_t)month;
        v->date.day = (uint8_t)day;
    } else if (strcmp(word, "time") == 0) {
        v->kind = TWIN_TYPE_TIME;
        v->time.negative = *text == '-';
        if (!parse_clock(text + v->time.negative, &hour, &minute, &second, &v->time.nanosecond))
            return 0;
        v->time.hour = (uint16_t)hour;
        v->time.minute = (uint8_t)minute;
        v->time.second = (uint8_t)second;
    } else if (strcmp(word, "timestamp") == 0) {
        v->kind = TWIN_TYPE_TIMESTAMP;
        if (sscanf(text, "%d-%u-%uT", &year, &month, &day) != 3 || !strchr(text, 'T') ||
            !parse_clock(strchr(text, 'T') + 1, &hour, &minute, &second, &v->timestamp.nanosecond))
            return 0;
        v->timestamp.year = year;
        v->timestamp.month = (uint8_t)month;
        v->timestamp.day = (uint8_t)day;
        v->timestamp.hour = (uint8_t)hour;
        v->timestamp.minute = (uint8_t)minute;
        v->timestamp.second = (uint8_t)second;
    } else if (strcmp(word, "uuid") == 0) {
        v->kind = TWIN_TYPE_UUID;
        for (i = 0; i < 16 && text[0] && text[1]; text += 2) {
            if (*text == '-')
                text++;
            v->uuid[i++] = (uint8_t)(hex(text[0]) * 16 + hex(text[1]));
        }
        return i == 16;
    } else {
        return 0;
    }
    return 1;
}

twin_status bind_value(twin_stmt *stmt, int32_t index, const struct value *v, twin_error **err)
{
    switch (v->kind) {
    case TWIN_TYPE_NULL: return twin_stmt_bind_null(stmt, index, err);
    case TWIN_TYPE_BOOL: return twin_stmt_bind_bool(stmt, index, (int32_t)v->integer, err);
    case TWIN_TYPE_INT64: return twin_stmt_bind_int64(stmt, index, v->integer, err);
    case TWIN_TYPE_DOUBLE: return twin_stmt_bind_double(stmt, index, v->real, err);
    case TWIN_TYPE_DECIMAL: return twin_stmt_bind_decimal(stmt, index, v->bytes, v->length, err);
    case TWIN_TYPE_TEXT: return twin_stmt_bind_text(stmt, index, v->bytes, v->length, err);
    case TWIN_TYPE_BYTES: return twin_stmt_bind_bytes(stmt, index, (const uint8_t *)v->bytes, v->length, err);
    case TWIN_TYPE_DATE: return twin_stmt_bind_date(stmt, index, &v->date, err);
    case TWIN_TYPE_TIME: return twin_stmt_bind_time(stmt, index, &v->time, err);
    case TWIN_TYPE_TIMESTAMP: return twin_stmt_bind_timestamp(stmt, index, &v->timestamp, err);
    default: return twin_stmt_bind_uuid(stmt, index, v->uuid, err);
    }
}

static void print_clock(FILE *out, unsigned hour, unsigned minute, unsigned second, uint32_t nanosecond)
{
    char digits[16];
    int end = 9;
    fprintf(out, "%02u:%02u:%02u", hour, minute, second);
    if (nanosecond) {
        sprintf(digits, "%09" PRIu32, nanosecond);
        while (digits[end - 1] == '0')
            digits[--end] = 0;
        fprintf(out, ".%s", digits);
    }
}

void print_cell(FILE *out, const twin_column *column, size_t row)
{
    const char *bytes = column->data;
    size_t length = 0, i;
    uint64_t bits;
    if (column->nulls && column->nulls[row]) {
        fputs("null", out);
        return;
    }
    if (column->offsets) {
        bytes += column->offsets[row];
        length = (size_t)(column->offsets[row + 1] - column->offsets[row]);
    }
    switch (column->kind) {
    case TWIN_TYPE_BOOL:
        fprintf(out, "bool:%d", ((const uint8_t *)column->data)[row]);
        break;
    case TWIN_TYPE_INT64:
        fprintf(out, "int:%" PRId64, ((const int64_t *)column->data)[row]);
        break;
    case TWIN_TYPE_DOUBLE:
        memcpy(&bits, (const double *)column->data + row, sizeof bits);
        fprintf(out, "double:#%016" PRIx64, bits);
        break;
    case TWIN_TYPE_DECIMAL:
        fprintf(out, "decimal:%.*s", (int)length, bytes);
        break;
    case TWIN_TYPE_TEXT:
        fputs("text:", out);
        encode_text(out, bytes, length);
        break;
    case TWIN_TYPE_BYTES:
        fputs("bytes:", out);
        for (i = 0; i < length; i++)
            fprintf(out, "%02x", (unsigned char)bytes[i]);
        break;
    case TWIN_TYPE_DATE: {
        const twin_date *d = (const twin_date *)column->data + row;
        fprintf(out, "date:%04d-%02u-%02u", (int)d->year, d->month, d->day);
        break;
    }
    case TWIN_TYPE_TIME: {
        const twin_time *t = (const twin_time *)column->data + row;
        fprintf(out, "time:%s", t->negative ? "-" : "");
        print_clock(out, t->hour, t->minute, t->second, t->nanosecond);
        break;
    }
    case TWIN_TYPE_TIMESTAMP: {
        const twin_timestamp *t = (const twin_timestamp *)column->data + row;
        fprintf(out, "timestamp:%04d-%02u-%02uT", (int)t->year, t->month, t->day);
        print_clock(out, t->hour, t->minute, t->second, t->nanosecond);
        break;
    }
    default: {
        const uint8_t *u = (const uint8_t *)column->data + 16 * row;
        fputs("uuid:", out);
        for (i = 0; i < 16; i++)
            fprintf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
    }
    }
}
