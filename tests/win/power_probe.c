/* power_probe.c - the whole service in this process, with a test in place of the control manager:
 * control codes go in where SERVICE_CONTROL_POWEREVENT would, and what they do is seen from outside
 * by COM. For power.py, which has the web server.
 *
 * usage: power_probe DATA-FOLDER URL FILE
 *
 * Says "asleep BYTES" and "complete" on standard output. Exit status 0, or 1 with a sentence.
 */
#define COBJMACROS
#include "openqmgr.h"

#include "oq_alloc.h"
#include "oq_host.h"
#include "oq_utf.h"
#include "scm_int.h"

#include <process.h>
#include <stdio.h>

#define LIMIT_MS 60000u
#define STEP_MS 10u

static struct oq_win_scm scm;
static HANDLE is_running;

static void die(const char *what, unsigned long code)
{
    printf("%s (0x%08lx)\n", what, code);
    fflush(stdout);
    TerminateProcess(GetCurrentProcess(), 1);
}

static void must(HRESULT hr, const char *what)
{
    if (FAILED(hr))
        die(what, (unsigned long)hr);
}

static void report(void *ctx, const SERVICE_STATUS *status)
{
    (void)ctx;
    if (status->dwCurrentState == SERVICE_RUNNING)
        SetEvent(is_running);
}

static unsigned __stdcall serve(void *ctx)
{
    struct oq_error err;
    uint32_t exit_code = 1;
    (void)ctx;
    enum oq_status status = oq_win_scm_serve(&scm, &exit_code, &err);
    if (status != OQ_OK)
        die(err.text, exit_code);
    return exit_code;
}

/* As the manager's dispatcher would, through the handler's own function. */
static void power_event(DWORD type)
{
    DWORD code = oq_win_scm_control(&scm, SERVICE_CONTROL_POWEREVENT, type, NULL);
    if (code != NO_ERROR)
        die("the power event was refused", code);
}

static OPENQMGR_GROUP_INFO look(IOpenQmgrGroup *open)
{
    OPENQMGR_GROUP_INFO info;
    must(IOpenQmgrGroup_GetInfo(open, &info), "GetInfo");
    return info;
}

static bool is_halfway(const OPENQMGR_GROUP_INFO *seen)
{
    return seen->ullDoneBytes > 1000000;
}

/* Its bytes are saved, and no connection is left. */
static bool is_asleep(const OPENQMGR_GROUP_INFO *seen)
{
    return seen->eState != OPENQMGR_STATE_TRANSFERRING && seen->eState != OPENQMGR_STATE_CONNECTING;
}

static bool is_complete(const OPENQMGR_GROUP_INFO *seen)
{
    return seen->eState == OPENQMGR_STATE_COMPLETE;
}

static OPENQMGR_GROUP_INFO wait_for(IOpenQmgrGroup *open,
                                    bool (*is_there)(const OPENQMGR_GROUP_INFO *), const char *what)
{
    OPENQMGR_GROUP_INFO seen = look(open);
    for (unsigned ms = 0; !is_there(&seen); ms += STEP_MS) {
        if (ms > LIMIT_MS)
            die(what, seen.eState);
        Sleep(STEP_MS);
        seen = look(open);
    }
    return seen;
}

static IBackgroundCopyGroup *add(wchar_t *url, wchar_t *file)
{
    IClassFactory *factory = NULL;
    IBackgroundCopyQMgr *queue = NULL;
    IBackgroundCopyGroup *group = NULL;
    IBackgroundCopyJob1 *job = NULL;
    FILESETINFO names = {SysAllocString(url), SysAllocString(file), 0}, *files[] = {&names};
    GUID id;

    must(CoGetClassObject(&CLSID_OpenQmgr, CLSCTX_LOCAL_SERVER, NULL, &IID_IClassFactory,
                          (void **)&factory),
         "CoGetClassObject");
    must(IClassFactory_CreateInstance(factory, NULL, &IID_IBackgroundCopyQMgr, (void **)&queue),
         "CreateInstance");
    must(CoCreateGuid(&id), "CoCreateGuid");
    must(IBackgroundCopyQMgr_CreateGroup(queue, id, &group), "CreateGroup");
    must(IBackgroundCopyGroup_CreateJob(group, id, &job), "CreateJob");
    must(IBackgroundCopyJob1_AddFiles(job, 1, files), "AddFiles");
    must(IBackgroundCopyGroup_ResumeGroup(group), "ResumeGroup");
    SysFreeString(names.bstrRemoteFile);
    SysFreeString(names.bstrLocalFile);
    IBackgroundCopyJob1_Release(job);
    IBackgroundCopyQMgr_Release(queue);
    IClassFactory_Release(factory);
    return group;
}

static void sleep_and_wake(IOpenQmgrGroup *open)
{
    wait_for(open, is_halfway, "nothing comes in");
    power_event(PBT_APMQUERYSUSPEND); /* a question only: nothing stops */
    power_event(PBT_APMPOWERSTATUSCHANGE);
    power_event(PBT_APMSUSPEND);
    OPENQMGR_GROUP_INFO seen = wait_for(open, is_asleep, "the transfer goes on");
    printf("asleep %llu\n", (unsigned long long)seen.ullDoneBytes);
    power_event(PBT_APMRESUMEAUTOMATIC);
    power_event(PBT_APMRESUMESUSPEND); /* the second one, when there is a user: nothing new */
    wait_for(open, is_complete, "the transfer does not go on");
    printf("complete\n");
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    struct oq_error err;
    char *folder = NULL;
    IOpenQmgrGroup *open = NULL;

    if (argc != 4 || oq_utf16_to_8((const uint16_t *)argv[1], SIZE_MAX, &folder) != OQ_OK)
        return 2;
    struct oq_host_options options = {.is_console = true, .data_folder = folder};
    struct oq_host *host = oq_host_new(&options);
    is_running = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!host || oq_win_scm_init(&scm, oq_host_get_hosted(host), report, NULL, &err) != OQ_OK)
        return 1;
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, serve, NULL, 0, NULL);
    if (WaitForSingleObject(is_running, LIMIT_MS) != WAIT_OBJECT_0)
        die("the service does not start", 0);

    must(CoInitializeEx(NULL, COINIT_MULTITHREADED), "CoInitializeEx");
    IBackgroundCopyGroup *group = add(argv[2], argv[3]);
    must(IBackgroundCopyGroup_QueryInterface(group, &IID_IOpenQmgrGroup, (void **)&open),
         "QueryInterface");
    sleep_and_wake(open);
    IOpenQmgrGroup_Release(open);
    must(IBackgroundCopyGroup_CancelGroup(group), "CancelGroup");
    IBackgroundCopyGroup_Release(group);
    CoUninitialize();

    if (oq_win_scm_control(&scm, SERVICE_CONTROL_STOP, 0, NULL) != NO_ERROR ||
        WaitForSingleObject(thread, LIMIT_MS) != WAIT_OBJECT_0 || !oq_host_is_whole(host))
        die("the service does not stop", 0);
    CloseHandle(thread);
    oq_win_scm_release(&scm);
    oq_host_free(host);
    oq_free(folder);
    return 0;
}
