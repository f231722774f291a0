/* ledger.c - the client of kill_loop.py: writes down what it was told before it goes on, and after
 * each loss of the service compares what it finds with what it was told.
 *
 *   ledger LEDGER ROUND URL QUERY FOLDER [KILL_MS...]
 *
 * Three groups of three files go through a whole life: create, job, files, name, flags, resume (one
 * of them suspend and resume again), complete, the client told so by OnStatus, removal. LEDGER has
 * a line "group step try" before and "group step ok" after each call; a client that is started
 * again with the same LEDGER goes on where the last one died. At each KILL_MS after the start a
 * thread calls TerminateProcess on the service. Ends with 0 when everything is complete and
 * removed, 1 when a promise was broken (with a line saying which), 2 for anything else.
 */
#define COBJMACROS
#include "ledger_int.h"

#include "result_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MS 120000u /* without any step forward */
#define PAUSE_MS 100u

static const GUID iid_callback = {
    0x084f6593, 0x3800, 0x4e08, {0x9b, 0x59, 0x99, 0xfa, 0x59, 0xad, 0xdf, 0x82}};

static const char *const step_names[] = {"none",      "create",       "job",      "some-files",
                                         "all-files", "name",         "flags",    "resume",
                                         "suspend",   "resume-again", "complete", "remove"};

static struct {
    const char *url, *query, *folder;
    unsigned round;
    FILE *ledger;
    enum step tried[GROUPS], told[GROUPS];
    IBackgroundCopyQMgr *manager;
    volatile LONG connections;
} client;

void broken(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    printf("BROKEN round %u: ", client.round);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    fflush(stdout);
    ExitProcess(1);
}

static void fail(const char *what, HRESULT hr)
{
    printf("FAILED round %u: %s 0x%08lx\n", client.round, what, (unsigned long)hr);
    fflush(stdout);
    ExitProcess(2);
}

/* --- the ledger ------------------------------------------------------------------------------- */

static void write_down(unsigned group, enum step step, const char *word)
{
    if (fprintf(client.ledger, "%u %s %s\n", group, step_names[step], word) < 0 ||
        fflush(client.ledger) != 0)
        fail("the ledger cannot be written", E_FAIL);
}

static void read_ledger(const char *path)
{
    char line[100], name[32], word[8];
    unsigned group = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (!strchr(line, '\n') || sscanf(line, "%u %31s %7s", &group, name, word) != 3 ||
            group >= GROUPS)
            continue;
        for (unsigned step = 1; step < STEP_COUNT; step++)
            if (strcmp(name, step_names[step]) == 0) {
                client.tried[group] = (enum step)step;
                if (strcmp(word, "ok") == 0)
                    client.told[group] = (enum step)step;
            }
        if (strcmp(name, "notified") == 0)
            notified_before(group);
    }
    if (file)
        fclose(file);
}

void write_notified(unsigned group)
{
    if (fprintf(client.ledger, "%u notified ok\n", group) < 0 || fflush(client.ledger) != 0)
        fail("the ledger cannot be written", E_FAIL);
}

/* --- names ------------------------------------------------------------------------------------ */

static GUID guid_of(unsigned group, unsigned kind)
{
    GUID guid = {client.round + 1, (unsigned short)group, (unsigned short)kind, "ledger"};
    return guid;
}

static void names_of(unsigned group, unsigned file, wchar_t *remote, wchar_t *local)
{
    swprintf(remote, NAME, L"%hsf%u-%u.bin?%hs&x=%u", client.url, group, file, client.query,
             client.round);
    swprintf(local, NAME, L"%hs\\r%u-%u-%u.bin", client.folder, client.round, group, file);
}

static void title_of(unsigned group, wchar_t *title)
{
    swprintf(title, NAME, L"round %u, group %u", client.round, group);
}

/* --- what the service says -------------------------------------------------------------------- */

