/* oq_com_server.h - the COM side of the service: the class that clients create, and everything they
 * get from it.
 *
 * Owns one thread, which keeps the multi-threaded apartment alive, the class registrations, a count
 * of every object and lock that clients hold, and the callback pointers they registered. Knows the
 * engine only through oq_engine.h. Calls of clients run on threads of the RPC run-time; each
 * captures its caller, asks the engine, converts the answer, and never holds a lock while it waits.
 *
 * Four steps, in this order: open, serve, drain, close. One per process: CoInitializeSecurity is a
 * promise about the process and can be given once.
 */
#ifndef OQ_COM_SERVER_H
#define OQ_COM_SERVER_H

#include "oq_engine.h"
#include "oq_settings.h"

struct oq_com;

struct oq_com_options {
    struct oq_engine *engine;                /* borrowed; outlives a stop that returned OQ_OK */
    const struct oq_identity_port *identity; /* borrowed, as the engine */
    const struct oq_settings_port *settings; /* borrowed, as the engine */
    bool serve_legacy_clsid;                 /* also answer for CLSID_BackgroundCopyQMgr */
};

/* Starts the thread and sets the process's COM security; no class is served yet. The process's
 * first use of COM has to be this one: Windows sets a security of its own when anything is
 * marshalled before, and CoInitializeSecurity then fails with RPC_E_TOO_LATE (page
 * "CoInitializeSecurity"). OQ_E_NOMEM; OQ_E_IO with err->win32 = the HRESULT of the COM function
 * that err->text names; nothing is left running then. Any thread. The result ends with
 * oq_com_close. */
OQ_MUST_CHECK enum oq_status oq_com_open(struct oq_com **out, struct oq_error *err);

/* Registers the class objects suspended and, when all are there, resumes them; from then on calls
 * may come. Returns when that is done. Errors as oq_com_open; no class is served then. Any thread,
 * once. */
OQ_MUST_CHECK enum oq_status oq_com_serve(struct oq_com *com, const struct oq_com_options *options,
                                          struct oq_error *err);

/* New calls answer QM_E_SERVICE_UNAVAILABLE and activations CO_E_SERVER_STOPPING, calls that run
 * may finish, then every object is disconnected, so that clients see RPC_E_DISCONNECTED, and the
 * registered callbacks are dropped. Before or after oq_engine_stop; after it running calls end
 * sooner.
 *
 * OQ_OK: no call is in the engine and none will come, so it may be freed. (If a client hangs while
 * it is disconnected, that is left behind, with a warning.) OQ_E_TIMEOUT: a call is still running
 * after three quarters of timeout_ms; the engine must not be freed, and the process should end. Any
 * thread, once, after oq_com_serve. */
OQ_MUST_CHECK enum oq_status oq_com_drain(struct oq_com *com, int64_t timeout_ms);

/* Takes the classes back and ends the thread, within 2 s; what hangs is left behind. The last thing
 * before the service reports that it has stopped: a client that comes in between waits for a class
 * that is never registered. After oq_com_drain, or instead of oq_com_serve. Any thread; com is
 * gone. NULL is allowed. */
void oq_com_close(struct oq_com *com);

/* What clients hold now: objects of ours, and locks by IClassFactory::LockServer. Both 0 means
 * no client needs the process. Any thread until oq_com_close; the numbers may be out
 * of date when read. */
void oq_com_get_live(struct oq_com *com, uint32_t *objects, uint32_t *locks);

/* More of the same. */
struct oq_com_life {
    uint32_t objects, locks;
    uint32_t callbacks;   /* that clients have registered and not cleared */
    uint64_t activations; /* objects made for clients since the start */
};
void oq_com_get_life(struct oq_com *com, struct oq_com_life *life);

/* Shuts the gate if no client is there: no objects, no locks, no call, and no activation since that
 * number was read. Then every later call gets QM_E_SERVICE_UNAVAILABLE and every later activation
 * CO_E_SERVER_STOPPING, on which clients activate again; oq_com_drain is to follow at once. All in
 * one step: false: a client was faster, and nothing was done. Any thread until
 * oq_com_drain. */
OQ_MUST_CHECK bool oq_com_shut_gate(struct oq_com *com, uint64_t activations);

#endif
