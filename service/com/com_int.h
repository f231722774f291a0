/* com_int.h - what the files of service/com share. Only they and their tests include it.
 *
 *   server.c        start and stop, the thread
 *   security.c      who may call at all: CoInitializeSecurity, explained
 *   classes.c       the registrations of the classes; stub_pin.c: what Wine needs besides
 *   factory.c, qmgr.c, group.c, job.c, enum.c   the classes of the contract
 *   open_manager.c, open_group.c                 the extension interfaces, parts of their objects
 *   group_info.c    the engine's values as clients see them; prop.c: the table of properties
 *   notify.c        registered callbacks and pending events; deliver.c: the threads that call them
 *   object.c        IUnknown for every object, and the list of them
 *   context.c       what all objects share; which calls run
 *   caller.c        who calls; hresult.c: the table of results
 *   convert.c       BSTR, VARIANT, GUID, FILESETINFO
 *
 * A file calls files below it in this list, but for the callbacks of an object's own class.
 *
 * Every method has five steps: check pointers, zero outputs, capture the caller (oq_call_begin),
 * ask the engine, convert. Objects are an id, a context and a reference count; the identifiers a
 * client gave them are kept beside the id because they never change.
 */
#ifndef COM_INT_H
#define COM_INT_H

#define COBJMACROS
#define CONST_VTABLE /* our vtables are constants */
#define WIN32_LEAN_AND_MEAN
#include "openqmgr.h"

#include "oq_com_server.h"
#include "oq_engine_sources.h"

#include <oleauto.h>
#include <stdatomic.h>

/* Pointer to the struct of that type whose member `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* --- caller.c --------------------------------------------------------------------------------- */

/* How the calling thread takes on its client's identity. Production has one, oq_impersonation_com;
 * tests script others. */
struct oq_impersonation {
    HRESULT (*begin)(void); /* CoImpersonateClient */
    HRESULT (*end)(void);   /* CoRevertToSelf */
    bool (*is_wine)(void);  /* does COM lack impersonation here? */
    void (*die)(void);      /* ends the process: end() failed */
};
extern const struct oq_impersonation oq_impersonation_com;

/* Fills *out with the client of the call that runs on this thread. Impersonates only within.
 * OQ_E_ACCESS_DENIED if the client cannot be impersonated, or for what the port refuses; the port's
 * errors. Caller unrefs out->caller.identity by the port. */
OQ_MUST_CHECK enum oq_status oq_caller_capture(const struct oq_impersonation *impersonation,
                                               const struct oq_identity_port *identity,
                                               struct oq_caller_buffer *out, struct oq_error *err);

/* --- context.c -------------------------------------------------------------------------------- */

struct oq_notify;
struct oq_classes;
struct oq_object;

/* What all objects share. Reference counted: one for the server, one for each object, so that an
 * object that outlives the server (a client's call that hangs) still finds it. */
struct oq_context {
    atomic_uint refs;
    struct oq_engine *engine; /* only between oq_context_enter and oq_context_leave */
    const struct oq_identity_port *identity;
    const struct oq_settings_port *settings;
    const struct oq_impersonation *impersonation;
    struct oq_notify *notify;
    struct oq_classes *classes;
    atomic_uint locks; /* IClassFactory::LockServer */

    SRWLOCK lock; /* of all below; held for a few instructions, never while calling out */
    CONDITION_VARIABLE calls_ended;
    uint32_t calls; /* between oq_call_begin and oq_call_end */
    bool is_stopping;
    struct oq_object *objects; /* all that live */
    uint32_t live;             /* those of them that keep the service needed */
    uint64_t activations;      /* of such, since the start */
};

/* OQ_E_NOMEM. Ends with oq_context_unref. */
OQ_MUST_CHECK enum oq_status oq_context_new(const struct oq_com_options *options,
                                            const struct oq_impersonation *impersonation,
                                            struct oq_context **out);
struct oq_context *oq_context_ref(struct oq_context *context);
void oq_context_unref(struct oq_context *context); /* NULL is allowed */

/* From now on oq_call_begin fails with OQ_E_STOPPING. */
void oq_context_refuse_calls(struct oq_context *context);
/* The same, but only if no client needs the service and none has been given an object since
 * `activations` was read; in one step. False: nothing was done. */
bool oq_context_shut_gate(struct oq_context *context, uint64_t activations);
/* Waits until no call is between begin and end. OQ_E_TIMEOUT. */
OQ_MUST_CHECK enum oq_status oq_context_wait_calls(struct oq_context *context, int64_t timeout_ms);

/* context->engine is used between these two only; a stop waits for the second. False once calls
 * are refused. */
