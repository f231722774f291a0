/* oq_win_log.h - where the lines of oq_log.h go on Windows, and the service's events.
 *
 * Owns the log file and the handle of the event source "OpenQMGR". Any thread. A line that cannot
 * be written anywhere is lost; logging never fails a download.
 *
 * The file has one line per message, "2026-01-31T23:59:59.123Z WARNING text", UTF-8. When it would
 * grow above its limit it becomes <name>.1.log, the former one of which goes, and a new one begins.
 * Warnings and errors are events too, at most 20 a minute: a failing disk must not flush everybody
 * else's events out. Event Viewer finds the texts in qmgrsvc.exe (oq_win_messages.mc) once `qmgrsvc
 * install` has registered the source.
 */
#ifndef OQ_WIN_LOG_H
#define OQ_WIN_LOG_H

#include "oq_log.h"

struct oq_win_log;

struct oq_win_log_options {
    const char *path;     /* file, absolute; NULL = none. Copied */
    uint64_t limit_bytes; /* of the file; 0 = 5 MB */
    bool is_on_stderr;    /* console mode */
    bool is_in_event_log;
};

/* OQ_E_NOMEM; OQ_E_ACCESS_DENIED, OQ_E_FILE_MISSING, OQ_E_IO when the file cannot be opened. */
OQ_MUST_CHECK enum oq_status oq_win_log_open(const struct oq_win_log_options *options,
                                             struct oq_win_log **out, struct oq_error *err);
void oq_win_log_close(struct oq_win_log *log); /* NULL is allowed; not while it is oq_log's sink */

/* The sink for oq_log_set_sink; ctx is the struct oq_win_log. */
void oq_win_log_sink(void *ctx, enum oq_log_level level, const char *line);

/* An event with a meaning of its own: `message` is an OQ_MSG_*, text1 and text2 (UTF-8, may be
 * NULL) are its %1 and %2. Goes to the event log and, as the sentence that oq_win_messages.mc has
 * for it, to the file and to standard error; the limit of 20 a minute does not apply. NULL log: to
 * the event log only, for what happens before there is a log. */
void oq_win_log_event(struct oq_win_log *log, uint32_t message, const char *text1,
                      const char *text2);

#endif
