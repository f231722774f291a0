/* alloc.c - the allocator with its fault point. Owns nothing; any thread. */
#include "oq_alloc.h"

#include "oq_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some C libraries answer a request for 0 bytes with NULL, which here would read as "no memory". */
static size_t at_least_one(size_t size)
{
    return size ? size : 1;
}

void *oq_malloc(size_t size)
{
    if (oq_fault_hit(OQ_FAULT_ALLOC))
        return NULL;
    return malloc(at_least_one(size));
}

void *oq_calloc(size_t count, size_t size)
{
    if (oq_fault_hit(OQ_FAULT_ALLOC))
        return NULL;
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return calloc(1, at_least_one(bytes));
}

void *oq_realloc(void *old, size_t size)
{
    if (oq_fault_hit(OQ_FAULT_ALLOC))
        return NULL;
    return realloc(old, at_least_one(size));
}

char *oq_strdup(const char *text)
{
    return text ? oq_strndup(text, strlen(text)) : NULL;
}

char *oq_strndup(const char *text, size_t length)
{
    if (!text)
        return NULL;
    length = strnlen(text, length);
    char *copy = oq_malloc(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *oq_asprintf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0)
        return NULL;
    char *text = oq_malloc((size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)length + 1, fmt, args);
    va_end(args);
    return text;
}

void oq_free(void *block)
{
    free(block);
}
