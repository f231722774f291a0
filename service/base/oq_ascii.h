/* oq_ascii.h - ASCII text without regard to case, and hexadecimal digits.
 *
 * Pure; any thread. ctype.h and strcasecmp follow the locale; these do not.
 */
#ifndef OQ_ASCII_H
#define OQ_ASCII_H

#include "oq_status.h"

char oq_ascii_lower(char c);
bool oq_ascii_is_digit(char c);
/* One decimal digit or more, and nothing else. */
bool oq_ascii_is_number(const char *text, size_t length);
/* Are the first `length` characters the same but for their case? Reads no further than the first
 * difference. */
bool oq_ascii_is_same(const char *a, const char *b, size_t length);
/* Is the text of that length the whole word? */
bool oq_ascii_is_word(const char *text, size_t length, const char *word);
bool oq_ascii_has_prefix(const char *text, const char *prefix);

/* Value of a hexadecimal digit in either case; -1 for any other character. */
int oq_hex_digit(char c);
/* Exactly 2 * count hexadecimal digits, in either case, into count bytes, which are written only on
 * success. OQ_E_INVALID_ARG. */
OQ_MUST_CHECK enum oq_status oq_hex_parse(const char *text, size_t length, uint8_t *bytes,
                                          size_t count);
/* Lower case, with a terminator: 2 * count + 1 bytes of text. */
void oq_hex_format(const uint8_t *bytes, size_t count, char *text);

#endif
