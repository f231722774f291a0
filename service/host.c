/* host.c - builds the parts and wires the ports. start and stop run on the service's thread, event
 * on the control manager's.
 *
 * Order of the start: the security of COM first. Whatever uses COM before, on any thread, makes
 * Windows set one of its own, and the service could not start (oq_com_open).
 *
 * Order of the stop: the engine, within 4 s, since it answers every waiting and new call with
 * "stopping" at once; then COM has nothing to wait for and cuts its objects off from their clients;
 * then the rest; the classes last (oq_com_close).
 */
#include "oq_host.h"

#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_com_server.h"
#include "oq_engine.h"
#include "oq_fault.h"
#include "oq_schedule.h"
#include "oq_log.h"
#include "oq_store.h"
#include "oq_utf.h"
#include "oq_version.h"
#include "oq_win_config.h"
#include "oq_win_data.h"
#include "oq_win_identity.h"
#include "oq_win_link.h"
#include "oq_win_log.h"
#include "oq_win_network.h"
#include "oq_win_ports.h"
#include "settings_int.h"

#include <windows.h>

#include <process.h>

#include "oq_win_messages.h"

#define ENGINE_STOP_MS 4000
#define COM_STOP_MS 800
#define PARTS_STOP_MS 3000 /* half a second for the link's thread, 2 s for the classes */
#define ENGINE_START_MS                                                                            \
    60000 /* recovery reads the whole queue; a checkpoint of the database's log may be due */
#define COM_START_MS 10000
#define ROOTS_MS 5000

/* --- idle stop -------------------------------------------------------------------------------- */

/* A service without work and without clients stops itself, and the next client starts it again.
 *
 * Owns one thread, which polls (core/oq_schedule.h decides). No client is lost: the shutdown gate
 * is closed in one step, and only if there is no client and none has come since the work was
 * counted; later ones get CO_E_SERVER_STOPPING and activate again.
 * docs/decisions/0014-idle-shutdown-is-atomic.md. */
struct oq_self_stop {
    struct oq_win_scm *scm;
    struct oq_engine *engine;
    struct oq_com *com;
    int64_t limit_ms;
    HANDLE quit; /* event */
    HANDLE thread;
};

/* Clients first, the work second: a client who adds work after that counts as an activation. */
static bool is_due(struct oq_self_stop *stop, struct oq_idle_stop *state, uint64_t *activations)
{
    struct oq_com_life life;

    oq_com_get_life(stop->com, &life);
    const struct oq_idle_look look = {.has_work = oq_engine_has_work(stop->engine),
                                      .clients = life.objects + life.locks + life.callbacks,
                                      .activations = life.activations};
    *activations = life.activations;
    return oq_idle_stop_is_due(state, &look, stop->limit_ms, oq_clock_mono_ms(oq_clock_system()));
}

static unsigned __stdcall watch(void *argument)
{
    struct oq_self_stop *stop = argument;
    struct oq_idle_stop state = {0};
    DWORD look_ms = (DWORD)oq_idle_stop_look_ms(stop->limit_ms);
    uint64_t activations = 0;

    while (WaitForSingleObject(stop->quit, look_ms) == WAIT_TIMEOUT) {
        if (!is_due(stop, &state, &activations) || !oq_com_shut_gate(stop->com, activations))
            continue;
        oq_log_info("service: no work and no client for %lld ms; it stops until it is asked for",
                    (long long)stop->limit_ms);
        oq_win_scm_request_stop(stop->scm);
        break;
    }
    return 0;
}

static void self_stop_free(struct oq_self_stop *stop)
{
    if (!stop)
        return;
    if (stop->thread) {
        SetEvent(stop->quit);
        WaitForSingleObject(stop->thread, INFINITE);
        CloseHandle(stop->thread);
    }
    if (stop->quit)
        CloseHandle(stop->quit);
    oq_free(stop);
}

