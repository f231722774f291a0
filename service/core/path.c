/* path.c - the rules for local names.
 *
 * Pure. Windows rules on every platform. The text is walked once by separators; what a single name
 * between two separators may be is in name_problem().
 */
#include "oq_path.h"

#include "oq_alloc.h"
#include "oq_utf.h"

#include <string.h>

#define NAME_MAX_UNITS 255 /* NTFS and ReFS: longest single name */
#define CUT_NAME_MAX 200   /* bytes of a name that was too long: leaves room for a folder */
#define CUT_ENDING_MAX 16
#define POSIX_MAX_BYTES 4095

#define TEMP_PREFIX "BIT"
#define TEMP_SUFFIX ".tmp"
#define TEMP_DIGITS 16
#define TEMP_LENGTH (sizeof(TEMP_PREFIX) - 1 + TEMP_DIGITS + sizeof(TEMP_SUFFIX) - 1)

static bool is_separator(char c)
{
    return c == '\\' || c == '/';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char to_upper(char c)
{
    return (c >= 'a' && c <= 'z') ? (char)(c - 'a' + 'A') : c;
}

static bool is_same_word(const char *name, size_t length, const char *upper)
{
    if (strlen(upper) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (to_upper(name[i]) != upper[i])
            return false;
    }
    return true;
}

/* "0".."9", or a superscript 1, 2, 3 (U+00B9, U+00B2, U+00B3), which Windows takes for the digit.
 */
static bool is_device_number(const char *text, size_t length)
{
    if (length == 1)
        return text[0] >= '0' && text[0] <= '9';
    return length == 2 && (unsigned char)text[0] == 0xC2 &&
           ((unsigned char)text[1] == 0xB9 || (unsigned char)text[1] == 0xB2 ||
            (unsigned char)text[1] == 0xB3);
}

/* Windows opens the device whatever extension follows, and ignores spaces before it ("Naming Files,
 * Paths, and Namespaces"). */
static bool is_device_name(const char *name, size_t length)
{
    static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    const char *dot = memchr(name, '.', length);

    if (dot)
        length = (size_t)(dot - name);
    while (length > 0 && name[length - 1] == ' ')
        length--;
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (is_same_word(name, length, devices[i]))
            return true;
    }
    return length > 3 && (is_same_word(name, 3, "COM") || is_same_word(name, 3, "LPT")) &&
           is_device_number(name + 3, length - 3);
}

/* UTF-16 units of valid UTF-8: one for each character, two for those of four bytes. */
static size_t count_units(const char *text, size_t length)
{
    size_t units = 0;

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0xF0)
            units += 2;
        else if ((c & 0xC0) != 0x80)
            units++;
    }
    return units;
}

/* What is wrong with one name of a path, or NULL. Not for empty names. */
static const char *name_problem(const char *name, size_t length)
{
    if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
        return "'.' and '..' are not allowed in it";
    for (size_t i = 0; i < length; i++) {
        char c = name[i];

        if (c == '*' || c == '?')
            return "wildcards are not allowed";
        if (c == ':')
            return "a colon is allowed only after the drive letter";
        if (c == '<' || c == '>' || c == '"' || c == '|' || is_separator(c))
            return "it has one of the characters < > \" | that Windows does not allow";
        if ((unsigned char)c < 0x20)
            return "control characters are not allowed";
    }
    if (name[length - 1] == '.' || name[length - 1] == ' ')
        return "no part of it may end in a dot or a space";
    if (is_device_name(name, length))
        return "one of its parts is a name reserved for devices, such as CON or NUL";
    if (count_units(name, length) > NAME_MAX_UNITS)
        return "one of its parts is longer than 255 characters";
    return NULL;
}

static size_t name_end(const char *path, size_t from)
{
    return from + strcspn(path + from, "\\/");
}

