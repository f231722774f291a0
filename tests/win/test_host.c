/* test_host.c - the order in which host.c makes the parts.
 *
 * COM under Wine takes its security at any time. These tests put Windows' rule in front of it: once
 * anything has been activated or marshalled, on any thread, CoInitializeSecurity fails with
 * RPC_E_TOO_LATE (page "CoInitializeSecurity"). The parts are the real ones; each is made to use
 * COM in its turn.
 */
#define COBJMACROS
#define INITGUID
#include "test_win.h"

#include <netlistmgr.h>
#include <process.h>

#include "oq_host.h"
#include "oq_win_config.h"
#include "oq_win_data.h"
#include "oq_win_identity.h"
#include "oq_win_link.h"
#include "oq_win_network.h"
#include "scm_int.h"

#define LIMIT_MS 60000u

/* --- COM as on Windows: the imported functions, wrapped --------------------------------------- */

static volatile LONG is_security_set, is_used_before, threads_before;

static void note_use(void)
{
    if (!is_security_set)
        InterlockedExchange(&is_used_before, 1);
}

#define IMPORTED(type, name, parameters)                                                           \
    typedef type WINAPI name##_type parameters;                                                    \
    extern name##_type *__real___imp_##name;                                                       \
    static type WINAPI fake_##name parameters;                                                     \
    name##_type *__wrap___imp_##name = fake_##name;                                                \
    static type WINAPI fake_##name parameters

IMPORTED(HRESULT, CoInitializeSecurity,
         (PSECURITY_DESCRIPTOR list, LONG count, SOLE_AUTHENTICATION_SERVICE *services,
          void *reserved, DWORD authentication, DWORD impersonation, void *authentications,
          DWORD capabilities, void *reserved3))
{
    if (is_used_before)
        return RPC_E_TOO_LATE;
    HRESULT hr =
        __real___imp_CoInitializeSecurity(list, count, services, reserved, authentication,
                                          impersonation, authentications, capabilities, reserved3);
    InterlockedExchange(&is_security_set, 1);
    return hr;
}

IMPORTED(HRESULT, CoCreateInstance,
         (REFCLSID class, IUnknown *outer, DWORD context, REFIID iid, void **out))
{
    note_use();
    return __real___imp_CoCreateInstance(class, outer, context, iid, out);
}

IMPORTED(HRESULT, CoGetClassObject,
         (REFCLSID class, DWORD context, COSERVERINFO *server, REFIID iid, void **out))
{
    note_use();
    return __real___imp_CoGetClassObject(class, context, server, iid, out);
}

IMPORTED(HRESULT, CoRegisterClassObject,
         (REFCLSID class, IUnknown *object, DWORD context, DWORD flags, DWORD *cookie))
{
    note_use();
    return __real___imp_CoRegisterClassObject(class, object, context, flags, cookie);
}

IMPORTED(HANDLE, CreateThread,
         (SECURITY_ATTRIBUTES * security, SIZE_T stack, LPTHREAD_START_ROUTINE start,
          void *argument, DWORD flags, DWORD *id))
{
    if (!is_security_set)
        InterlockedIncrement(&threads_before);
    return __real___imp_CreateThread(security, stack, start, argument, flags, id);
}

typedef uintptr_t __cdecl begin_thread(void *security, unsigned stack,
                                       unsigned(__stdcall *start)(void *), void *argument,
                                       unsigned flags, unsigned *id);
extern begin_thread *__real___imp__beginthreadex;
static begin_thread fake_beginthreadex;
begin_thread *__wrap___imp__beginthreadex = fake_beginthreadex;

static uintptr_t __cdecl fake_beginthreadex(void *security, unsigned stack,
                                            unsigned(__stdcall *start)(void *), void *argument,
                                            unsigned flags, unsigned *id)
{
    if (!is_security_set)
        InterlockedIncrement(&threads_before);
    return __real___imp__beginthreadex(security, stack, start, argument, flags, id);
}

/* --- the parts, which use COM when the test says so ------------------------------------------- */

enum part { NO_PART, SETTINGS_INIT, SETTINGS, IDENTITIES, DATA, NETWORK, LINK };