bool oq_context_enter(struct oq_context *context);
void oq_context_leave(struct oq_context *context);

/* One call of a client, on the stack of its method. */
struct oq_call {
    struct oq_context *context; /* NULL: begin has failed */
    struct oq_engine *engine;
    const struct oq_caller *caller;
    struct oq_caller_buffer buffer;
    struct oq_error err;
};

/* Captures the caller and counts the call. OQ_E_STOPPING, and the errors of oq_caller_capture.
 * oq_call_end in any case. */
OQ_MUST_CHECK enum oq_status oq_call_begin(struct oq_call *call, struct oq_context *context);
/* Ends the call and gives the HRESULT of `status` (with call->err as its detail). */
HRESULT oq_call_end(struct oq_call *call, enum oq_status status);

/* --- object.c --------------------------------------------------------------------------------- */

struct oq_object_class {
    const IID *iid;    /* its one interface besides IUnknown and the extension */
    bool is_uncounted; /* does not keep the service running */
    void (*free)(struct oq_object *object);
};

/* Part of every COM object. */
struct oq_object {
    atomic_uint refs;
    struct oq_context *context;
    const struct oq_object_class *class;
    IUnknown *unknown;        /* the main interface, and the object's identity */
    IUnknown *info;           /* the extension interface, or NULL */
    IUnknown *sources;        /* the second one, or NULL */
    IUnknown *limit;          /* the third one, or NULL */
    IUnknown *export;         /* the fourth one, or NULL */
    const IID *extension_iid; /* of extension, or NULL */
    IUnknown *extension;
    struct oq_object *next, *previous; /* in context->objects */
    bool is_disconnected;
};

/* One reference, the creator's. Never fails. */
void oq_object_init(struct oq_object *object, struct oq_context *context,
                    const struct oq_object_class *class, IUnknown *unknown);
/* IUnknown as the contract wants it (D31): IUnknown, the main interface, the extension if there is
 * one. */
HRESULT oq_object_query(struct oq_object *object, REFIID iid, void **out);
ULONG oq_object_ref(struct oq_object *object);
ULONG oq_object_unref(struct oq_object *object);
/* Defines <name>_QueryInterface, <name>_AddRef and <name>_Release of an interface. `object` is an
 * expression of `iface`, a pointer to that interface: its struct oq_object. */
#define OQ_IUNKNOWN(INTERFACE, name, object)                                                       \
    static HRESULT STDMETHODCALLTYPE name##_QueryInterface(INTERFACE *iface, REFIID iid,           \
                                                           void **out)                             \
    {                                                                                              \
        return oq_object_query(object, iid, out);                                                  \
    }                                                                                              \
    static ULONG STDMETHODCALLTYPE name##_AddRef(INTERFACE *iface)                                 \
    {                                                                                              \
        return oq_object_ref(object);                                                              \
    }                                                                                              \
    static ULONG STDMETHODCALLTYPE name##_Release(INTERFACE *iface)                                \
    {                                                                                              \
        return oq_object_unref(object);                                                            \
    }
/* Disconnects every object but the class objects from its clients. After
 * oq_context_refuse_calls. */
void oq_objects_disconnect(struct oq_context *context);

/* --- the objects: each gives one reference in *out -------------------------------------------- */

OQ_MUST_CHECK enum oq_status oq_factory_new(struct oq_context *context, IClassFactory **out);
OQ_MUST_CHECK enum oq_status oq_qmgr_new(struct oq_context *context, IBackgroundCopyQMgr **out);

/* A group or job is made before the engine is asked, so that no memory can be missing after it has
 * said yes; then the group gets the engine's id, or is released. The identifier is copied. */
OQ_MUST_CHECK enum oq_status oq_group_new(struct oq_context *context, const GUID *guid,
                                          IBackgroundCopyGroup **out);
void oq_group_set_id(IBackgroundCopyGroup *iface, int64_t group_id);
OQ_MUST_CHECK enum oq_status oq_job_new(struct oq_context *context, int64_t group_id,
                                        const GUID *guid, IBackgroundCopyJob1 **out);

/* Enumerators of `count` identifiers; the array is copied. */
OQ_MUST_CHECK enum oq_status oq_enum_groups_new(struct oq_context *context,
                                                const struct oq_guid *guids, size_t count,
                                                IEnumBackgroundCopyGroups **out);
OQ_MUST_CHECK enum oq_status oq_enum_jobs_new(struct oq_context *context,
                                              const struct oq_guid *guids, size_t count,
                                              IEnumBackgroundCopyJobs1 **out);

/* --- open_group.c, open_manager.c: the extension interfaces, parts of other objects ----------- */