struct facts {
    IBackgroundCopyGroup *group;
    IBackgroundCopyJob1 *job;
    DWORD files, status;
};

static void release(struct facts *facts)
{
    if (facts->job)
        IBackgroundCopyJob1_Release(facts->job);
    if (facts->group)
        IBackgroundCopyGroup_Release(facts->group);
    memset(facts, 0, sizeof *facts);
}

static HRESULT read_prop(IBackgroundCopyGroup *group, GROUPPROP prop, VARIANT *value)
{
    VariantInit(value);
    return IBackgroundCopyGroup_GetProp(group, prop, value);
}

static HRESULT compare_files(struct facts *facts, unsigned group)
{
    for (unsigned i = 0; i < facts->files; i++) {
        wchar_t remote[NAME], local[NAME];
        FILESETINFO info = {0};
        HRESULT hr = IBackgroundCopyJob1_GetFile(facts->job, i, &info);
        if (FAILED(hr))
            return hr;
        names_of(group, i, remote, local);
        if (wcscmp(info.bstrRemoteFile, remote) != 0 || wcscmp(info.bstrLocalFile, local) != 0)
            broken("group %u: file %u is %ls", group, i, info.bstrRemoteFile);
        SysFreeString(info.bstrRemoteFile);
        SysFreeString(info.bstrLocalFile);
    }
    return S_OK;
}

static HRESULT compare_props(const struct facts *facts, unsigned group, enum step told)
{
    wchar_t title[NAME];
    VARIANT value;
    HRESULT hr = S_OK;
    title_of(group, title);
    if (told >= NAMED) {
        hr = read_prop(facts->group, GROUPPROP_DISPLAYNAME, &value);
        if (FAILED(hr))
            return hr;
        if (V_VT(&value) != VT_BSTR || wcscmp(V_BSTR(&value), title) != 0)
            broken("group %u: its name is lost", group);
        VariantClear(&value);
    }
    if (told >= FLAGGED) {
        hr = read_prop(facts->group, GROUPPROP_NOTIFYFLAGS, &value);
        if (FAILED(hr))
            return hr;
        if (V_VT(&value) != VT_I4 || V_I4(&value) != QM_NOTIFY_GROUP_DONE)
            broken("group %u: its flags are lost", group);
    }
    return hr;
}

/* What was acknowledged must be there; what was asked for without an answer may be. */
static HRESULT compare(struct facts *facts, unsigned group)
{
    enum step told = client.told[group], tried = client.tried[group];
    GUID id = guid_of(group, 0), job = guid_of(group, 1);
    HRESULT hr = IBackgroundCopyQMgr_GetGroup(client.manager, id, &facts->group);
    if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND) {
        facts->group = NULL;
        if (told >= CREATED && tried < REMOVED)
            broken("group %u is missing after '%s'", group, step_names[told]);
        return S_OK;
    }
    if (FAILED(hr))
        return hr;
    if (tried < CREATED || told == REMOVED)
        broken("group %u is there after '%s'", group, step_names[told]);
    hr = IBackgroundCopyGroup_GetStatus(facts->group, &facts->status, &(DWORD){0});
    if (FAILED(hr))
        return hr;
    bool is_complete = !(facts->status & QM_STATUS_GROUP_INCOMPLETE),
         is_suspended = facts->status & QM_STATUS_GROUP_SUSPENDED;
    if (facts->status & QM_STATUS_GROUP_ERROR)
        broken("group %u has an error", group);
    if ((is_complete && tried < RESUMED) || (!is_complete && told >= COMPLETE))
        broken("group %u: status 0x%lx after '%s'", group, facts->status, step_names[told]);
    if (!is_complete &&
        ((is_suspended && (told == RESUMED || told == RESUMED_AGAIN) && tried != SUSPENDED) ||
         (!is_suspended && told == SUSPENDED && tried == SUSPENDED)))
        broken("group %u: status 0x%lx after '%s'", group, facts->status, step_names[told]);
    hr = IBackgroundCopyGroup_GetJob(facts->group, job, &facts->job);
    if (hr == (HRESULT)QM_E_ITEM_NOT_FOUND) {
        facts->job = NULL;
        if (told >= HAS_JOB)
            broken("group %u: its job is missing", group);
        return compare_props(facts, group, told);
    }
    if (SUCCEEDED(hr))
        hr = IBackgroundCopyJob1_GetFileCount(facts->job, &facts->files);
    if (FAILED(hr))
        return hr;
    unsigned at_least = told >= HAS_ALL    ? FILES
                        : told >= HAS_SOME ? SOME
                                           : 0,
             at_most = tried >= HAS_ALL    ? FILES
                       : tried >= HAS_SOME ? SOME
                                           : 0;
    if (facts->files != at_least && facts->files != at_most)
        broken("group %u: %lu files after '%s'", group, facts->files, step_names[told]);
    hr = compare_files(facts, group);
    return FAILED(hr) ? hr : compare_props(facts, group, told);
}