static enum part user; /* of COM */

static void use_com(enum part part)
{
    INetworkCostManager *manager = NULL;
    if (user != part)
        return;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(CoCreateInstance(&CLSID_NetworkListManager, NULL, CLSCTX_ALL,
                                   &IID_INetworkCostManager, (void **)&manager)))
        INetworkCostManager_Release(manager);
    if (SUCCEEDED(hr))
        CoUninitialize();
}

#define PART(type, name, parameters)                                                               \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters

PART(void, oq_win_settings_init, (struct oq_win_settings * settings))
{
    use_com(SETTINGS_INIT);
    __real_oq_win_settings_init(settings);
}

PART(enum oq_status, oq_win_settings_load,
     (struct oq_win_settings * settings, struct oq_error *err))
{
    use_com(SETTINGS);
    return __real_oq_win_settings_load(settings, err);
}

PART(enum oq_status, oq_win_identities_new, (struct oq_win_identities * *out, struct oq_error *err))
{
    use_com(IDENTITIES);
    return __real_oq_win_identities_new(out, err);
}

PART(enum oq_status, oq_win_data_open,
     (enum oq_win_data_source source, const char *folder, const char *own_sid,
      struct oq_win_data *out, struct oq_error *err))
{
    use_com(DATA);
    return __real_oq_win_data_open(source, folder, own_sid, out, err);
}

PART(enum oq_status, oq_win_network_new,
     (const char *ca_file, bool checks_revocation, struct oq_win_network **out,
      struct oq_error *err))
{
    use_com(NETWORK);
    return __real_oq_win_network_new(ca_file, checks_revocation, out, err);
}

PART(enum oq_status, oq_win_link_new,
     (const struct oq_clock *clock, struct oq_win_link **out, struct oq_error *err))
{
    use_com(LINK);
    return __real_oq_win_link_new(clock, out, err);
}

/* --- the tests -------------------------------------------------------------------------------- */

static struct oq_win_scm scm;
static struct oq_host *host;
static struct oq_error err;

static int set_up(void **state)
{
    (void)state;
    is_security_set = is_used_before = threads_before = 0;
    user = NO_PART;
    oq_error_init(&err);
    fresh_folder(tmp_path("data"));
    struct oq_host_options options = {.is_console = true, .data_folder = tmp_path("data")};
    host = oq_host_new(&options);
    assert_non_null(host);
    return oq_win_scm_init(&scm, oq_host_get_hosted(host), NULL, NULL, &err) == OQ_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    oq_host_free(host);
    oq_win_scm_release(&scm);
    return 0;
}

static enum oq_status start(void)
{
    const struct oq_win_scm_hosted *hosted = oq_host_get_hosted(host);
    return hosted->start(hosted->ctx, &scm, &err);
}

static void stop(void)
{
    const struct oq_win_scm_hosted *hosted = oq_host_get_hosted(host);
    hosted->stop(hosted->ctx, &scm);
    assert_true(oq_host_is_whole(host));
}

static void start__whole_service__sets_com_security_before_any_other_thread(void **state)
{
    (void)state;
    assert_status(OQ_OK, start(), &err);
    stop();
    assert_true(is_security_set);
    assert_false(is_used_before);
    assert_int_equal(threads_before, 1); /* COM's own */
}

static void start__any_part_uses_com_when_it_is_made__comes_up(void **state)
{
    (void)state;
    for (user = SETTINGS; user <= LINK; user++) {
        is_security_set = is_used_before = 0;
        assert_status(OQ_OK, start(), &err);
        stop();
    }
}

/* That these tests can fail. */
static void start__com_is_used_before_its_security_is_set__is_refused(void **state)
{
    (void)state;
    user = SETTINGS_INIT;
    assert_status(OQ_E_IO, start(), &err);
    assert_int_equal(err.win32, (uint32_t)RPC_E_TOO_LATE);
    assert_non_null(strstr(err.text, "CoInitializeSecurity"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(start__whole_service__sets_com_security_before_any_other_thread),
        TEST(start__any_part_uses_com_when_it_is_made__comes_up),
        TEST(start__com_is_used_before_its_security_is_set__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
