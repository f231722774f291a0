/* link.c - see oq_win_link.h. */
#define COBJMACROS
#define NTDDI_VERSION 0x0A000004 /* SIO_TCP_INFO; asked for at run-time */
#define INITGUID                 /* netlistmgr.h: no library has its identifiers */
#include "oq_win_link.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_win_support.h"

#include <winsock2.h>
#include <ws2tcpip.h>
#include <mstcpip.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <netlistmgr.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define COST_EVERY_MS 30000 /* while the engine asks */
#define END_MS 500          /* a call of COM that takes longer is left behind */
#define LINUX_FACTOR 1.25   /* kernel 6.18, packets of 1,500 bytes: 20,480 for 16,384 (ss -tim) */
#define METERED                                                                                    \
    (NLM_CONNECTION_COST_FIXED | NLM_CONNECTION_COST_VARIABLE |                                    \
     NLM_CONNECTION_COST_OVERDATALIMIT | NLM_CONNECTION_COST_ROAMING)

struct oq_win_link {
    struct oq_link_port port;
    const struct oq_clock *clock;
    HANDLE thread, stop, ask; /* events; `ask` by itself goes back */
    atomic_uint refs;         /* the owner's and the thread's */
    atomic_bool is_metered;   /* what the thread found out last */
    atomic_bool is_stale;
    /* the engine thread's */
    int64_t asked_ms;
    bool was_metered;
};

/* --- addresses and interfaces ----------------------------------------------------------------- */

static bool parse_address(const char *text, SOCKADDR_STORAGE *address)
{
    SOCKADDR_IN *four = (SOCKADDR_IN *)address;
    SOCKADDR_IN6 *six = (SOCKADDR_IN6 *)address;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1)
        four->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1)
        six->sin6_family = AF_INET6;
    else
        return false;
    return true;
}

static bool is_loopback(const SOCKADDR_STORAGE *address)
{
    if (address->ss_family == AF_INET)
        return (ntohl(((const SOCKADDR_IN *)address)->sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const SOCKADDR_IN6 *)address)->sin6_addr) != 0;
}

static enum oq_status port_find(void *ctx, const char *text, struct oq_link_interface *out)
{
    SOCKADDR_STORAGE address;
    DWORD index = 0;
    (void)ctx;
    if (!parse_address(text, &address))
        return OQ_E_NOT_FOUND;
    if (is_loopback(&address)) {
        *out = (struct oq_link_interface){.id = 1, .is_loopback = true};
        return OQ_OK;
    }
    if (GetBestInterfaceEx((SOCKADDR *)&address, &index) != NO_ERROR || index == 0)
        return OQ_E_NOT_FOUND;
    *out = (struct oq_link_interface){.id = index};
    return OQ_OK;
}

static enum oq_status port_octets(void *ctx, uint64_t id, uint64_t *received)
{
    MIB_IF_ROW2 row;
    (void)ctx;
    memset(&row, 0, sizeof row);
    row.InterfaceIndex = (NET_IFINDEX)id;
    if (GetIfEntry2(&row) != NO_ERROR)
        return OQ_E_NOT_FOUND;
    *received = row.InOctets;
    return OQ_OK;
}

static enum oq_status port_tcp(void *ctx, int64_t socket, struct oq_link_tcp *out)
{
    DWORD version = 0, size = 0;
    TCP_INFO_v0 info;
    (void)ctx;
    memset(&info, 0, sizeof info);
    if (socket < 0 || WSAIoctl((SOCKET)socket, SIO_TCP_INFO, &version, sizeof version, &info,
                               sizeof info, &size, NULL, NULL) != 0)
        return OQ_E_NOT_SUPPORTED;
    out->trip_us = info.RttUs;
    out->least_us = info.MinRttUs;
    return OQ_OK;
}

/* --- time zone -------------------------------------------------------------------------------- */

static int64_t port_ahead_ms(void *ctx, int64_t wall_ms)
{
    SYSTEMTIME utc, local;
    FILETIME at, then;
    uint64_t units = (uint64_t)(wall_ms + INT64_C(11644473600000)) * 10000;
    (void)ctx;
    at.dwLowDateTime = (DWORD)units;
    at.dwHighDateTime = (DWORD)(units >> 32);
    /* NULL: the time zone of this moment, so that a change of it holds without a restart. */
    if (!FileTimeToSystemTime(&at, &utc) || !SystemTimeToTzSpecificLocalTime(NULL, &utc, &local) ||
        !SystemTimeToFileTime(&local, &then))
        return 0;
    uint64_t there = (uint64_t)then.dwHighDateTime << 32 | then.dwLowDateTime;
    /* Milliseconds of the moment are lost on neither way. */
    return ((int64_t)there - (int64_t)units) / 10000;
}

/* --- cost ------------------------------------------------------------------------------------- */

static void unref(struct oq_win_link *link)
{
    if (atomic_fetch_sub(&link->refs, 1) != 1)
        return;
    if (link->stop)
        CloseHandle(link->stop);
    if (link->ask)
        CloseHandle(link->ask);
    oq_free(link);
}

/* *manager stays from one question to the next: each activation would wake the network list
 * service. It goes when that service has gone, and the next question makes another. */
