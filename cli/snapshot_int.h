/* snapshot_int.h - the state of a download at one moment, and lists of them: filtered, sorted, as a
 * table and as JSON.
 *
 * Pure but for the allocator; any thread. Texts are UTF-8 as the service sent them; console.c
 * removes control characters when it prints them.
 */
#ifndef OQ_SNAPSHOT_INT_H
#define OQ_SNAPSHOT_INT_H

#include "args_int.h"
#include "render_int.h"

#define OQ_SNAPSHOT_TEXT 320

/* The numbers of OPENQMGR_STATE. */
enum oq_snapshot_state {
    OQ_SNAPSHOT_SUSPENDED = 1,
    OQ_SNAPSHOT_QUEUED,
    OQ_SNAPSHOT_CONNECTING,
    OQ_SNAPSHOT_DOWNLOADING,
    OQ_SNAPSHOT_WAITING,
    OQ_SNAPSHOT_FINISHING,
    OQ_SNAPSHOT_FAILED,
    OQ_SNAPSHOT_COMPLETE,
    OQ_SNAPSHOT_CANCELLED,
    OQ_SNAPSHOT_STATES
};
extern const char *const oq_snapshot_states[OQ_SNAPSHOT_STATES]; /* names for --state and JSON */

struct oq_snapshot {
    struct oq_guid guid;
    enum oq_snapshot_state state;
    bool is_foreground;
    const char *state_text; /* in words; NULL: there is no snapshot yet */
    uint64_t total_bytes;   /* or OQ_RENDER_UNKNOWN */
    uint64_t done_bytes;
    uint64_t bytes_per_s; /* or OQ_RENDER_UNKNOWN */
    uint32_t total_files, done_files;
    char waiting[OQ_SNAPSHOT_TEXT]; /* the wait reason and for how long; "" = none */
    int64_t retry_at_ms;            /* wall clock; 0 = no time is set */
    uint32_t failure;               /* HRESULT of the last error, 0 = none */
    uint32_t failed_file;           /* or OQ_NO_FILE */
    int64_t failed_at_ms;           /* wall clock; 0 = none, or unknown */
    char failure_text[OQ_SNAPSHOT_TEXT];
    char file[OQ_SNAPSHOT_TEXT]; /* name of the first file, without folder; "" = no file */
    /* from the extension */
    char name[OQ_SNAPSHOT_TEXT], owner[OQ_SNAPSHOT_TEXT]; /* "" = none, or unknown */
    uint64_t max_bytes_per_s;                             /* 0 = no limit of its own */
    int64_t created_at_ms;                                /* wall clock; 0 = unknown */
    int64_t changed_at_ms;                                /* likewise */
    uint32_t retries;
};

bool oq_snapshot_is_running(const struct oq_snapshot *s);
/* The display name, else the name of the file. */
const char *oq_snapshot_name(const struct oq_snapshot *s);
/* Is it named by that word: the beginning of its GUID, its display name or the name of its file? */
bool oq_snapshot_is_named(const struct oq_snapshot *s, const char *word);
/* Is it in the set that --all, --failed, --complete, --match, --state and `owner` (a SID, or NULL)
 * describe? */
bool oq_snapshot_is_meant(const struct oq_snapshot *s, const struct oq_args *args,
                          const char *owner);
void oq_snapshot_sort(struct oq_snapshot *list, size_t count, enum oq_sort by);

/* --- as a table --- */

#define OQ_TABLE_NARROWEST 40
/* "GROUP     STATE ...": the head, and the row of a download, at most `columns` wide (0: as wide as
 * it gets); a bar instead of the percentage where there is room, with has_bar. */
void oq_table_head(unsigned columns, bool has_bar, char line[OQ_RENDER_LINE]);
void oq_table_row(const struct oq_snapshot *s, unsigned columns, bool has_bar,
                  char line[OQ_RENDER_LINE]);
/* Why it waits or has failed, as a line below the row; "" = nothing to say. */
void oq_table_reason(const struct oq_snapshot *s, unsigned columns, char line[OQ_RENDER_LINE]);

/* --- as JSON --- */

/* One object in one line, as docs/qmgrctl.schema.json describes "group"; new string (oq_free), NULL
 * when out of memory. */
char *oq_json_group(const struct oq_snapshot *s);
/* The same with its files, as "info": all texts may be NULL. */
struct oq_json_source {
    char *url;
    const char *state;
};
struct oq_json_file {
    char *url, *file, *temporary, *validator, *sha256;
    const char *state;
    uint64_t total_bytes, done_bytes; /* total: or OQ_RENDER_UNKNOWN */
    uint32_t mismatches;
    struct oq_json_source sources[OQ_SOURCES_MAX];
    unsigned source_count;
};
char *oq_json_info(const struct oq_snapshot *s, const struct oq_json_file *files, size_t count);
/* The same as an event of get, wait and watch: "event" is its kind; exit_status is left out if
 * negative. */
char *oq_json_event(const char *event, const struct oq_snapshot *s, int exit_status);

#endif
