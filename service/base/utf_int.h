/* utf_int.h - reading one character of strict UTF-8, for base's own files. */
#ifndef UTF_INT_H
#define UTF_INT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `text`, of which `left` (at least 1) may be read; its code point in
 * *point. 0 when it is not strict UTF-8 (overlong, surrogate, above U+10FFFF, cut off). */
size_t oq_utf8_decode(const char *text, size_t left, uint32_t *point);

#endif