static enum oq_status self_stop_start(struct oq_win_scm *scm, struct oq_engine *engine,
                                      struct oq_com *com, int64_t limit_ms,
                                      struct oq_self_stop **out)
{
    struct oq_self_stop *stop = oq_calloc(1, sizeof *stop);
    if (!stop)
        return OQ_E_NOMEM;
    *stop = (struct oq_self_stop){.scm = scm, .engine = engine, .com = com, .limit_ms = limit_ms};
    stop->quit = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (stop->quit)
        stop->thread = (HANDLE)_beginthreadex(NULL, 0, watch, stop, 0, NULL);
    if (!stop->thread) {
        self_stop_free(stop);
        return OQ_E_NOMEM;
    }
    *out = stop;
    return OQ_OK;
}

/* --- the host --------------------------------------------------------------------------------- */

struct oq_host {
    struct oq_host_options options;
    struct oq_win_scm_hosted hosted;
    struct oq_win_settings settings;
    struct oq_win_data data;
    struct oq_win_log *log;
    struct oq_win_identities *identities;
    struct oq_win_network *network;
    struct oq_win_link *link;
    struct oq_engine *engine;
    struct oq_live_settings live;
    struct oq_com *com;
    struct oq_win_watch *watch;
    struct oq_win_policy *policy;
    struct oq_self_stop *self_stop;
    bool is_whole;
};

/* Replaces the sink by one with the file `path` (NULL: none yet). No other thread logs at that
 * time. */
static enum oq_status open_log(struct oq_host *host, const char *path, struct oq_error *err)
{
    struct oq_win_log *log = NULL;
    struct oq_win_log_options options = {.path = path,
                                         .is_on_stderr = host->options.is_console,
                                         .is_in_event_log = !host->options.is_console};
    enum oq_status status = oq_win_log_open(&options, &log, err);
    if (status != OQ_OK)
        return status;
    oq_log_set_sink(oq_win_log_sink, log);
    oq_win_log_close(host->log);
    host->log = log;
    return OQ_OK;
}

static void close_log(struct oq_host *host)
{
    oq_log_set_sink(NULL, NULL);
    oq_win_log_close(host->log);
    host->log = NULL;
}

static enum oq_status open_data(struct oq_host *host, struct oq_error *err)
{
    const char *given = host->options.data_folder;
    const char *configured = host->settings.data_folder;
    enum oq_win_data_source source = given        ? OQ_WIN_DATA_GIVEN
                                     : configured ? OQ_WIN_DATA_CONFIGURED
                                                  : OQ_WIN_DATA_DEFAULT;
    return oq_win_data_open(source, given ? given : configured,
                            oq_win_identities_own_sid(host->identities), &host->data, err);
}

/* Beside the queue, for service/engine/crash_breaker.c: this end is a crash, not a kill. */
static wchar_t *crash_mark;