static bool ask_cost(INetworkCostManager **manager)
{
    DWORD cost = NLM_CONNECTION_COST_UNKNOWN;
    if (!*manager && FAILED(CoCreateInstance(&CLSID_NetworkListManager, NULL, CLSCTX_ALL,
                                             &IID_INetworkCostManager, (void **)manager))) {
        *manager = NULL;
        return false;
    }
    HRESULT hr = INetworkCostManager_GetCost(*manager, &cost, NULL);
    if (FAILED(hr)) {
        INetworkCostManager_Release(*manager);
        *manager = NULL;
    }
    return SUCCEEDED(hr) && (cost & METERED) != 0;
}

static DWORD WINAPI watch_cost(void *ctx)
{
    struct oq_win_link *link = ctx;
    HANDLE events[] = {link->stop, link->ask};
    INetworkCostManager *manager = NULL;
    bool has_com = false;
    while (WaitForMultipleObjects(ARRAYSIZE(events), events, FALSE, INFINITE) ==
           WAIT_OBJECT_0 + 1) {
        has_com = has_com || SUCCEEDED(CoInitializeEx(NULL, COINIT_MULTITHREADED));
        atomic_store(&link->is_metered, has_com && ask_cost(&manager));
    }
    if (manager)
        INetworkCostManager_Release(manager);
    if (has_com)
        CoUninitialize();
    unref(link);
    return 0;
}

/* The answer to the question before this one, since COM may take its time. */
static bool port_is_metered(void *ctx)
{
    struct oq_win_link *link = ctx;
    int64_t now_ms = oq_clock_mono_ms(link->clock);
    if (atomic_exchange(&link->is_stale, false) || now_ms - link->asked_ms >= COST_EVERY_MS) {
        link->asked_ms = now_ms;
        SetEvent(link->ask);
    }
    bool is_metered = atomic_load(&link->is_metered);
    if (is_metered != link->was_metered)
        oq_log_info("network: it is %s", is_metered ? "metered" : "not metered any more");
    link->was_metered = is_metered;
    return is_metered;
}

/* --- the whole -------------------------------------------------------------------------------- */

enum oq_status oq_win_link_new(const struct oq_clock *clock, struct oq_win_link **out,
                               struct oq_error *err)
{
    struct oq_win_link *link = oq_calloc(1, sizeof *link);
    if (!link)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    link->port = (struct oq_link_port){.ctx = link,
                                       .window_factor = oq_win_is_wine() ? LINUX_FACTOR : 1,
                                       .find = port_find,
                                       .octets = port_octets,
                                       .tcp = port_tcp,
                                       .is_metered = port_is_metered,
                                       .ahead_ms = port_ahead_ms};
    link->clock = clock;
    atomic_init(&link->refs, 2);
    atomic_init(&link->is_metered, false);
    atomic_init(&link->is_stale, true);
    link->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    link->ask = CreateEventW(NULL, FALSE, FALSE, NULL);
    link->thread =
        link->stop && link->ask ? CreateThread(NULL, 0, watch_cost, link, 0, NULL) : NULL;
    if (!link->thread) {
        unref(link); /* for the thread that is not there */
        unref(link);
        return oq_error_set(err, OQ_E_NOMEM, "no threads");
    }
    *out = link;
    return OQ_OK;
}

void oq_win_link_changed(struct oq_win_link *link)
{
    atomic_store(&link->is_stale, true);
}

bool oq_win_link_free(struct oq_win_link *link)
{
    if (!link)
        return true;
    SetEvent(link->stop);
    bool is_ended = WaitForSingleObject(link->thread, END_MS) == WAIT_OBJECT_0;
    if (!is_ended)
        oq_log_warning("network: the question for its cost hangs; its thread is left behind");
    CloseHandle(link->thread);
    unref(link);
    return is_ended;
}

const struct oq_link_port *oq_win_link_port(struct oq_win_link *link)
{
    return &link->port;
}

/* --- changes ---------------------------------------------------------------------------------- */

/* The callback comes on a thread of the system; nothing here is written after start. */
struct oq_win_watch {
    oq_win_watch_changed *changed;
    void *ctx;
    HANDLE registration;
};

static void NETIOAPI_API_ on_change(void *ctx, MIB_IPINTERFACE_ROW *row, MIB_NOTIFICATION_TYPE type)
{
    struct oq_win_watch *watch = ctx;
    if (type == MibInitialNotification || type == MibDeleteInstance)
        return;
    /* Of a change of settings only the row's key is reported. One that leaves the interface without
     * a network is no reason to try anything; when Windows does not say, it may be one. */
    if (row && type == MibParameterNotification) {
        MIB_IPINTERFACE_ROW now = {.Family = row->Family,
                                   .InterfaceLuid = row->InterfaceLuid,
                                   .InterfaceIndex = row->InterfaceIndex};
        if (GetIpInterfaceEntry(&now) == NO_ERROR && !now.Connected)
            return;
    }
    watch->changed(watch->ctx);
}

enum oq_status oq_win_watch_start(oq_win_watch_changed *changed, void *ctx,
                                  struct oq_win_watch **out, struct oq_error *err)
{
    struct oq_win_watch *watch = oq_calloc(1, sizeof *watch);
    if (!watch)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    watch->changed = changed;
    watch->ctx = ctx;
    DWORD win32 = NotifyIpInterfaceChange(AF_UNSPEC, on_change, watch, FALSE, &watch->registration);
    if (win32 != NO_ERROR) {
        oq_free(watch);
        return oq_win_fail(err, win32, "changes of the network cannot be watched");
    }
    *out = watch;
    return OQ_OK;
}

void oq_win_watch_stop(struct oq_win_watch *watch)
{
    if (!watch)
        return;
    CancelMibChangeNotify2(watch->registration); /* waits for a callback that runs */
    oq_free(watch);
}