/* From after the drive or the share to the end; `at` is on a separator. */
static const char *names_problem(const char *path, size_t at)
{
    if (is_separator(path[strlen(path) - 1]))
        return "it must end in the name of a file";
    while (path[at] != '\0') {
        size_t end;

        /* "C:\\dir\\\\file" comes from careless joining; Windows reads it as one separator, so it
         * does no harm. */
        if (is_separator(path[at])) {
            at++;
            continue;
        }
        end = name_end(path, at);
        const char *problem = name_problem(path + at, end - at);
        if (problem)
            return problem;
        at = end;
    }
    return NULL;
}

static const char *unc_problem(const char *path)
{
    size_t end = 2;

    if ((path[2] == '?' || path[2] == '.') && (is_separator(path[3]) || path[3] == '\0'))
        return "names that begin with \\\\?\\ or \\\\.\\ are not allowed";
    for (unsigned i = 0; i < 2; i++) { /* server, share */
        size_t start = end;
        const char *problem;

        end = name_end(path, start);
        if (end == start || path[end] == '\0')
            return "a network name needs a server, a share and a file: \\\\server\\share\\file";
        problem = name_problem(path + start, end - start);
        if (problem)
            return problem;
        if (i == 0)
            end++;
    }
    return names_problem(path, end);
}

static const char *windows_problem(const char *path)
{
    if (oq_utf8_units(path) > OQ_PATH_MAX_UNITS)
        return "it is longer than 259 characters";
    if (is_separator(path[0]) && is_separator(path[1]))
        return unc_problem(path);
    if (is_letter(path[0]) && path[1] == ':') {
        if (!is_separator(path[2]))
            return "after the drive letter and colon there must be a backslash";
        return names_problem(path, 2);
    }
    return "it must be a full path: X:\\folder\\file or \\\\server\\share\\file";
}

static const char *posix_problem(const char *path)
{
    size_t at = 0;

    if (strlen(path) > POSIX_MAX_BYTES)
        return "it is too long";
    if (strchr(path, '\\'))
        return "it mixes slashes and backslashes";
    if (is_separator(path[strlen(path) - 1]))
        return "it must end in the name of a file";
    while (path[at] != '\0') {
        size_t end = name_end(path, at);

        if (path[at] == '.' && (end - at == 1 || (end - at == 2 && path[at + 1] == '.')))
            return "'.' and '..' are not allowed in it";
        at = end + (path[end] != '\0' ? 1u : 0u);
    }
    return NULL;
}

enum oq_status oq_path_check(const char *path, bool allow_posix, struct oq_error *err)
{
    const char *problem;

    if (!path || path[0] == '\0')
        return oq_error_set(err, OQ_E_INVALID_ARG, "The local file name is missing.");
    if (!oq_utf8_is_valid(path, strlen(path)))
        problem = "it is not valid Unicode text";
    else if (allow_posix && path[0] == '/' && !is_separator(path[1]))
        problem = posix_problem(path);
    else
        problem = windows_problem(path);
    if (!problem)
        return OQ_OK;
    return oq_error_set(err, OQ_E_INVALID_ARG, "The local file name is not usable: %s.", problem);
}

bool oq_path_is_name(const char *name)
{
    size_t length = name ? strlen(name) : 0;

    return length > 0 && oq_utf8_is_valid(name, length) && !name_problem(name, length);
}

/* Cuts before the ending, between characters. */
static void cut_name(char *name)
{
    size_t length = strlen(name);
    const char *dot = strrchr(name, '.');
    size_t ending =
        dot && name + length - dot <= CUT_ENDING_MAX ? (size_t)(name + length - dot) : 0;
    size_t keep = CUT_NAME_MAX - ending;

    while (keep > 0 && ((unsigned char)name[keep] & 0xC0) == 0x80)
        keep--;
    memmove(name + keep, name + length - ending, ending + 1);
}

