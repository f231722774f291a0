/* client.c - see client_int.h. */
#include "client_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_clock.h"
#include "oq_utf.h"
#include "result_int.h"
#include "service_int.h"

#include <stdio.h>
#include <string.h>

#define RECONNECT_LIMIT_MS 60000
#define RECONNECT_PAUSE_MS 250

_Static_assert(sizeof(struct oq_guid) == sizeof(GUID), "the two kinds of GUID have one layout");

HRESULT oq_client_open(struct oq_client *client, const struct oq_guid *clsid)
{
    memset(client, 0, sizeof *client);
    client->clsid = CLSID_OpenQmgr;
    if (clsid)
        memcpy(&client->clsid, clsid, sizeof client->clsid);

    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr))
        return hr;
    client->has_com = true;
    /* The service writes the file with the rights of the calling user, which requires that the
     * caller allows impersonation; COM's default, identify, would not. No other server gets it:
     * this program connects to the service only (no custom marshallers, no activation as
     * activator). */
    hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                              RPC_C_IMP_LEVEL_IMPERSONATE, NULL,
                              EOAC_NO_CUSTOM_MARSHAL | EOAC_DISABLE_AAA, NULL);
    return hr;
}

static void disconnect(struct oq_client *client)
{
    if (client->extension)
        IOpenQmgrManager_Release(client->extension);
    if (client->manager)
        IBackgroundCopyQMgr_Release(client->manager);
    client->extension = NULL;
    client->manager = NULL;
}

void oq_client_close(struct oq_client *client)
{
    disconnect(client);
    if (client->has_com)
        CoUninitialize();
    client->has_com = false;
}

static HRESULT connect_once(struct oq_client *client)
{
    /* COM waits for a service that does not start, for half a minute. */
    if (IsEqualGUID(&client->clsid, &CLSID_OpenQmgr) && !oq_service_start())
        return CO_E_SERVER_EXEC_FAILURE;
    HRESULT hr = CoCreateInstance(&client->clsid, NULL, CLSCTX_LOCAL_SERVER,
                                  &IID_IBackgroundCopyQMgr, (void **)&client->manager);

    CLSID proxy;
    if (SUCCEEDED(hr) && !client->manager)
        hr = E_UNEXPECTED;
    /* Wine returns it for a service that ended before it registered its class; the proxy DLL is
     * registered. */
    if (hr == E_NOINTERFACE && SUCCEEDED(CoGetPSClsid(&IID_IBackgroundCopyQMgr, &proxy)))
        hr = CO_E_SERVER_EXEC_FAILURE;
    if (FAILED(hr)) {
        client->manager = NULL;
        return hr;
    }
    client->generation++;
    if (client->is_legacy)
        return S_OK;
    hr = IBackgroundCopyQMgr_QueryInterface(client->manager, &IID_IOpenQmgrManager,
                                            (void **)&client->extension);
    if (SUCCEEDED(hr) || hr == E_NOINTERFACE)
        return S_OK;
    disconnect(client);
    return hr;
}

HRESULT oq_client_run(struct oq_client *client, oq_client_step *step, void *ctx)
{
    const struct oq_clock *clock = oq_clock_system();
    int64_t lost_at_ms = -1;
    bool has_failed = false;
    HRESULT hr;

    for (;;) {
        bool was_connected = client->manager != NULL;
        hr = was_connected ? S_OK : connect_once(client);
        if (SUCCEEDED(hr)) {
            hr = step(client, ctx);
            if (!oq_result_is_disconnect((uint32_t)hr))
                return hr;
            disconnect(client);
            if (client->ends_on_stop && oq_service_was_stopped())
                return HRESULT_FROM_WIN32(ERROR_SERVICE_NOT_ACTIVE);
        } else if (oq_result_is_permanent((uint32_t)hr)) {
            return hr;
        } else if ((lost_at_ms < 0 || has_failed) && client->generation == 0 &&
                   !oq_result_is_disconnect((uint32_t)hr)) {
            /* It never started, and waiting will not help. Only a service that was stopping itself
             * during the activation may fail to start once. */
            if (has_failed || hr != CO_E_SERVER_EXEC_FAILURE)
                return hr;
            has_failed = true;
        }
        int64_t now_ms = oq_clock_mono_ms(clock);
        if (lost_at_ms < 0)
            lost_at_ms = now_ms;
        if (now_ms - lost_at_ms >= RECONNECT_LIMIT_MS)
            return hr;
        if (client->on_lost)
            client->on_lost(ctx);
        if (oq_console_wait(RECONNECT_PAUSE_MS))
            return E_ABORT;
    }
}