/* No group that was not asked for, none twice. */
static HRESULT count_groups(void)
{
    IEnumBackgroundCopyGroups *groups = NULL;
    GUID ids[GROUPS + 2];
    ULONG count = 0;
    HRESULT hr = IBackgroundCopyQMgr_EnumGroups(client.manager, 0, &groups);
    if (FAILED(hr))
        return hr;
    hr = IEnumBackgroundCopyGroups_Next(groups, GROUPS + 2, ids, &count);
    IEnumBackgroundCopyGroups_Release(groups);
    if (FAILED(hr))
        return hr;
    for (ULONG i = 0; i < count; i++) {
        bool is_known = false;
        for (unsigned group = 0; group < GROUPS; group++) {
            GUID id = guid_of(group, 0);
            is_known |= IsEqualGUID(&id, &ids[i]) && client.tried[group] != NOTHING;
        }
        for (ULONG j = 0; j < i; j++)
            is_known &= !IsEqualGUID(&ids[i], &ids[j]);
        if (!is_known)
            broken("the queue has a strange or doubled group (%lu, %lu)", ids[i].Data1,
                   (unsigned long)ids[i].Data2);
    }
    return S_OK;
}

/* --- what the client does --------------------------------------------------------------------- */

static HRESULT add_files(const struct facts *facts, unsigned group, unsigned until)
{
    FILESETINFO infos[FILES], *set[FILES];
    unsigned count = 0;
    if (facts->files >= until)
        return S_OK; /* it was done, and only the answer was lost */
    for (unsigned i = facts->files; i < until; i++, count++) {
        wchar_t remote[NAME], local[NAME];
        names_of(group, i, remote, local);
        infos[count] = (FILESETINFO){SysAllocString(remote), SysAllocString(local), 0};
        set[count] = &infos[count];
    }
    HRESULT hr = IBackgroundCopyJob1_AddFiles(facts->job, count, set);
    for (unsigned i = 0; i < count; i++) {
        SysFreeString(infos[i].bstrRemoteFile);
        SysFreeString(infos[i].bstrLocalFile);
    }
    return hr;
}

static HRESULT set_prop(const struct facts *facts, unsigned group, enum step step)
{
    wchar_t title[NAME];
    VARIANT value;
    VariantInit(&value);
    if (step == FLAGGED) {
        V_VT(&value) = VT_I4;
        V_I4(&value) = QM_NOTIFY_GROUP_DONE;
        return IBackgroundCopyGroup_SetProp(facts->group, GROUPPROP_NOTIFYFLAGS, &value);
    }
    title_of(group, title);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = SysAllocString(title);
    HRESULT hr = IBackgroundCopyGroup_SetProp(facts->group, GROUPPROP_DISPLAYNAME, &value);
    VariantClear(&value);
    return hr;
}

