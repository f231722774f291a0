/* names_int.h - what a user types for a group: its GUID, or enough of its beginning.
 *
 * Pure; any thread.
 */
#ifndef OQ_NAMES_INT_H
#define OQ_NAMES_INT_H

#include "oq_guid.h"

#define OQ_NAMES_DIGITS 32  /* hexadecimal digits of a GUID */
#define OQ_NAMES_SHORTEST 4 /* fewer are refused: a typing error would find a group too easily */
#define OQ_NAMES_SHOWN 8    /* digits that lists show */

struct oq_group_name {
    char digits[OQ_NAMES_DIGITS + 1]; /* lower case, without dashes and braces */
    unsigned count;
};

/* Accepts a GUID in either case with or without braces, or its first 4 or more digits, with or
 * without the dashes where a GUID has them. OQ_E_INVALID_ARG otherwise. */
OQ_MUST_CHECK enum oq_status oq_names_parse_group(const char *text, struct oq_group_name *name);

bool oq_names_is_whole(const struct oq_group_name *name);
/* The GUID, if the name is whole. */
void oq_names_to_guid(const struct oq_group_name *name, struct oq_guid *guid);
bool oq_names_matches(const struct oq_group_name *name, const struct oq_guid *guid);

/* The first OQ_NAMES_SHOWN digits: what lists show and a user types back. */
void oq_names_short(const struct oq_guid *guid, char text[OQ_NAMES_SHOWN + 1]);

/* The last segment of a Windows path; borrowed. */
const char *oq_names_base(const char *path);

#endif
