/* watch.c - NotifyIpInterfaceChange. The callback comes on a thread of the system; nothing here is
 * written after start. */
#include "oq_win_watch.h"

#include "oq_alloc.h"
#include "oq_win_support.h"

#include <winsock2.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include <netioapi.h>

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
    /* Of a change of settings only the row's key is told. One that leaves the interface without a
     * network is no reason to try anything; when Windows does not say, it may be one. */
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