/* S_FALSE: not yet. */
static HRESULT look_for_end(const struct facts *facts)
{
    DWORD status = 0;
    HRESULT hr = IBackgroundCopyGroup_GetStatus(facts->group, &status, &(DWORD){0});
    if (FAILED(hr))
        return hr;
    return status & QM_STATUS_GROUP_INCOMPLETE ? S_FALSE : S_OK;
}

static HRESULT act(struct facts *facts, unsigned group, enum step step)
{
    switch (step) {
    case CREATED:
        return facts->group ? S_OK
                            : IBackgroundCopyQMgr_CreateGroup(client.manager, guid_of(group, 0),
                                                              &facts->group);
    case HAS_JOB:
        return facts->job
                   ? S_OK
                   : IBackgroundCopyGroup_CreateJob(facts->group, guid_of(group, 1), &facts->job);
    case HAS_SOME:
        return add_files(facts, group, SOME);
    case HAS_ALL:
        return add_files(facts, group, FILES);
    case NAMED:
    case FLAGGED:
        return set_prop(facts, group, step);
    case RESUMED:
    case RESUMED_AGAIN:
        return IBackgroundCopyGroup_ResumeGroup(facts->group);
    case SUSPENDED:
        return IBackgroundCopyGroup_SuspendGroup(facts->group);
    case COMPLETE:
        return look_for_end(facts);
    case REMOVED:
        return facts->group ? IBackgroundCopyGroup_CancelGroup(facts->group) : S_OK;
    case NOTHING:
    case STEP_COUNT:
        break;
    }
    return E_UNEXPECTED;
}

static enum step next_step(unsigned group)
{
    enum step next = (enum step)(client.told[group] + 1);
    return group != 1 && next == SUSPENDED ? COMPLETE : next;
}

unsigned life_of_service(void)
{
    return (unsigned)client.connections;
}

/* The end must have been told; the first group waits for the others besides, so that its answer
 * has been given long before some of the kills. */
static bool may_remove(unsigned group)
{
    for (unsigned other = 1; group == 0 && other < GROUPS; other++)
        if (client.told[other] < COMPLETE)
            return false;
    return is_told(group);
}

/* Goes as far as it can with one group. S_FALSE: it has to wait. */
static HRESULT go_on(struct facts *facts, unsigned group)
{
    HRESULT hr = S_OK;
    while (SUCCEEDED(hr) && client.told[group] < REMOVED) {
        enum step step = next_step(group);
        if (step == REMOVED && !may_remove(group))
            return S_FALSE;
        if (client.tried[group] < step) {
            if (step != COMPLETE)
                write_down(group, step, "try");
            client.tried[group] = step;
        }
        hr = act(facts, group, step);
        if (hr != S_OK)
            return hr;
        client.told[group] = step;
        write_down(group, step, "ok");
        if (step == CREATED)
            hr = IBackgroundCopyGroup_SetNotificationPointer(facts->group, &iid_callback,
                                                             callback_object());
        if (step == HAS_SOME || step == HAS_ALL)
            facts->files = step == HAS_SOME ? SOME : FILES;
    }
    return hr;
}

static bool is_over(void)
{
    for (unsigned group = 0; group < GROUPS; group++)
        if (client.told[group] != REMOVED)
            return false;
    return true;
}

/* Compares what is there with the ledger, and registers for the ends that are to come. */
static HRESULT meet(struct facts facts[GROUPS])
{
    HRESULT hr = count_groups();
    for (unsigned group = 0; SUCCEEDED(hr) && group < GROUPS; group++) {
        hr = compare(&facts[group], group);
        if (SUCCEEDED(hr) && facts[group].group)
            hr = IBackgroundCopyGroup_SetNotificationPointer(facts[group].group, &iid_callback,
                                                             callback_object());
    }
    return hr;
}