struct oq_open_group {
    IOpenQmgrGroup iface;
    struct oq_object *object;
    int64_t group_id;
};
/* After oq_object_init. */
void oq_open_group_init(struct oq_open_group *part, struct oq_object *object, int64_t group_id);

struct oq_open_manager {
    IOpenQmgrManager iface;
    struct oq_object *object;
};
/* After oq_object_init. */
void oq_open_manager_init(struct oq_open_manager *part, struct oq_object *object);

/* --- group_info.c: values of the engine as clients see them ----------------------------------- */

/* *out only on success. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_group_info_of(const struct oq_group_summary *summary,
                                              OPENQMGR_GROUP_INFO *out);
OQ_MUST_CHECK enum oq_status oq_file_info_of(const struct oq_file_view *file,
                                             OPENQMGR_FILE_INFO *out);

/* --- group.c and group_info.c: what several classes do alike ---------------------------------- */

/* One whole call that names a group by its GUID and hands it out: CreateGroup, GetGroup, OpenGroup.
 */
HRESULT oq_group_open(struct oq_context *context, const GUID *guid,
                      enum oq_status (*verb)(struct oq_engine *engine,
                                             const struct oq_caller *caller,
                                             const struct oq_guid *guid, int64_t *group_id,
                                             struct oq_error *err),
                      IBackgroundCopyGroup **out);
/* One whole call that copies the engine's view of the group; *view only on success. */
HRESULT oq_group_view(struct oq_context *context, int64_t group_id, struct oq_group_view *view);
/* GetProgress of the group and of the job (D12, D13). */
HRESULT oq_group_progress(struct oq_context *context, int64_t group_id, DWORD flags,
                          DWORD *progress);
/* get_GroupID and get_JobID: the identifier, if the caller may know it (D7), also of a group that
 * is gone (D15). */
HRESULT oq_group_identifier(struct oq_context *context, int64_t group_id, const GUID *guid,
                            GUID *out);

/* --- prop.c ----------------------------------------------------------------------------------- */

OQ_MUST_CHECK enum oq_status oq_prop_get(struct oq_call *call, int64_t group_id, GROUPPROP prop,
                                         VARIANT *value);
OQ_MUST_CHECK enum oq_status oq_prop_set(struct oq_call *call, int64_t group_id, GROUPPROP prop,
                                         const VARIANT *value);

/* --- classes.c -------------------------------------------------------------------------------- */

/* The registrations of the classes. `is_single_use`: as Wine needs it. Own lock; any thread of the
 * apartment. */
OQ_MUST_CHECK enum oq_status oq_classes_new(bool is_single_use, struct oq_classes **out);
void oq_classes_free(struct oq_classes *classes); /* after oq_classes_close; NULL is allowed */
/* Two classes at most. Keeps a reference to the factory, and clsid, which is static. After a
 * failure oq_classes_close cleans up. */
OQ_MUST_CHECK HRESULT oq_classes_serve(struct oq_classes *classes, const CLSID *clsid,
                                       IClassFactory *factory);
/* For single use: enters the class of that factory again, since a client has come by it; NULL: all,
 * because a client may have died on its way to us. */
void oq_classes_renew(struct oq_classes *classes, const IClassFactory *factory);
/* Time after which all are to be renewed; INFINITE: never. */
DWORD oq_classes_renewal_ms(const struct oq_classes *classes);
/* No client comes any more. May be repeated. */
void oq_classes_close(struct oq_classes *classes);

/* --- stub_pin.c ------------------------------------------------------------------------------- */

/* As long as there is one, our interfaces stay set up for marshalling: for Wine. In the apartment;
 * the same thread need not free it. OQ_E_NOMEM. */
struct oq_stub_pin;
OQ_MUST_CHECK enum oq_status oq_stub_pin_new(struct oq_stub_pin **out);
void oq_stub_pin_free(struct oq_stub_pin *pin); /* NULL is allowed */

/* --- notify.c --------------------------------------------------------------------------------- */

/* The callback object of each group, the user who registered it, and the event that is pending. Own
 * lock; any thread of the apartment. */
OQ_MUST_CHECK enum oq_status oq_notify_new(struct oq_notify **out);
void oq_notify_free(struct oq_notify *notify); /* NULL is allowed */
/* The callback interface of what a client handed over. It calls the client, and so may take as long
 * as the client likes. OQ_E_INVALID_ARG if the object has no such interface, OQ_E_ACCESS_DENIED if
 * it lives on another machine or cannot be called without giving the service's identity away. */
OQ_MUST_CHECK enum oq_status oq_notify_accept(IUnknown *unknown, IBackgroundCopyCallback1 **out,
                                              struct oq_error *err);
