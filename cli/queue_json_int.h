/* queue_json_int.h - an exported queue as lines of JSON: a header, then one line for each group.
 *
 * Pure but for the allocator; any thread. The JSON is written and read by Jansson. The input is
 * untrusted. docs/survival.md describes the members of a line; others are ignored, so that a later
 * version may add members without a new version number.
 */
#ifndef OQ_QUEUE_JSON_INT_H
#define OQ_QUEUE_JSON_INT_H

#include "oq_guid.h"
#include "oq_sources.h"

#define OQ_QUEUE_JSON_FORMAT "openqmgr-queue"
#define OQ_QUEUE_JSON_VERSION 1
#define OQ_QUEUE_JSON_MAX_FILES 1000000

/* The display name of a group that is being imported, until it is complete. A group with that name
 * was left by an import that was interrupted. */
#define OQ_QUEUE_JSON_UNFINISHED "qmgrctl import: not finished"

enum oq_exported_state {
    OQ_EXPORTED_SUSPENDED,
    OQ_EXPORTED_ACTIVE,
    OQ_EXPORTED_ERROR, /* failed */
    OQ_EXPORTED_COMPLETE,
    OQ_EXPORTED_STATE_COUNT
};

struct oq_exported_file {
    char *remote, *local;
    char *state;                          /* or NULL; informative */
    uint64_t size_bytes;                  /* or OQ_SIZE_UNKNOWN; informative */
    uint64_t done_bytes;                  /* informative */
    struct oq_expectations *expectations; /* or NULL: mirrors, size and hashes */
};

struct oq_exported_group {
    struct oq_guid group;
    bool has_job;
    struct oq_guid job;
    enum oq_exported_state state;
    bool is_foreground;
    uint64_t max_bytes_per_s; /* 0 = no limit of its own */
    char *owner;              /* or NULL; informative: a SID */
    char *display_name;       /* or NULL */
    char *description;        /* or NULL */
    bool has_notify_flags;
    uint32_t notify_flags;
    char *notify_class; /* or NULL */
    char *failure;      /* or NULL; informative: the error */
    struct oq_exported_file *files;
    uint32_t file_count;
};

/* Frees what the struct owns and empties it; an empty one is accepted. */
void oq_exported_group_release(struct oq_exported_group *exported);

/* A line without line end. New string (oq_free); NULL when out of memory or a text is not UTF-8. */
char *oq_queue_json_format_header(int64_t wall_ms, const char *program);
char *oq_queue_json_format_group(const struct oq_exported_group *exported);

/* Each OQ_E_INVALID_ARG with a sentence in err->text (no full stop) that does not name the line;
 * OQ_E_NOMEM. The header must be of our format and of no later version. A group has names that the
 * service would accept by their form, and every promise of oq_expectations_check holds. Release
 * what was parsed with oq_exported_group_release. */
OQ_MUST_CHECK enum oq_status oq_queue_json_parse_header(const char *line, size_t length,
                                                        struct oq_error *err);
OQ_MUST_CHECK enum oq_status oq_queue_json_parse_group(const char *line, size_t length,
                                                       struct oq_exported_group *out,
                                                       struct oq_error *err);

/* The next line of a text, from *at on, without its end ("\n" or "\r\n"); false at the end of the
 * text. A byte order mark at the beginning is skipped. */
bool oq_queue_json_next_line(const char *text, size_t length, size_t *at, const char **line,
                             size_t *line_length);
/* Nothing but blanks? Such lines are skipped. */
bool oq_queue_json_is_blank(const char *line, size_t length);

#endif