char *oq_path_make_name(const char *text, size_t length)
{
    char *copy = oq_malloc(length + 2);
    bool is_text = oq_utf8_is_valid(text, length);

    if (!copy)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_bad = c < 0x20 || strchr("<>:\"/\\|?*", c) || (c >= 0x80 && !is_text);
        copy[i] = is_bad ? '_' : text[i];
    }
    copy[length] = '\0';
    if (count_units(copy, length) > NAME_MAX_UNITS) {
        cut_name(copy);
        length = strlen(copy);
    }
    if (length > 0 && (copy[length - 1] == '.' || copy[length - 1] == ' '))
        copy[length - 1] = '_';
    if (length == 0 || is_device_name(copy, length)) {
        memmove(copy + 1, copy, length + 1);
        copy[0] = '_';
    }
    return copy;
}

/* Offset of the last name of the path. */
static size_t last_name(const char *path)
{
    size_t at = strlen(path);

    while (at > 0 && !is_separator(path[at - 1]))
        at--;
    return at;
}

char *oq_path_folder(const char *path)
{
    size_t length = last_name(path);
    size_t keep = 0; /* the root keeps its separator */

    if (is_letter(path[0]) && path[1] == ':' && is_separator(path[2]))
        keep = 3;
    else if (is_separator(path[0]))
        keep = 1;
    while (length > keep && is_separator(path[length - 1]))
        length--;
    return oq_strndup(path, length);
}

/* The small letter of the scripts whose case is a fixed distance. */
static uint32_t fold(uint32_t point)
{
    if ((point >= 'A' && point <= 'Z') || (point >= 0xC0 && point <= 0xDE && point != 0xD7) ||
        (point >= 0x391 && point <= 0x3A9) || (point >= 0x410 && point <= 0x42F))
        return point + 32;
    return point >= 0x400 && point <= 0x40F ? point + 80 : point;
}

/* The next character of *path, folded; any row of separators is one '/'. 0 at the end. */
static uint32_t next_folded(const char **path)
{
    uint32_t point = 0;

    if (is_separator(**path)) {
        while (is_separator(**path))
            ++*path;
        return '/';
    }
    if (**path == '\0')
        return 0;
    size_t size = oq_utf8_decode(*path, strnlen(*path, 4), &point);
    *path += size > 0 ? size : 1;
    return fold(point);
}

bool oq_path_is_same(const char *a, const char *b)
{
    uint32_t point;

    /* Most have the same folder, and there may be many: quickly to where they differ. */
    while (*a != '\0' && *a == *b && (unsigned char)a[1] < 0x80 && (unsigned char)b[1] < 0x80 &&
           !is_separator(*a))
        a++, b++;
    do {
        point = next_folded(&a);
        if (point != next_folded(&b))
            return false;
    } while (point != 0);
    return true;
}

char *oq_path_temp(const char *path, uint64_t random)
{
    static const char digits[] = "0123456789abcdef";
    size_t folder = last_name(path);
    char *text = oq_malloc(folder + TEMP_LENGTH + 1);
    char *to = text;

    if (!text)
        return NULL;
    memcpy(to, path, folder);
    to += folder;
    memcpy(to, TEMP_PREFIX, sizeof(TEMP_PREFIX) - 1);
    to += sizeof(TEMP_PREFIX) - 1;
    for (unsigned i = TEMP_DIGITS; i-- > 0;)
        *to++ = digits[(random >> (4 * i)) & 15];
    memcpy(to, TEMP_SUFFIX, sizeof(TEMP_SUFFIX));
    return text;
}

bool oq_path_is_temp(const char *path)
{
    const char *name;

    if (!path)
        return false;
    name = path + last_name(path);
    if (strlen(name) != TEMP_LENGTH || strncmp(name, TEMP_PREFIX, sizeof(TEMP_PREFIX) - 1) != 0 ||
        strcmp(name + TEMP_LENGTH - (sizeof(TEMP_SUFFIX) - 1), TEMP_SUFFIX) != 0)
        return false;
    name += sizeof(TEMP_PREFIX) - 1;
    return strspn(name, "0123456789abcdef") == TEMP_DIGITS;
}
