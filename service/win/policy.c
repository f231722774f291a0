/* policy.c - see oq_win_policy.h. */
#include "oq_win_policy.h"

#include "oq_alloc.h"

#include <windows.h>

#define LOOK_MS 1000
#define CALM_MS 100 /* several values are set one after the other */

struct watched {
    const wchar_t *path;
    HKEY key;      /* NULL: does not exist */
    HANDLE signal; /* reset by hand: it stands until it has been looked at */
};

struct oq_win_policy {
    oq_win_policy_changed *changed;
    void *ctx;
    HANDLE thread, stop;
    struct watched keys[2];
};

static void close_key(struct watched *watched)
{
    if (watched->key)
        RegCloseKey(watched->key);
    watched->key = NULL;
}

/* Asks to be told of the next change. True if the key has appeared or gone since the last time. */
static bool arm(struct watched *watched)
{
    bool was_there = watched->key != NULL;
    if (!was_there && RegOpenKeyExW(HKEY_LOCAL_MACHINE, watched->path, 0,
                                    KEY_NOTIFY | KEY_QUERY_VALUE, &watched->key) != ERROR_SUCCESS)
        watched->key = NULL;
    if (watched->key) {
        ResetEvent(watched->signal);
        if (RegNotifyChangeKeyValue(watched->key, FALSE, REG_NOTIFY_CHANGE_LAST_SET,
                                    watched->signal, TRUE) != ERROR_SUCCESS)
            close_key(watched); /* it was deleted: looked for again */
    }
    return was_there != (watched->key != NULL);
}

static DWORD WINAPI watch(void *ctx)
{
    struct oq_win_policy *policy = ctx;
    HANDLE events[] = {policy->stop, policy->keys[0].signal, policy->keys[1].signal};
    (void)arm(&policy->keys[0]);
    (void)arm(&policy->keys[1]);
    for (;;) {
        bool is_new = false;
        DWORD which = WaitForMultipleObjects(3, events, FALSE, LOOK_MS);
        if (which == WAIT_OBJECT_0)
            return 0;
        if (which != WAIT_TIMEOUT && WaitForSingleObject(policy->stop, CALM_MS) == WAIT_OBJECT_0)
            return 0;
        is_new = which != WAIT_TIMEOUT;
        for (int i = 0; i < 2; i++)
            if (is_new || !policy->keys[i].key)
                is_new = arm(&policy->keys[i]) || is_new;
        if (is_new) /* armed first: what changes while it is read is told, too */
            policy->changed(policy->ctx);
    }
}

enum oq_status oq_win_policy_start(oq_win_policy_changed *changed, void *ctx,
                                   struct oq_win_policy **out, struct oq_error *err)
{
    struct oq_win_policy *policy = oq_calloc(1, sizeof *policy);
    if (!policy)
        return oq_error_set(err, OQ_E_NOMEM, "out of memory");
    policy->changed = changed;
    policy->ctx = ctx;
    policy->keys[0].path = L"SOFTWARE\\OpenQMGR";
    policy->keys[1].path = L"SOFTWARE\\Policies\\OpenQMGR";
    policy->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    policy->keys[0].signal = CreateEventW(NULL, TRUE, FALSE, NULL);
    policy->keys[1].signal = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (policy->stop && policy->keys[0].signal && policy->keys[1].signal)
        policy->thread = CreateThread(NULL, 0, watch, policy, 0, NULL);
    if (!policy->thread) {
        oq_win_policy_stop(policy);
        return oq_error_set(err, OQ_E_NOMEM, "no threads");
    }
    *out = policy;
    return OQ_OK;
}

void oq_win_policy_stop(struct oq_win_policy *policy)
{
    if (!policy)
        return;
    if (policy->thread) {
        SetEvent(policy->stop);
        WaitForSingleObject(policy->thread, INFINITE);
        CloseHandle(policy->thread);
    }
    if (policy->stop)
        CloseHandle(policy->stop);
    for (int i = 0; i < 2; i++) {
        close_key(&policy->keys[i]);
        if (policy->keys[i].signal)
            CloseHandle(policy->keys[i].signal);
    }
    oq_free(policy);
}
