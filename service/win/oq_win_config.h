/* oq_win_config.h - what an administrator has set in the registry.
 *
 * Owns no state; called while the service starts and by `qmgrsvc install`. Two keys of
 * HKEY_LOCAL_MACHINE are read, the second wins: SOFTWARE\OpenQMGR, and SOFTWARE\Policies\OpenQMGR,
 * which group policy writes. In both:
 *
 * - every name of OQ_CONFIG_NUMBERS: REG_DWORD or REG_QWORD;
 * - DataFolder: REG_SZ or REG_EXPAND_SZ, absolute path; default %ProgramData%\OpenQMGR;
 * - CaFile: the same types, a PEM file of certificates that are trusted besides Windows' own;
 * - Proxy, ProxyBypass, LogOnHosts: the same types, lists as in oq_proxy.h;
 * - LogLevel: REG_DWORD, 0 errors, 1 warnings, 2 information (default), 3 everything.
 *
 * A value of the wrong type or out of range is a warning in the log, and what was valid before it
 * stays.
 */
#ifndef OQ_WIN_CONFIG_H
#define OQ_WIN_CONFIG_H

#include "oq_config.h"
#include "oq_log.h"
#include "oq_rate_schedule.h"

#include <windows.h>

struct oq_win_settings {
    struct oq_config numbers;
    char *data_folder;          /* owned; NULL = the default */
    char *ca_file;              /* owned; NULL = none */
    char *proxy, *proxy_bypass; /* owned; NULL = not configured */
    char *auth_hosts;           /* owned; NULL = none */
    enum oq_log_level log_level;
    struct oq_rate_schedule rate_schedule; /* RateSchedule */
    char *schedule;                        /* owned; its text; NULL = none */
};

/* Defaults. */
void oq_win_settings_init(struct oq_win_settings *settings);
void oq_win_settings_release(struct oq_win_settings *settings); /* an empty or initialised struct */

/* Reads the two keys over the defaults; keys that do not exist are no error. settings must be
 * initialised. OQ_E_NOMEM, OQ_E_ACCESS_DENIED or OQ_E_IO when a key exists and cannot be read. */
OQ_MUST_CHECK enum oq_status oq_win_settings_load(struct oq_win_settings *settings,
                                                  struct oq_error *err);

/* Has group policy set that value, so that nothing else can? */
bool oq_win_settings_is_enforced(const char *name);
/* Writes a number below SOFTWARE\OpenQMGR, to disk. OQ_E_ACCESS_DENIED, OQ_E_IO, OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_settings_save_number(const char *name, int64_t value,
                                                         struct oq_error *err);

/* Does CLSID_BackgroundCopyQMgr (contract annex C) name our AppID in the registry, so that we have
 * to serve it? */
bool oq_win_settings_is_legacy_ours(void);

/* Reads one key, as oq_win_settings_load does with two: root\path over what settings holds. A key
 * that does not exist is OQ_OK. */
OQ_MUST_CHECK enum oq_status oq_win_settings_read(HKEY root, const wchar_t *path,
                                                  struct oq_win_settings *settings,
                                                  struct oq_error *err);

/* Tells when an administrator changes the registry.
 *
 * Owns one thread, which waits for changes below SOFTWARE\OpenQMGR and SOFTWARE\Policies\OpenQMGR
 * of HKEY_LOCAL_MACHINE. A key that does not exist yet is looked for once a second. */
struct oq_win_policy;

/* On the watching thread. */
typedef void oq_win_policy_changed(void *ctx);

/* From now on `changed` is called within 1.2 s of any change of those keys. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_win_policy_start(oq_win_policy_changed *changed, void *ctx,
                                                 struct oq_win_policy **out, struct oq_error *err);
/* Returns when no callback runs and none will come. Not from the callback. NULL is allowed. */
void oq_win_policy_stop(struct oq_win_policy *policy);

#endif
