/* ascii.c - see oq_ascii.h. */
#include "oq_ascii.h"

#include <string.h>

char oq_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool oq_ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool oq_ascii_is_number(const char *text, size_t length)
{
    size_t i = 0;

    while (i < length && oq_ascii_is_digit(text[i]))
        i++;
    return length > 0 && i == length;
}

bool oq_ascii_is_same(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (oq_ascii_lower(a[i]) != oq_ascii_lower(b[i]))
            return false;
    return true;
}

bool oq_ascii_is_word(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && oq_ascii_is_same(text, word, length);
}

bool oq_ascii_has_prefix(const char *text, const char *prefix)
{
    return oq_ascii_is_same(text, prefix, strlen(prefix));
}

int oq_hex_digit(char c)
{
    if (oq_ascii_is_digit(c))
        return c - '0';
    c = oq_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum oq_status oq_hex_parse(const char *text, size_t length, uint8_t *bytes, size_t count)
{
    if (length / 2 != count || length % 2 != 0)
        return OQ_E_INVALID_ARG;
    for (size_t i = 0; i < length; i++)
        if (oq_hex_digit(text[i]) < 0)
            return OQ_E_INVALID_ARG;
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(oq_hex_digit(text[2 * i]) * 16 + oq_hex_digit(text[2 * i + 1]));
    return OQ_OK;
}

void oq_hex_format(const uint8_t *bytes, size_t count, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * count] = '\0';
}
