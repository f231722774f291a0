/* oq_utf.h - between UTF-8 (inside) and UTF-16 (the Windows border).
 *
 * Strict: overlong forms, surrogates in UTF-8 and lone surrogates in UTF-16 are refused, so nothing
 * is silently replaced (RFC 3629; Unicode 15, 3.9). Any thread.
 */
#ifndef OQ_UTF_H
#define OQ_UTF_H

#include "oq_status.h"

/* New terminated UTF-8 string (caller frees with oq_free). OQ_E_INVALID_ARG for a lone surrogate,
 * OQ_E_NOMEM. `length` counts units; SIZE_MAX means "up to the terminator". A NUL unit inside
 * `length` is OQ_E_INVALID_ARG. */
OQ_MUST_CHECK enum oq_status oq_utf16_to_8(const uint16_t *text, size_t length, char **out);

/* New terminated UTF-16 string (caller frees with oq_free); *out_units (may be NULL) excludes the
 * terminator. OQ_E_INVALID_ARG for text that is not strict UTF-8, OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_utf8_to_16(const char *text, uint16_t **out, size_t *out_units);

/* Is it strict UTF-8? */
bool oq_utf8_is_valid(const char *text, size_t length);

/* UTF-16 units that the valid UTF-8 text needs, terminator not counted: QMGR's limits count those.
 */
size_t oq_utf8_units(const char *text);

/* Bytes of the character at `text`, of which `left` (at least 1) may be read; its code point in
 * *point. 0 when it is not strict UTF-8 (overlong, surrogate, above U+10FFFF, cut off). */
size_t oq_utf8_decode(const char *text, size_t left, uint32_t *point);

#endif
