/* test_link.c - the cost of the network (link.c): when it is asked for, and what a network list
 * service does to us that is gone or hangs. COM's object is the test's. */
#define COBJMACROS
#define CONST_VTABLE
#define INITGUID
#include "test_win.h"

#include <netlistmgr.h>

#include "oq_win_link.h"

#define LIMIT_MS 10000u

/* --- the network list manager ----------------------------------------------------------------- */

static volatile LONG creations, questions, releases, cost;
static volatile LONG answer; /* HRESULT */
static HANDLE asked, hold;   /* `asked` after each question; hold: not NULL, each waits for it */

static ULONG STDMETHODCALLTYPE manager_Release(INetworkCostManager *iface)
{
    (void)iface;
    InterlockedIncrement(&releases);
    return 0;
}

static HRESULT STDMETHODCALLTYPE manager_GetCost(INetworkCostManager *iface, DWORD *out,
                                                 NLM_SOCKADDR *address)
{
    (void)iface;
    assert_null(address);
    *out = (DWORD)cost;
    InterlockedIncrement(&questions);
    HANDLE waits_for = hold;
    HRESULT hr = answer;
    SetEvent(asked);
    if (waits_for)
        WaitForSingleObject(waits_for, LIMIT_MS);
    return hr;
}

static const INetworkCostManagerVtbl manager_vtbl = {.Release = manager_Release,
                                                     .GetCost = manager_GetCost};
static INetworkCostManager manager = {.lpVtbl = &manager_vtbl};

typedef HRESULT WINAPI create_instance(REFCLSID class, IUnknown *outer, DWORD context, REFIID iid,
                                       void **out);
static create_instance fake_create;
create_instance *__wrap___imp_CoCreateInstance = fake_create;

static HRESULT WINAPI fake_create(REFCLSID class, IUnknown *outer, DWORD context, REFIID iid,
                                  void **out)
{
    (void)outer;
    (void)context;
    assert_true(IsEqualGUID(class, &CLSID_NetworkListManager));
    assert_true(IsEqualGUID(iid, &IID_INetworkCostManager));
    InterlockedIncrement(&creations);
    *out = &manager;
    return S_OK;
}

/* --- the link --------------------------------------------------------------------------------- */

static int64_t now_ms;

static int64_t get_now(void *ctx)
{
    (void)ctx;
    return now_ms;
}

static const struct oq_clock clock = {.mono_ms = get_now, .wall_ms = get_now};
static struct oq_win_link *win_link;
static const struct oq_link_port *port;

static int set_up(void **state)
{
    struct oq_error err;
    (void)state;
    oq_error_init(&err);
    creations = questions = releases = 0;
    cost = NLM_CONNECTION_COST_UNRESTRICTED;
    answer = S_OK;
    hold = NULL;
    now_ms = 1000000;
    asked = CreateEventW(NULL, FALSE, FALSE, NULL);
    assert_status(OQ_OK, oq_win_link_new(&clock, &win_link, &err), &err);
    port = oq_win_link_port(win_link);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(oq_win_link_free(win_link));
    win_link = NULL;
    CloseHandle(asked);
    return 0;
}

/* A question that reaches the manager. */
static void ask(void)
{
    (void)port->is_metered(port->ctx);
    assert_int_equal(WaitForSingleObject(asked, LIMIT_MS), WAIT_OBJECT_0);
}

static bool is_metered_in_the_end(bool wanted)
{
    for (unsigned ms = 0; ms < LIMIT_MS && port->is_metered(port->ctx) != wanted; ms++)
        Sleep(1);
    return port->is_metered(port->ctx);
}

static void cost__engine_does_not_ask__com_is_left_alone(void **state)
{
    (void)state;
    now_ms += 3600000;
    oq_win_link_changed(win_link);
    assert_int_equal(WaitForSingleObject(asked, 100), WAIT_TIMEOUT);
    assert_int_equal(creations, 0);
}

static void cost__engine_asks_often__com_is_asked_every_30_seconds(void **state)
{
    (void)state;
    ask();
    for (int i = 0; i < 299; i++) {
        now_ms += 100;
        (void)port->is_metered(port->ctx);
    }
    assert_int_equal(WaitForSingleObject(asked, 50), WAIT_TIMEOUT);
    assert_int_equal(questions, 1);
    now_ms += 100;
    ask();
    assert_int_equal(questions, 2);
    assert_int_equal(creations, 1); /* the object stays */
    assert_int_equal(releases, 0);
}

static void cost__network_has_changed__is_asked_for_with_the_next_question(void **state)
{
    (void)state;
    ask();
    assert_false(is_metered_in_the_end(false));
    cost = NLM_CONNECTION_COST_VARIABLE;
    oq_win_link_changed(win_link);
    ask();
    assert_true(is_metered_in_the_end(true));
}

static void cost__network_list_service_is_gone__another_object_is_made(void **state)
{
    (void)state;
    cost = NLM_CONNECTION_COST_FIXED;
    ask();
    assert_true(is_metered_in_the_end(true));
    answer = HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
    now_ms += 30000;
    ask();
    assert_false(is_metered_in_the_end(false)); /* unknown is not metered */
    answer = S_OK;
    now_ms += 30000;
    ask();
    assert_true(is_metered_in_the_end(true));
    assert_int_equal(creations, 2);
    assert_int_equal(releases, 1);
}

static void free__com_hangs__leaves_its_thread_behind(void **state)
{
    HANDLE gate = CreateEventW(NULL, TRUE, FALSE, NULL);
    ULONGLONG before;
    (void)state;
    hold = gate;
    ask();
    before = GetTickCount64();
    assert_false(oq_win_link_free(win_link));
    assert_true(GetTickCount64() - before < 5000);
    SetEvent(gate); /* the thread still has what it needs, and ends */
    for (unsigned ms = 0; ms < LIMIT_MS && releases == 0; ms++)
        Sleep(1);
    assert_int_equal(releases, 1);
    CloseHandle(gate);
    win_link = NULL; /* the next free is that of nothing */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(cost__engine_does_not_ask__com_is_left_alone),
        TEST(cost__engine_asks_often__com_is_asked_every_30_seconds),
        TEST(cost__network_has_changed__is_asked_for_with_the_next_question),
        TEST(cost__network_list_service_is_gone__another_object_is_made),
        TEST(free__com_hangs__leaves_its_thread_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