/* Replaces the group's callback (takes a reference of its own) and its user; the last caller wins,
 * and is notified of a pending event at once. OQ_E_NOMEM keeps the old one; OQ_E_STOPPING after
 * oq_notify_close. */
OQ_MUST_CHECK enum oq_status oq_notify_set(struct oq_notify *notify, int64_t group_id,
                                           const char *sid, IBackgroundCopyCallback1 *callback);
uint32_t oq_notify_count(struct oq_notify *notify); /* callbacks that are registered */
void oq_notify_clear(struct oq_notify *notify, int64_t group_id); /* nothing if there is none */
/* Releases all and takes no more. Calls clients. */
void oq_notify_close(struct oq_notify *notify);

/* --- deliver.c -------------------------------------------------------------------------------- */

struct oq_deliver;
struct oq_delivery_rules;

/* Listens to the engine and starts notifying clients. The errors of oq_engine_listen;
 * OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_deliver_start(struct oq_context *context,
                                              const struct oq_delivery_rules *rules, /* borrowed */
                                              struct oq_deliver **out, struct oq_error *err);
/* No further client is called, and the engine is no longer listened to. Calls under way go on; they
 * keep what they need, and do not touch the engine once the context refuses calls. Waits for the
 * engine. NULL is allowed. */
void oq_deliver_silence(struct oq_deliver *deliver);
/* After oq_deliver_silence. NULL is allowed. */
void oq_deliver_free(struct oq_deliver *deliver);

/* --- hresult.c -------------------------------------------------------------------------------- */

/* bits-return-values; MinGW's bitsmsg.h ends before the last three */
#define OQ_BG_E_EMPTY ((HRESULT)0x80200003)
#define OQ_BG_E_TOO_MANY_JOBS_PER_USER ((HRESULT)0x80200049)
#define OQ_BG_E_TOO_MANY_JOBS_PER_MACHINE ((HRESULT)0x80200050)
#define OQ_BG_E_TOO_MANY_FILES_IN_JOB ((HRESULT)0x80200051)

/* What a client sees. err may be NULL; its win32 code is used where the table says so. */
HRESULT oq_hresult_of(enum oq_status status, const struct oq_error *err);

/* --- convert.c -------------------------------------------------------------------------------- */

_Static_assert(sizeof(GUID) == sizeof(struct oq_guid), "a GUID inside is a GUID outside");

struct oq_guid oq_convert_guid(const GUID *guid);
GUID oq_convert_to_guid(const struct oq_guid *guid);

/* New UTF-8 text (oq_free); NULL gives "". OQ_E_INVALID_ARG for more than max_units UTF-16 units,
 * an embedded NUL or a lone surrogate; OQ_E_NOMEM. `what` names the text in err->text. */
OQ_MUST_CHECK enum oq_status oq_convert_bstr(BSTR text, size_t max_units, const char *what,
                                             char **out, struct oq_error *err);
/* New BSTR (SysFreeString); NULL gives an empty one. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_convert_to_bstr(const char *text, BSTR *out);
/* The text in an array of `room` units, with a NUL; one that is longer is cut between characters.
 * OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_convert_to_array(const char *text, WCHAR *out, size_t room);
/* New BSTR of bytes, zeros for NULL. OQ_E_NOMEM. */
OQ_MUST_CHECK enum oq_status oq_convert_to_bytes(const void *bytes, size_t length, BSTR *out);

/* The integer of a VT_I4, I2, UI4, UI2, INT or UINT, negative ones as their two's complement.
 * OQ_E_INVALID_ARG for any other type (contract section 6). */
OQ_MUST_CHECK enum oq_status oq_convert_variant_number(const VARIANT *value, uint32_t *out,
                                                       struct oq_error *err);
/* The text of a VT_BSTR, as oq_convert_bstr. */
OQ_MUST_CHECK enum oq_status oq_convert_variant_text(const VARIANT *value, size_t max_units,
                                                     const char *what, char **out,
                                                     struct oq_error *err);

/* The names of an AddFiles call in one block (oq_convert_files_free). OQ_E_INVALID_ARG for count 0
 * and a NULL element or name (D21); err->file_index then says which. */
OQ_MUST_CHECK enum oq_status oq_convert_files(ULONG count, FILESETINFO *const *files,
                                              struct oq_file_spec **out, struct oq_error *err);
void oq_convert_files_free(struct oq_file_spec *specs, ULONG count); /* NULL is allowed */

/* --- security.c ------------------------------------------------------------------------------- */

/* Sets the process's COM security: who may call, and what the service reveals of itself when it
 * calls. Once per process, before anything is marshalled. */
OQ_MUST_CHECK enum oq_status oq_security_init(struct oq_error *err);

#endif