/* --- text ------------------------------------------------------------------------------------- */

char *oq_text_from_bstr(const wchar_t *bstr)
{
    char *text = NULL;

    if (oq_utf16_to_8(bstr ? (const uint16_t *)bstr : (const uint16_t *)L"", SIZE_MAX, &text) !=
        OQ_OK)
        return NULL;
    return text;
}

BSTR oq_text_to_bstr(const char *text)
{
    uint16_t *wide = NULL;
    BSTR bstr = NULL;

    if (oq_utf8_to_16(text, &wide, NULL) == OQ_OK)
        bstr = SysAllocString((const wchar_t *)wide);
    oq_free(wide);
    return bstr;
}

const char *oq_client_error_text(HRESULT hr)
{
    static char text[256];
    const char *words = oq_result_text((uint32_t)hr);
    wchar_t *wide = NULL;
    char *narrow = NULL;

    if (words)
        return words;
    if (((uint32_t)hr & 0xffff0000u) == 0x80190000u) {
        static char http[OQ_RESULT_HTTP];
        oq_result_http_text((uint32_t)hr & 0xffff, http);
        return http;
    }
    DWORD length = FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM |
                                      FORMAT_MESSAGE_IGNORE_INSERTS,
                                  NULL, (DWORD)hr, 0, (LPWSTR)&wide, 0, NULL);
    while (length > 0 && (wide[length - 1] <= L' ' || wide[length - 1] == L'.'))
        length--;
    if (length > 0 && oq_utf16_to_8((const uint16_t *)wide, length, &narrow) == OQ_OK)
        snprintf(text, sizeof text, "%s", narrow);
    else
        snprintf(text, sizeof text, "unknown error");
    oq_free(narrow);
    LocalFree(wide);
    return text;
}

/* --- groups ----------------------------------------------------------------------------------- */

HRESULT oq_client_list(struct oq_client *client, struct oq_guid **guids, size_t *count)
{
    IEnumBackgroundCopyGroups *groups = NULL;
    struct oq_guid *list = NULL;
    size_t used = 0, capacity = 0;

    HRESULT hr = IBackgroundCopyQMgr_EnumGroups(client->manager, 0, &groups);
    if (FAILED(hr))
        return hr;
    for (;;) {
        GUID some[64];
        ULONG fetched = 0;
        hr = IEnumBackgroundCopyGroups_Next(groups, 64, some, &fetched);
        if (FAILED(hr))
            goto out;
        if (used + fetched > capacity) {
            size_t larger = capacity ? capacity * 2 : 256;
            struct oq_guid *grown = oq_realloc(list, larger * sizeof *list);
            if (!grown) {
                hr = E_OUTOFMEMORY;
                goto out;
            }
            list = grown;
            capacity = larger;
        }
        if (fetched > 0)
            memcpy(list + used, some, fetched * sizeof *list);
        used += fetched;
        if (hr != S_OK || fetched == 0)
            break;
    }
    *guids = list;
    *count = used;
    list = NULL;
    hr = S_OK;
out:
    IEnumBackgroundCopyGroups_Release(groups);
    oq_free(list);
    return hr;
}

static void copy_path(const wchar_t *bstr, char *path, size_t capacity)
{
    char *text = oq_text_from_bstr(bstr);

    snprintf(path, capacity, "%s", text ? text : "");
    oq_free(text);
}

HRESULT oq_settings_step(struct oq_client *client, void *ctx)
{
    struct oq_settings *settings = ctx;
    BSTR schedule = NULL, database = NULL, log = NULL;

    if (!client->extension)
        return E_NOTIMPL;
    HRESULT hr =
        IOpenQmgrManager_GetSettings(client->extension, &settings->all, &schedule, &database, &log);
    if (SUCCEEDED(hr)) {
        copy_path(database, settings->database, sizeof settings->database);
        copy_path(log, settings->log, sizeof settings->log);
    }
    SysFreeString(schedule);
    SysFreeString(database);
    SysFreeString(log);
    return hr;
}

int oq_client_report(const char *subject, HRESULT hr)
{
    char why[1024] = "";

    if (hr == CO_E_SERVER_EXEC_FAILURE || hr == HRESULT_FROM_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT))
        oq_service_last_error(why);
    oq_console_error("%s%s%s%s%s (0x%08lX)", subject ? subject : "", subject ? ": " : "",
                     oq_client_error_text(hr), why[0] ? ": " : "", why, (unsigned long)hr);
    return oq_result_exit((uint32_t)hr);
}
