/* leak_check.c - see leak_check.h */
#include "leak_check.h"

#include "oq_alloc.h"

#include <windows.h>
#include <oleauto.h>

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

/* --- BSTRs: imported functions are called through pointers named __imp_..., which are replaced  */

static atomic_size_t bstrs;

size_t leak_check_bstrs(void)
{
    return atomic_load(&bstrs);
}

extern __typeof__(&SysAllocString) __real___imp_SysAllocString;
extern __typeof__(&SysAllocStringLen) __real___imp_SysAllocStringLen;
extern __typeof__(&SysAllocStringByteLen) __real___imp_SysAllocStringByteLen;
extern __typeof__(&SysFreeString) __real___imp_SysFreeString;
extern __typeof__(&VariantClear) __real___imp_VariantClear;

static BSTR counted_bstr(BSTR text)
{
    if (text)
        atomic_fetch_add(&bstrs, 1);
    return text;
}

static BSTR WINAPI alloc_string(const OLECHAR *text)
{
    return counted_bstr(__real___imp_SysAllocString(text));
}

static BSTR WINAPI alloc_string_len(const OLECHAR *text, UINT units)
{
    return counted_bstr(__real___imp_SysAllocStringLen(text, units));
}

static BSTR WINAPI alloc_string_byte_len(LPCSTR bytes, UINT length)
{
    return counted_bstr(__real___imp_SysAllocStringByteLen(bytes, length));
}

static void WINAPI free_string(BSTR text)
{
    if (text)
        atomic_fetch_sub(&bstrs, 1);
    __real___imp_SysFreeString(text);
}

static HRESULT WINAPI variant_clear(VARIANTARG *value)
{
    if (V_VT(value) == VT_BSTR && V_BSTR(value))
        atomic_fetch_sub(&bstrs, 1);
    return __real___imp_VariantClear(value);
}

__typeof__(&SysAllocString) __wrap___imp_SysAllocString = alloc_string;
__typeof__(&SysAllocStringLen) __wrap___imp_SysAllocStringLen = alloc_string_len;
__typeof__(&SysAllocStringByteLen) __wrap___imp_SysAllocStringByteLen = alloc_string_byte_len;
__typeof__(&SysFreeString) __wrap___imp_SysFreeString = free_string;
__typeof__(&VariantClear) __wrap___imp_VariantClear = variant_clear;
