/* oq_config.h - every number an administrator may set, with its default, in one list.
 *
 * A plain value: read by service/win from the registry, handed to the engine, copied. Pure; any
 * thread. The list is X(field, registry value name, default, lowest, highest, meaning);
 * docs/config.md is checked against it.
 */
#ifndef OQ_CONFIG_H
#define OQ_CONFIG_H

#include "oq_status.h"

/* clang-format off */
#define OQ_CONFIG_NUMBERS(X) \
    X(files_in_flight,      "FilesInFlight",       4,          1,     16,          \
      "files of one job transferred at once") \
    X(background_groups,    "BackgroundGroups",    4,          1,     64,          \
      "background groups that transfer at once") \
    X(time_slice_ms,        "TimeSliceMs",         60000,      1000,  86400000,    \
      "time slice: how long a background group transfers while others are queued") \
    X(retry_first_ms,       "RetryFirstMs",        5000,       100,   86400000,    \
      "first delay after a transient error") \
    X(retry_longest_ms,     "RetryLongestMs",      600000,     100,   86400000,    \
      "longest delay between attempts") \
    X(retry_after_limit_ms, "RetryAfterLimitMs",   86400000,   0,     604800000,   \
      "longest Retry-After that is honoured") \
    X(no_progress_ms,       "NoProgressMs",        1209600000, 0,     7776000000,  \
      "no-progress time-out: transient errors without progress for so long become fatal; 0: at " \
      "once") \
    X(inactivity_ms,        "InactivityMs",        7776000000, 0,     31536000000, \
      "groups unchanged for so long are removed; 0: never") \
    X(checkpoint_ms,        "CheckpointMs",        3000,       100,   600000,      \
      "time between two saved offsets of a running file") \
    X(checkpoint_bytes,     "CheckpointBytes",     33554432,   65536, 1073741824,  \
      "bytes of a running file that are fetched again at most after a kill") \
    X(connections_per_host, "ConnectionsPerHost",  8,          1,     256,         \
      "connections to one server at once; further transfers wait for one") \
    X(connect_timeout_ms,   "ConnectTimeoutMs",    30000,      1000,  600000,      \
      "time to connect to a server") \
    X(stall_timeout_ms,     "StallTimeoutMs",      60000,      1000,  3600000,     \
      "time without a byte before the connection is closed") \
    X(slow_source_ms,       "SlowSourceMs",        30000,      1000,  3600000,     \
      "after so long a slow source is replaced by another one, if there is one") \
    X(slow_source_bytes,    "SlowSourceBytes",     8192,       0,     1073741824,  \
      "bytes per second below which a source is slow; 0: none is") \
    X(groups_per_user,      "MaxGroupsPerUser",    60,         0,     1000000,     \
      "groups of one user who is not an administrator; 0: no limit") \
    X(groups_per_machine,   "MaxGroupsPerMachine", 300,        0,     1000000,     \
      "groups in the queue at which users who are not administrators get no more; 0: no limit") \
    X(files_per_job,        "MaxFilesPerJob",      200,        0,     1000000,     \
      "files of a job of a user who is not an administrator; 0: no limit") \
    X(idle_throttle,        "IdleThrottle",        1,          0,     1,           \
      "1: background downloads use only the bandwidth that no other traffic uses; 0: they " \
      "compete") \
    X(max_rate_kbits,       "MaxRateKbits",        0,          0,     100000000,   \
      "highest rate of all background downloads together in kbit/s; 0: no limit") \
    X(metered_networks,     "MeteredNetworks",     0,          0,     1,           \
      "1: background downloads wait while the network is metered") \
    X(revocation_check,     "RevocationCheck",     0,          0,     1,           \
      "1: check whether a server's certificate was revoked, and wait for the answer") \
    X(pause_all,            "PauseAll",            0,          0,     1,           \
      "1: nothing is downloaded, in the foreground neither") \
    X(stop_when_idle_ms,    "StopWhenIdleMs",      0,          0,     2592000000,  \
      "the service stops itself after so long without work and clients; 0: never") \
    X(reply_timeout_ms,     "ReplyTimeoutMs",      30000,      1000,  600000,      \
      "time a client's call waits for the engine")
/* clang-format on */

struct oq_config {
#define OQ_CONFIG_FIELD(field, name, standard, lowest, highest, meaning) int64_t field;
    OQ_CONFIG_NUMBERS(OQ_CONFIG_FIELD)
#undef OQ_CONFIG_FIELD
};

/* The defaults. */
void oq_config_init(struct oq_config *config);

/* Sets the field of that registry value name (case does not matter). OQ_E_NOT_FOUND for an unknown
 * name, OQ_E_INVALID_ARG outside lowest..highest; the field is then unchanged and err->text says
 * the range. err may be NULL. */
OQ_MUST_CHECK enum oq_status oq_config_set(struct oq_config *config, const char *name,
                                           int64_t value, struct oq_error *err);

struct oq_config_item {
    const char *name; /* registry value */
    int64_t standard, lowest, highest;
    const char *meaning;
};
/* The list, for reading the registry and for the documentation test. Static. */
const struct oq_config_item *oq_config_items(size_t *count);

#endif