/* Until the service is lost or all is done. */
static HRESULT work(void)
{
    struct facts facts[GROUPS] = {{0}};
    HRESULT hr = CoCreateInstance(&CLSID_OpenQmgr, NULL, CLSCTX_LOCAL_SERVER,
                                  &IID_IBackgroundCopyQMgr, (void **)&client.manager);
    if (FAILED(hr)) {
        client.manager = NULL;
        return RPC_E_DISCONNECTED; /* whatever is said of a service that dies at its start */
    }
    InterlockedIncrement(&client.connections);
    hr = meet(facts);
    while (SUCCEEDED(hr) && !is_over()) {
        for (unsigned group = 0; SUCCEEDED(hr) && group < GROUPS; group++)
            hr = go_on(&facts[group], group);
        if (SUCCEEDED(hr) && !is_over())
            Sleep(PAUSE_MS);
    }
    if (SUCCEEDED(hr))
        hr = count_groups();
    for (unsigned group = 0; group < GROUPS; group++)
        release(&facts[group]);
    IBackgroundCopyQMgr_Release(client.manager);
    client.manager = NULL;
    return hr;
}

/* --- the kills -------------------------------------------------------------------------------- */

static char **kill_words;

static DWORD service_process(SC_HANDLE service)
{
    SERVICE_STATUS_PROCESS status;
    DWORD unused = 0;
    if (!QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&status, sizeof status,
                              &unused))
        return 0;
    return status.dwCurrentState == SERVICE_STOPPED ? 0 : status.dwProcessId;
}

/* Kills at the moments of the command line; a service that does not run then is killed as soon as
 * it does. */
static DWORD WINAPI kill_service(void *began)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager ? OpenServiceW(manager, L"OpenQMGR", SERVICE_QUERY_STATUS) : NULL;
    if (!service)
        fail("no service manager", (HRESULT)GetLastError());
    for (char **word = kill_words; *word; word++) {
        ULONGLONG at_ms = *(ULONGLONG *)began + strtoul(*word, NULL, 10);
        ULONGLONG now_ms = GetTickCount64();
        DWORD id = 0;
        if (at_ms > now_ms)
            Sleep((DWORD)(at_ms - now_ms));
        while ((id = service_process(service)) == 0)
            Sleep(1);
        HANDLE process = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, id);
        if (!process)
            continue; /* it went by itself */
        service_killed();
        if (TerminateProcess(process, 1))
            printf("killed after %llu ms\n", GetTickCount64() - *(ULONGLONG *)began);
        fflush(stdout);
        WaitForSingleObject(process, 10000);
        CloseHandle(process);
    }
    return 0;
}

int main(int count, char **words)
{
    ULONGLONG began = GetTickCount64(), forward_ms = began;
    enum step sum = NOTHING;
    if (count < 6) {
        printf("usage: ledger LEDGER ROUND URL QUERY FOLDER [KILL_MS...]\n");
        return 2;
    }
    client.round = (unsigned)strtoul(words[2], NULL, 10);
    client.url = words[3];
    client.query = words[4];
    client.folder = words[5];
    kill_words = words + 6;
    read_ledger(words[1]);
    client.ledger = fopen(words[1], "a");
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (FAILED(hr) || !client.ledger)
        fail("start", hr);
    if (*kill_words && !CreateThread(NULL, 0, kill_service, &began, 0, NULL))
        fail("no thread", E_FAIL);
    for (;;) {
        enum step now = NOTHING;
        hr = work();
        if (hr == S_OK && is_over())
            break;
        if (!oq_result_is_disconnect((uint32_t)hr))
            fail("a call", hr);
        for (unsigned group = 0; group < GROUPS; group++)
            now += client.told[group];
        if (now != sum)
            forward_ms = GetTickCount64();
        sum = now;
        if (GetTickCount64() - forward_ms > LIMIT_MS)
            fail("no step forward", hr);
        Sleep(PAUSE_MS);
    }
    printf("done after %llu ms, %ld connections\n", GetTickCount64() - began, client.connections);
    fflush(stdout);
    ExitProcess(0); /* the thread that kills may still wait for its moment */
}
