/* oq_log.h - one line per thing an administrator wants to know.
 *
 * Any thread; a line is written whole. Lines go to the sink that the host has set: a file, stderr,
 * the Windows event log (service/win). Before a sink is set they go to stderr. Never log secrets:
 * URLs are logged without user info and query (oq_url_redact of core/oq_url.h).
 */
#ifndef OQ_LOG_H
#define OQ_LOG_H

#include "oq_status.h"

enum oq_log_level { OQ_LOG_ERROR, OQ_LOG_WARNING, OQ_LOG_INFO, OQ_LOG_DEBUG };

/* `line` is UTF-8 without time and without newline or other control characters (they become blanks;
 * bytes that are not UTF-8 become '?'), at most 4,095 bytes; valid during the call only. Never
 * called by two threads at once; must not call oq_log. */
typedef void oq_log_sink(void *ctx, enum oq_log_level level, const char *line);

/* Replaces the sink; NULL restores stderr. When it returns, the old sink is not running and will
 * not be called again. */
void oq_log_set_sink(oq_log_sink *sink, void *ctx);
/* Lines of a higher level than this are dropped. Default OQ_LOG_INFO. */
void oq_log_set_level(enum oq_log_level level);

void oq_log(enum oq_log_level level, const char *fmt, ...) OQ_PRINTF(2, 3);

#define oq_log_error(...) oq_log(OQ_LOG_ERROR, __VA_ARGS__)
#define oq_log_warning(...) oq_log(OQ_LOG_WARNING, __VA_ARGS__)
#define oq_log_info(...) oq_log(OQ_LOG_INFO, __VA_ARGS__)
#define oq_log_debug(...) oq_log(OQ_LOG_DEBUG, __VA_ARGS__)

#endif
