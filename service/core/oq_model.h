/* oq_model.h - groups, jobs and files as plain values.
 *
 * In the service the engine thread owns all of them; db/ writes and reads them; everyone else sees
 * copies. A group holds at most one job and a job an ordered list of files, but the three are
 * separate things: a later interface, where a job is what is a group here, will use the same
 * objects.
 *
 * Strings are UTF-8, owned by the struct, never NULL where the comment says "text", NULL where it
 * says "or NULL".
 */
#ifndef OQ_MODEL_H
#define OQ_MODEL_H

#include "oq_guid.h"
#include "oq_sources.h"
#include "oq_status.h"

enum oq_group_state {
#define OQ_GROUP_STATE(name, text, is_final) OQ_GROUP_##name,
#include "oq_states.def"
#undef OQ_GROUP_STATE
    OQ_GROUP_STATE_COUNT
};

enum oq_file_state {
#define OQ_FILE_STATE(name, text, is_final) OQ_FILE_##name,
#include "oq_states.def"
#undef OQ_FILE_STATE
    OQ_FILE_STATE_COUNT
};

/* Database text of a state, static; "?" for a value out of range. */
const char *oq_group_state_text(enum oq_group_state state);
const char *oq_file_state_text(enum oq_file_state state);
/* OQ_E_INVALID_ARG for an unknown text. */
OQ_MUST_CHECK enum oq_status oq_group_state_parse(const char *text, enum oq_group_state *state);
OQ_MUST_CHECK enum oq_status oq_file_state_parse(const char *text, enum oq_file_state *state);

#define OQ_SIZE_UNKNOWN UINT64_MAX

/* What a token allows beyond its user: two tokens of one SID can differ in it. */
struct oq_rights {
    bool is_admin;      /* Administrators is enabled in the token (elevated), or LocalSystem */
    uint32_t integrity; /* RID of the integrity level: 0x2000 medium, 0x3000 high, 0x4000 system */
    uint64_t marks;     /* what else tells tokens of one user apart: a service's SID, a logon over
                           the network, a filtered token (identity.c). 0 = nothing */
};

/* Has who holds `held` at least the rights of `wanted`? To change what was made with them. */
bool oq_rights_cover(const struct oq_rights *held, const struct oq_rights *wanted);
/* May `token` be used for what was asked with `asked`? Never with more: of the same kind, at the
 * same integrity or below. */
bool oq_rights_fit(const struct oq_rights *token, const struct oq_rights *asked);
/* The least rights with which that user can have called: of rows that do not say. */
struct oq_rights oq_rights_least(const char *sid);

struct oq_file {
    uint32_t index; /* position in the job, from 0 */
    enum oq_file_state state;
    char *remote;    /* text: URL as given */
    char *local;     /* text: final path as given */
    char *temp_path; /* or NULL: hidden temporary file beside the final path. Saved before the file
                        is created */
    uint64_t size_bytes; /* OQ_SIZE_UNKNOWN until a server has told it */
    uint64_t done_bytes; /* flushed bytes of temp_path, 0..size_bytes */
    char *etag; /* or NULL: strong entity tag of the bytes in temp_path, with its quotes (RFC
                   9110, 8.8.3) */
    char *last_modified;  /* or NULL: Last-Modified field value as sent (RFC 9110, 8.8.2) */
    char *digest;         /* or NULL: hash of the whole file that the server sent with them, as
                            oq_digest_format has it (RFC 9530, RFC 3230) */
    uint32_t source;      /* of etag, last_modified and digest; OQ_NO_SOURCE = of none */
    uint32_t bad_sources; /* set of sources whose bytes a hash has refuted, since the last resume */
    uint32_t mismatches;  /* how often a hash has refuted the bytes, since the last resume */
    struct oq_expectations *expectations; /* or NULL: further sources and what the file must be */
    char *user_sid; /* text: who added the file. All work on it is done as they, no matter who owns
                       the group by then */
    struct oq_rights user_rights; /* theirs when they added it */
    char
        *temp_id; /* or NULL: identity of temp_path on its volume (oq_files.h), saved with the first
                      offset; NULL where the file system has none, or of an older version */
};

/* Why a group is in ERROR, or what the last transient failure was. code 0 = none. */
struct oq_failure {
    uint32_t code;       /* HRESULT-shaped: what GetStatus derives win32 from (contract D20) */
    uint32_t win32;      /* contract D20: never 0 when code is not */
    uint32_t http;       /* HTTP status or 0 */
    uint32_t file_index; /* or OQ_NO_FILE */
    char *text;          /* or NULL: one sentence */
};

enum oq_event_kind { OQ_EVENT_NONE, OQ_EVENT_COMPLETE, OQ_EVENT_ERROR };

struct oq_job {
    int64_t id; /* database row, never reused; 0 = the group has no job */
    struct oq_guid guid;
    struct oq_file *files;
    uint32_t file_count;
    uint32_t file_capacity;
};

/* 100 Gbit/s. */
#define OQ_GROUP_RATE_MOST INT64_C(12500000000)

struct oq_group {
    int64_t id; /* database row, never reused: what COM objects hold, since a GUID may be used again
                   after CancelGroup */
    struct oq_guid guid;
    char *owner_sid;               /* text: "S-1-5-...": who manages the group */
    struct oq_rights owner_rights; /* of the call that made it, or them its owner */
    enum oq_group_state state;
    bool is_foreground;
    char *display_name;       /* text, at most 256 UTF-16 units */
    char *description;        /* text, at most 1,024 UTF-16 units */
    uint32_t notify_flags;    /* QM_NOTIFY_* */
    char *notify_clsid;       /* text, "" or a braced CLSID */
    enum oq_event_kind event; /* notification not yet acknowledged by the client */
    struct oq_failure error;
    uint32_t retries;      /* attempts after an error, since the last resume (contract C14) */
    int64_t created_at_ms; /* wall clock */
    int64_t changed_at_ms; /* wall clock: last progress or change by a client; inactivity counts
                              from here */
    int64_t no_progress_since_ms; /* wall clock of the first transient error without progress since;
                                     0 = none */
    uint64_t max_bytes_per_s;     /* limit of the group's own; 0 = none */
    struct oq_job job;
};

/* Free what the struct owns and empty it: all zero, but a failure's file_index is OQ_NO_FILE. Empty
 * structs are accepted. */
void oq_file_release(struct oq_file *file);
void oq_job_release(struct oq_job *job);
void oq_group_release(struct oq_group *group);
void oq_failure_release(struct oq_failure *failure);

/* The saved bytes count no longer: no byte is done, and size, validators and digest are not known.
 * Strings are freed if the struct owns them, which a copy made to be changed does not. */
void oq_file_forget_bytes(struct oq_file *file, bool owns_strings);

/* Adds an empty file (WAITING, size unknown, no strings: the caller sets remote and local) at the
 * end with the next index; returns it (borrowed until the next add), NULL when out of memory. */
struct oq_file *oq_job_add_file(struct oq_job *job);

/* Replaces an owned string by a copy of value, which may be the old one. OQ_E_NOMEM leaves the old
 * one. value NULL stores NULL. */
OQ_MUST_CHECK enum oq_status oq_text_set(char **field, const char *value);

/* The promises of oq_states.def and of the comments above, as a sentence about the first broken
 * one, or NULL if all hold. For asserts, tests, and what is read from the database. Takes time
 * proportional to the number of files. */
const char *oq_group_check(const struct oq_group *group);

#endif