static LONG WINAPI leave_crash_mark(EXCEPTION_POINTERS *exception)
{
    HANDLE file = CreateFileW(crash_mark, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    (void)exception;
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    return EXCEPTION_CONTINUE_SEARCH;
}

static void watch_for_crashes(const struct oq_host *host)
{
    char *path = oq_store_crash_mark(host->data.database);
    uint16_t *wide = NULL;
    if (path && oq_utf8_to_16(path, &wide, NULL) == OQ_OK) {
        crash_mark = (wchar_t *)wide; /* as long as the process */
        SetUnhandledExceptionFilter(leave_crash_mark);
    }
    oq_free(path);
}

static enum oq_status open_engine(struct oq_host *host, struct oq_error *err)
{
    watch_for_crashes(host);

    struct oq_engine_options options = {
        .config = host->settings.numbers,
        .clock = oq_clock_system(),
        .files = oq_win_files_port(),
        .identity = oq_win_identities_port(host->identities),
        .hash = oq_win_hash_port(),
        .network = oq_win_network_port(host->network),
        .link = oq_win_link_port(host->link),
        .rate_schedule = &host->settings.rate_schedule,
        .database_path = host->data.database,
        .user_agent = "OpenQMGR/" OQ_VERSION,
        .auth_hosts = host->settings.auth_hosts,
    };
    return oq_engine_new(&options, &host->engine, err);
}

static enum oq_status serve_clients(struct oq_host *host, struct oq_error *err)
{
    struct oq_com_options options = {
        .engine = host->engine,
        .identity = oq_win_identities_port(host->identities),
        .settings = &host->live.port,
        .serve_legacy_clsid = oq_win_settings_is_legacy_ours(),
    };
    return oq_com_serve(host->com, &options, err);
}

static void on_network_change(void *ctx)
{
    struct oq_host *host = ctx;
    oq_win_link_changed(host->link);
    oq_engine_retry_now(host->engine);
}

static void on_policy_change(void *ctx)
{
    struct oq_error err;
    oq_error_init(&err);
    if (oq_live_settings_apply(ctx, &err) != OQ_OK)
        oq_log_warning("configuration: %s; what was set before stays", err.text);
}

/* Frees what is there; the engine is not running any more, and no call of a client. */
static void release(struct oq_host *host)
{
    oq_engine_free(host->engine);
    oq_win_network_free(host->network);
    if (!oq_win_link_free(host->link))
        host->is_whole = false;
    oq_win_identities_free(host->identities);
    oq_win_settings_release(&host->settings);
    oq_com_close(host->com);
    oq_live_settings_release(&host->live);
    close_log(host);
    oq_win_data_release(&host->data); /* last: the next owner of the lock finds no files in use */
    host->engine = NULL;
    host->network = NULL;
    host->link = NULL;
    host->identities = NULL;
    host->com = NULL;
}

static void report_failure(struct oq_host *host, const struct oq_error *err)
{
    uint32_t message = err->status == OQ_E_DB_NEWER     ? OQ_MSG_QUEUE_NEWER
                       : err->status == OQ_E_DB_DAMAGED ? OQ_MSG_QUEUE_DAMAGED
                                                        : OQ_MSG_START_FAILED;
    oq_win_log_event(host->log, message, err->text[0] ? err->text : oq_status_name(err->status),
                     NULL);
}

static enum oq_status host_start(void *ctx, struct oq_win_scm *scm, struct oq_error *err)
{
    struct oq_host *host = ctx;
    struct oq_error trouble;
    enum oq_status status;
    oq_fault_arm_from_environment();
    oq_win_settings_init(&host->settings);
    /* COM before everything but the means to say that it failed. */
    if ((status = open_log(host, NULL, err)) != OQ_OK ||
        (status = oq_com_open(&host->com, err)) != OQ_OK ||
        (status = oq_win_settings_load(&host->settings, err)) != OQ_OK)
        goto out;
    oq_log_set_level(host->settings.log_level);
    if ((status = oq_win_identities_new(&host->identities, err)) != OQ_OK ||
        (status = open_data(host, err)) != OQ_OK ||
        (status = open_log(host, host->data.log, err)) != OQ_OK)
        goto out;
    oq_win_scm_progress(scm, ROOTS_MS);
    status = oq_win_network_new(host->settings.ca_file,
                                host->settings.numbers.revocation_check != 0, &host->network, err);
    if (status == OQ_OK)
        status = oq_win_network_set_proxy(host->network, host->settings.proxy,
                                          host->settings.proxy_bypass, err);
    if (status != OQ_OK)
        goto out;
    status = oq_win_link_new(oq_clock_system(), &host->link, err);
    if (status != OQ_OK)
        goto out;
    oq_win_scm_progress(scm, ENGINE_START_MS);
    status = open_engine(host, err);
    if (status != OQ_OK)
        goto out;
    status = oq_live_settings_init(&host->live, &host->settings, host->engine, &host->data);
    if (status != OQ_OK)
        goto out;
    oq_win_scm_progress(scm, COM_START_MS);
    status = serve_clients(host, err);
    if (status != OQ_OK)
        goto out;
    oq_error_init(&trouble);
    if (oq_win_watch_start(on_network_change, host, &host->watch, &trouble) != OQ_OK)
        oq_log_warning("network: %s; waiting downloads go on with their next attempt only",
                       trouble.text);
    if (oq_win_policy_start(on_policy_change, &host->live, &host->policy, &trouble) != OQ_OK)
        oq_log_warning("configuration: %s; changes hold after the next start only", trouble.text);
    /* In the foreground nothing would start it again. */
    if (host->settings.numbers.stop_when_idle_ms > 0 && !host->options.is_console &&
        self_stop_start(scm, host->engine, host->com, host->settings.numbers.stop_when_idle_ms,
                        &host->self_stop) != OQ_OK)
        oq_log_warning("service: out of memory; it will not stop itself");
    oq_win_log_event(host->log, OQ_MSG_STARTED, OQ_VERSION, host->data.folder);
    if (oq_engine_get_repair(host->engine))
        oq_win_log_event(host->log, OQ_MSG_QUEUE_REPAIRED, oq_engine_get_repair(host->engine),
                         NULL);
out:
    if (status != OQ_OK) {
        err->status = status;
        report_failure(host, err);
        release(host);
    }
    return status;
}

static void host_stop(void *ctx, struct oq_win_scm *scm)
{
    struct oq_host *host = ctx;
    const char *what = NULL;
    oq_log_info("service: stopping");
    oq_win_watch_stop(host->watch);
    host->watch = NULL;
    oq_win_policy_stop(host->policy);
    host->policy = NULL;
    self_stop_free(host->self_stop);
    host->self_stop = NULL;
    oq_win_scm_progress(scm, ENGINE_STOP_MS);
    if (oq_engine_stop(host->engine, ENGINE_STOP_MS) != OQ_OK)
        what = "the disk was too slow to save everything in 4 seconds";
    oq_win_scm_progress(scm, COM_STOP_MS);
    if (oq_com_drain(host->com, COM_STOP_MS) != OQ_OK)
        what = what ? what : "a call of a client did not come back";
    if (what) {
        /* Threads of the engine or of COM still use the parts: leave everything where it is. */
        host->is_whole = false;
        oq_win_log_event(host->log, OQ_MSG_STOP_INCOMPLETE, what, NULL);
        return;
    }
    oq_win_scm_progress(scm, PARTS_STOP_MS);
    oq_win_log_event(host->log, OQ_MSG_STOPPED, NULL, NULL);
    release(host);
}

static void host_event(void *ctx, enum oq_win_scm_event event, uint32_t session)
{
    struct oq_host *host = ctx;
    switch (event) {
    case OQ_SCM_EVENT_SUSPEND:
        oq_engine_sleep(host->engine);
        break;
    case OQ_SCM_EVENT_RESUME:
        oq_engine_wake(host->engine);
        break;
    case OQ_SCM_EVENT_LOGON: /* an owner may be back */
        oq_engine_retry_now(host->engine);
        break;
    case OQ_SCM_EVENT_LOGOFF: /* a token lives as long as its session */
        oq_win_identities_logged_off(host->identities, session);
        break;
    }
}

struct oq_host *oq_host_new(const struct oq_host_options *options)
{
    struct oq_host *host = oq_calloc(1, sizeof *host);
    if (!host)
        return NULL;
    host->options = *options;
    host->hosted = (struct oq_win_scm_hosted){
        .ctx = host, .start = host_start, .stop = host_stop, .event = host_event};
    host->is_whole = true;
    return host;
}

const struct oq_win_scm_hosted *oq_host_get_hosted(struct oq_host *host)
{
    return &host->hosted;
}

bool oq_host_is_whole(const struct oq_host *host)
{
    return host->is_whole;
}

void oq_host_free(struct oq_host *host)
{
    oq_free(host);
}
