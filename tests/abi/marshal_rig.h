/*
 * marshal_rig.h: two apartments of one process with the proxy DLL between them.
 *
 * The service's side is a multi-threaded apartment with scripted objects, one of each interface;
 * the client's side is the main thread, a single-threaded apartment, with a callback object and its
 * class. What arrives on either side is written into one log, so that a test says in one line what
 * it expects. The DLL is made known to COM for this process only; the registry is not touched.
 *
 * One test at a time; the log and the script are read and written by the side that runs: the
 * client waits in its call while the service's side works. */
#ifndef OQ_TESTS_ABI_MARSHAL_RIG_H
#define OQ_TESTS_ABI_MARSHAL_RIG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COBJMACROS
#include "openqmgr.h"

/* What a NULL pointer gives through a proxy, without reaching the other side. */
#define NULL_REFUSED HRESULT_FROM_WIN32(RPC_X_NULL_REF_POINTER)

/* The proxies that the client holds, each of the service's object of that interface. */
struct rig {
    IBackgroundCopyQMgr *qmgr;
    IBackgroundCopyGroup *group;
    IBackgroundCopyJob1 *job;
    IEnumBackgroundCopyGroups *enum_groups;
    IEnumBackgroundCopyJobs1 *enum_jobs;
    IBackgroundCopyCallback1 *callback; /* the client's own object, not a proxy */
    CLSID callback_class;               /* registered in the client's apartment */
};
extern struct rig rig;

/* What the service's objects do. rig_reset makes every result S_OK. */
struct script {
    HRESULT result; /* of every method that is not named here */
    HRESULT get_prop, set_prop, set_pointer;
    HRESULT create;      /* of the client's class factory */
    HRESULT on_status;   /* of the client's callback */
    VARIANT property;    /* what GetProp returns; owned by the script */
    ULONG elements_left; /* what the enumerators have for Next */
    void (*with_pointer)(IBackgroundCopyCallback1 *callback); /* run by SetNotificationPointer */
};
extern struct script script;

/* The objects of the service's side, for use in with_pointer. */
IBackgroundCopyGroup *rig_service_group(void);
IBackgroundCopyJob1 *rig_service_job(void);

/* Opens and closes both apartments: group set-up and teardown of a CMocka program. 0 or -1. */
int rig_open(void **state);
int rig_close(void **state);

/* Empties log and script: set-up of every test. Teardown: says whether a call ran on the wrong
 * thread. */
int rig_reset(void **state);
int rig_check(void **state);

/* All that arrived since rig_reset: "method arguments; method arguments; ". */
const char *rig_log(void);
void rig_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* GUID number n of the enumerators and of the tests: the same in all four parts. */
GUID rig_guid(unsigned n);

/* For marshal_objects.c: makes one object per interface; the caller's apartment owns them. */
IUnknown *rig_service_object(REFIID iid);
void rig_expect_thread(DWORD not_this_one);
bool rig_was_on_wrong_thread(void);

#endif
