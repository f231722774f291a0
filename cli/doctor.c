/* doctor.c - the command doctor: checks the installation from outside to inside, and says what to
 * do about what is wrong. */
#include "group_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_utf.h"
#include "render_int.h"
#include "result_int.h"
#include "service_int.h"

#include <stdio.h>
#include <string.h>

#define LOW_BYTES (UINT64_C(1) << 30)

struct doctor {
    struct oq_client *client;
    int status; /* of the first failed check */
};

/* A line for each check: "ok    what: seen", or "FAIL  what: seen; what to do". */
static void tell(struct doctor *doctor, int status, const char *what, const char *seen,
                 const char *advice)
{
    oq_console_print("%-5s %s: %s%s%s", status ? "FAIL" : "ok", what, seen, status ? "; " : "",
                     status ? advice : "");
    doctor->status = doctor->status ? doctor->status : status;
}

static void check_service(struct doctor *doctor)
{
    static const char *const words[] = {"not installed", "stopped",    "starting", "stopping",
                                        "running",       "continuing", "pausing",  "paused"};
    uint32_t state = oq_service_state();

    tell(doctor, state == 0 ? OQ_EXIT_SERVICE : OQ_EXIT_DONE, "service",
         words[state < 8 ? state : 0], "an administrator installs it with 'qmgrsvc install'");
}

/* The file that is registered for a proxy class in the 64-bit or 32-bit part of the registry; ""
 * when there is none. */
static void find_proxy(const CLSID *class, REGSAM view, wchar_t path[MAX_PATH])
{
    wchar_t name[128], guid[64];
    DWORD size = MAX_PATH * sizeof *path;
    HKEY key = NULL;

    path[0] = 0;
    StringFromGUID2(class, guid, 64);
    _snwprintf(name, 128, L"CLSID\\%ls\\InprocServer32", guid);
    if (RegOpenKeyExW(HKEY_CLASSES_ROOT, name, 0, KEY_READ | view, &key) != ERROR_SUCCESS)
        return;
    if (RegQueryValueExW(key, NULL, NULL, NULL, (BYTE *)path, &size) != ERROR_SUCCESS)
        path[0] = 0;
    path[MAX_PATH - 1] = 0;
    RegCloseKey(key);
}

static void check_proxy(struct doctor *doctor, REGSAM view, const char *what)
{
    CLSID class;
    wchar_t path[MAX_PATH] = L"";
    bool is_64 = view == KEY_WOW64_64KEY;

    bool is_known = SUCCEEDED(CoGetPSClsid(&IID_IBackgroundCopyQMgr, &class));
    if (is_known)
        find_proxy(&class, view, path);
    char *text = oq_text_from_bstr(path);
    bool is_there = path[0] && (GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES);
    if (!is_64 && !is_there) /* only 32-bit clients need it */
        oq_console_print("note  %s: not registered; 32-bit programs cannot use the service", what);
    else
        tell(doctor, is_there ? OQ_EXIT_DONE : OQ_EXIT_SERVICE, what,
             !path[0] ? "not registered"
             : text   ? text
                      : "?",
             "an administrator registers it with 'regsvr32 qmgrps.dll'");
    oq_free(text);
}

static void check_disk(struct doctor *doctor, const char *database)
{
    char folder[OQ_SERVICE_TEXT], size[OQ_RENDER_TEXT], seen[OQ_RENDER_TEXT + 32];
    ULARGE_INTEGER free_bytes;
    uint16_t *wide = NULL;
    size_t length = (size_t)(oq_render_file_name(database) - database);

    snprintf(folder, sizeof folder, "%.*s", (int)length, database);
    if (oq_utf8_to_16(folder, &wide, NULL) == OQ_OK &&
        GetDiskFreeSpaceExW((const wchar_t *)wide, &free_bytes, NULL, NULL)) {
        oq_render_size(free_bytes.QuadPart, size);
        snprintf(seen, sizeof seen, "%s free", size);
        tell(doctor, free_bytes.QuadPart < LOW_BYTES ? OQ_EXIT_DISK : OQ_EXIT_DONE,
             "disk of the queue", seen, "make room");
    }
    oq_free(wide);
}

/* Connects, which starts the service, and asks it. */
static bool check_answers(struct doctor *doctor)
{
    struct oq_settings settings;
    char seen[OQ_SERVICE_TEXT + 512];
    HRESULT hr = oq_client_run(doctor->client, oq_settings_step, &settings);

    if (FAILED(hr)) {
        char why[OQ_SERVICE_TEXT];
        oq_service_last_error(why);
        snprintf(seen, sizeof seen, "%s (0x%08lX)", oq_client_error_text(hr), (unsigned long)hr);
        tell(doctor, oq_result_exit((uint32_t)hr), "answer of the service", seen, why);
        return false;
    }
    char *version = oq_text_from_bstr(settings.all.szVersion);
    snprintf(seen, sizeof seen, "version %s", version ? version : "?");
    oq_free(version);
    tell(doctor, OQ_EXIT_DONE, "answer of the service", seen, "");
    tell(doctor, OQ_EXIT_DONE, "database", settings.database, "");
    tell(doctor, OQ_EXIT_DONE, "log", settings.log, "");
    check_disk(doctor, settings.database);
    DWORD paused = settings.all.dwPaused;
    if (paused)
        oq_console_print(
            "note  %s", paused & OPENQMGR_PAUSED_ALL
                            ? "all downloads are paused; 'qmgrctl pause-all off' lets them continue"
                        : paused & OPENQMGR_PAUSED_SCHEDULE
                            ? "background downloads are paused by the schedule"
                            : "background downloads are paused on a metered network");
    return true;
}

struct count {
    struct oq_snapshot *list;
    size_t count;
};

static HRESULT count_step(struct oq_client *client, void *ctx)
{
    struct count *all = ctx;

    return oq_remote_read_all(client, &all->list, &all->count);
}

static void check_queue(struct doctor *doctor)
{
    struct count all = {0};
    char seen[64];
    size_t failed = 0;

    HRESULT hr = oq_client_run(doctor->client, count_step, &all);
    for (size_t i = 0; i < all.count; i++)
        failed += all.list[i].state == OQ_SNAPSHOT_FAILED;
    snprintf(seen, sizeof seen, "%zu downloads, %zu failed", all.count, failed);
    tell(doctor, FAILED(hr) ? oq_result_exit((uint32_t)hr) : OQ_EXIT_DONE, "queue", seen,
         "see the log");
    if (failed > 0)
        oq_console_print("note  'qmgrctl why --failed' says why they failed");
    oq_free(all.list);
}

static void check_url(struct doctor *doctor, const struct oq_args *args)
{
    wchar_t path[OQ_TEMPORARY];
    int status = oq_get_temporary(doctor->client, args, args->urls[0], path);

    tell(doctor, status, "download", args->urls[0], "see above");
    if (!status)
        DeleteFileW(path);
}

int oq_command_doctor(struct oq_client *client, const struct oq_args *args)
{
    struct doctor doctor = {.client = client};

    check_service(&doctor);
    check_proxy(&doctor, KEY_WOW64_64KEY, "qmgrps.dll for 64-bit programs");
    check_proxy(&doctor, KEY_WOW64_32KEY, "qmgrps.dll for 32-bit programs");
    if (!doctor.status && check_answers(&doctor)) {
        check_queue(&doctor);
        if (args->url_count > 0)
            check_url(&doctor, args);
    }
    oq_console_print(doctor.status ? "There is something to do." : "All is well.");
    return doctor.status;
}
