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

#define COST_EVERY_MS 2000
#define LINUX_FACTOR 1.25 /* kernel 6.18, packets of 1,500 bytes: 20,480 for 16,384 (ss -tim) */
#define METERED                                                                                    \
    (NLM_CONNECTION_COST_FIXED | NLM_CONNECTION_COST_VARIABLE |                                    \
     NLM_CONNECTION_COST_OVERDATALIMIT | NLM_CONNECTION_COST_ROAMING)

struct oq_win_link {
    struct oq_link_port port;
    HANDLE thread, stop;
    atomic_bool is_metered;
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

static bool ask_cost(void)
{
    INetworkCostManager *manager = NULL;
    DWORD cost = NLM_CONNECTION_COST_UNKNOWN;
    if (FAILED(CoCreateInstance(&CLSID_NetworkListManager, NULL, CLSCTX_ALL,
                                &IID_INetworkCostManager, (void **)&manager)))
        return false;
    HRESULT hr = INetworkCostManager_GetCost(manager, &cost, NULL);
    INetworkCostManager_Release(manager);
    return SUCCEEDED(hr) && (cost & METERED) != 0;
}

static DWORD WINAPI watch_cost(void *ctx)
{
    struct oq_win_link *link = ctx;
    bool has_com = SUCCEEDED(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    do {
        bool is_metered = has_com && ask_cost();
        if (is_metered != atomic_exchange(&link->is_metered, is_metered))
            oq_log_info("network: %s",
                        is_metered ? "it is paid for by volume" : "it is not paid for by volume");
    } while (WaitForSingleObject(link->stop, COST_EVERY_MS) == WAIT_TIMEOUT);
    if (has_com)
        CoUninitialize();
    return 0;
}

static bool port_is_metered(void *ctx)
{
    struct oq_win_link *link = ctx;
    return atomic_load(&link->is_metered);
}

/* --- the whole -------------------------------------------------------------------------------- */

enum oq_status oq_win_link_new(struct oq_win_link **out, struct oq_error *err)
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
    atomic_init(&link->is_metered, false);
    link->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    link->thread = link->stop ? CreateThread(NULL, 0, watch_cost, link, 0, NULL) : NULL;
    if (!link->thread) {
        oq_win_link_free(link);
        return oq_error_set(err, OQ_E_NOMEM, "no threads");
    }
    *out = link;
    return OQ_OK;
}

void oq_win_link_free(struct oq_win_link *link)
{
    if (!link)
        return;
    if (link->thread) {
        SetEvent(link->stop);
        WaitForSingleObject(link->thread, INFINITE);
        CloseHandle(link->thread);
    }
    if (link->stop)
        CloseHandle(link->stop);
    oq_free(link);
}

const struct oq_link_port *oq_win_link_port(struct oq_win_link *link)
{
    return &link->port;
}
