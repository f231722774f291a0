/* leak_check.c - see leak_check.h */
#include "leak_check.h"

#include "oq_alloc.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static atomic_size_t blocks;

size_t leak_check_blocks(void)
{
    return atomic_load(&blocks);
}

static void *counted(void *block)
{
    if (block)
        atomic_fetch_add(&blocks, 1);
    return block;
}

void *__real_oq_malloc(size_t size);
void *__real_oq_calloc(size_t count, size_t size);
char *__real_oq_strdup(const char *text);
void __real_oq_free(void *block);

void *__wrap_oq_malloc(size_t size);
void *__wrap_oq_calloc(size_t count, size_t size);
char *__wrap_oq_strdup(const char *text);
char *__wrap_oq_asprintf(const char *fmt, ...) OQ_PRINTF(1, 2);
void __wrap_oq_free(void *block);

void *__wrap_oq_malloc(size_t size)
{
    return counted(__real_oq_malloc(size));
}

void *__wrap_oq_calloc(size_t count, size_t size)
{
    return counted(__real_oq_calloc(count, size));
}

char *__wrap_oq_strdup(const char *text)
{
    return counted(__real_oq_strdup(text));
}

/* The real one takes its arguments only once. */
char *__wrap_oq_asprintf(const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return __wrap_oq_strdup(text);
}

void __wrap_oq_free(void *block)
{
    if (block)
        atomic_fetch_sub(&blocks, 1);
    __real_oq_free(block);
}
