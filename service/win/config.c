/* config.c - the registry as a source of settings, and the thread that waits for its changes. No
 * other state. */
#include "oq_win_config.h"

#include "oq_alloc.h"
#include "oq_utf.h"
#include "oq_win_support.h"

#include <string.h>

#define KEY_LOCAL L"SOFTWARE\\OpenQMGR"
#define KEY_POLICY L"SOFTWARE\\Policies\\OpenQMGR"

#define CLSID_LEGACY L"SOFTWARE\\Classes\\CLSID\\{69AD4AEE-51BE-439B-A92C-86AE490E8B30}"
#define APPID_OURS L"{427B9071-B50D-4AF4-B082-3E4362FB76DC}"

#define VALUE_BYTES_MAX 65536u /* more is no setting of ours */
#define LOOK_MS 1000
#define CALM_MS 100 /* several values are set one after the other */

void oq_win_settings_init(struct oq_win_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    oq_config_init(&settings->numbers);
    settings->log_level = OQ_LOG_INFO;
    oq_rate_schedule_init(&settings->rate_schedule);
}

void oq_win_settings_release(struct oq_win_settings *settings)
{
    oq_free(settings->data_folder);
    oq_free(settings->ca_file);
    oq_free(settings->proxy);
    oq_free(settings->proxy_bypass);
    oq_free(settings->auth_hosts);
    settings->data_folder = NULL;
    settings->ca_file = NULL;
    settings->proxy = NULL;
    settings->proxy_bypass = NULL;
    settings->auth_hosts = NULL;
    oq_free(settings->schedule);
    settings->schedule = NULL;
}

/* A value as it is in the registry. `bytes` ends with two zero units that are not counted. */
struct value {
    DWORD type;
    DWORD size;
    BYTE *bytes;
};

/* ERROR_FILE_NOT_FOUND if there is none. */
static LSTATUS read_value(HKEY key, const wchar_t *name, struct value *value)
{
    DWORD size = 0;
    LSTATUS result = RegQueryValueExW(key, name, NULL, NULL, NULL, &size);
    if (result != ERROR_SUCCESS)
        return result;
    if (size > VALUE_BYTES_MAX)
        return ERROR_INVALID_DATA;
    value->bytes = oq_calloc(1, size + 2 * sizeof(wchar_t));
    if (!value->bytes)
        return ERROR_NOT_ENOUGH_MEMORY;
    value->size = size;
    result = RegQueryValueExW(key, name, NULL, &value->type, value->bytes, &value->size);
    if (result != ERROR_SUCCESS) { /* also when it has just grown: then the next start reads it */
        oq_free(value->bytes);
        value->bytes = NULL;
    }
    return result;
}

/* A negative result of a number that does not fit is out of every range, and so a warning. */
static bool get_number(const struct value *value, int64_t *number)
{
    uint64_t qword = 0;
    uint32_t dword = 0;
    if (value->type == REG_DWORD && value->size == sizeof dword) {
        memcpy(&dword, value->bytes, sizeof dword);
        *number = dword;
        return true;
    }
    if (value->type == REG_QWORD && value->size == sizeof qword) {
        memcpy(&qword, value->bytes, sizeof qword);
        *number = qword <= INT64_MAX ? (int64_t)qword : -1;
        return true;
    }
    return false;
}

/* Replaces *field; "" empties it. OQ_E_INVALID_ARG for another type or a text that is not UTF-16.
 */
static enum oq_status get_text(const struct value *value, char **field)
{
    enum oq_status status;
    wchar_t *expanded = NULL;
    char *text = NULL;
    if (value->type != REG_SZ && value->type != REG_EXPAND_SZ)
        return OQ_E_INVALID_ARG;
    const wchar_t *wide =
        (const wchar_t *)(const void *)value->bytes; /* from calloc: aligned, and terminated */
    if (value->type == REG_EXPAND_SZ) {
        DWORD units = ExpandEnvironmentStringsW(wide, NULL, 0);
        expanded = oq_calloc(units + 1u, sizeof *expanded);
        if (!expanded)
            return OQ_E_NOMEM;
        ExpandEnvironmentStringsW(wide, expanded, units + 1u);
        wide = expanded;
    }
    status = oq_utf16_to_8(wide, SIZE_MAX, &text);
    oq_free(expanded);
    if (status != OQ_OK)
        return status;
    oq_free(*field);
    *field = *text ? text : NULL;
    if (!*text)
        oq_free(text);
    return OQ_OK;
}

/* OQ_E_NOMEM only; what is wrong with a value is logged here. */
static enum oq_status take_number(struct oq_win_settings *settings, const char *name,
                                  const struct value *value)
{
    struct oq_error err;
    int64_t number = 0;
    if (!get_number(value, &number)) {
        oq_log_warning("configuration: %s is neither REG_DWORD nor REG_QWORD; it is ignored", name);
        return OQ_OK;
    }
    oq_error_init(&err);
    enum oq_status status = oq_config_set(&settings->numbers, name, number, &err);
    if (status != OQ_OK)
        oq_log_warning("configuration: %s is ignored: %s", name, err.text);
    return OQ_OK;
}

static enum oq_status take_log_level(struct oq_win_settings *settings, const char *name,
                                     const struct value *value)
{
    int64_t number = 0;
    if (get_number(value, &number) && number >= OQ_LOG_ERROR && number <= OQ_LOG_DEBUG)
        settings->log_level = (enum oq_log_level)number;
    else
        oq_log_warning("configuration: %s is ignored: a REG_DWORD from 0 to 3 is meant", name);
    return OQ_OK;
}

static enum oq_status take_text(char **field, const char *name, const struct value *value)
{
    enum oq_status status = get_text(value, field);
    if (status == OQ_E_NOMEM)
        return status;
    if (status != OQ_OK)
        oq_log_warning("configuration: %s is ignored: a REG_SZ or REG_EXPAND_SZ is meant", name);
    return OQ_OK;
}

static enum oq_status take_data_folder(struct oq_win_settings *settings, const char *name,
                                       const struct value *value)
{
    return take_text(&settings->data_folder, name, value);
}

static enum oq_status take_ca_file(struct oq_win_settings *settings, const char *name,
                                   const struct value *value)
{
    return take_text(&settings->ca_file, name, value);
}

static enum oq_status take_proxy(struct oq_win_settings *settings, const char *name,
                                 const struct value *value)
{
    return take_text(&settings->proxy, name, value);
}

static enum oq_status take_proxy_bypass(struct oq_win_settings *settings, const char *name,
                                        const struct value *value)
{
    return take_text(&settings->proxy_bypass, name, value);
}

static enum oq_status take_auth_hosts(struct oq_win_settings *settings, const char *name,
                                      const struct value *value)
{
    return take_text(&settings->auth_hosts, name, value);
}

static enum oq_status take_rate_schedule(struct oq_win_settings *settings, const char *name,
                                         const struct value *value)
{
    struct oq_error err;
    char *text = NULL;
    oq_error_init(&err);
    enum oq_status status = take_text(&text, name, value);
    if (status == OQ_OK && oq_rate_schedule_parse(text, &settings->rate_schedule, &err) != OQ_OK) {
        oq_log_warning("configuration: %s is ignored: %s", name, err.text);
    } else if (status == OQ_OK) {
        oq_free(settings->schedule);
        settings->schedule = text;
        text = NULL;
    }
    oq_free(text);
    return status;
}

typedef enum oq_status take_value(struct oq_win_settings *settings, const char *name,
                                  const struct value *value);

static enum oq_status read_one(HKEY key, const char *name, take_value *take,
                               struct oq_win_settings *settings, struct oq_error *err)
{
    struct value value = {0};
    wchar_t *wide = NULL;
    enum oq_status status = oq_utf8_to_16(name, &wide, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "out of memory");
    LSTATUS result = read_value(key, wide, &value);
    oq_free(wide);
    if (result == ERROR_SUCCESS)
        status = take(settings, name, &value);
    else if (result == ERROR_NOT_ENOUGH_MEMORY)
        status = OQ_E_NOMEM;
    else if (result != ERROR_FILE_NOT_FOUND)
        oq_log_warning("configuration: %s is ignored: it cannot be read (%ld)", name, (long)result);
    if (status == OQ_E_NOMEM)
        oq_error_set(err, status, "out of memory");
    oq_free(value.bytes);
    return status;
}

enum oq_status oq_win_settings_read(HKEY root, const wchar_t *path,
                                    struct oq_win_settings *settings, struct oq_error *err)
{
    static const struct {
        const char *name;
        take_value *take;
    } others[] = {{"DataFolder", take_data_folder},   {"CaFile", take_ca_file},
                  {"LogLevel", take_log_level},       {"Proxy", take_proxy},
                  {"ProxyBypass", take_proxy_bypass}, {"RateSchedule", take_rate_schedule},
                  {"LogOnHosts", take_auth_hosts}};
    size_t count = 0;
    const struct oq_config_item *items = oq_config_items(&count);
    enum oq_status status = OQ_OK;
    HKEY key = NULL;
    LSTATUS result = RegOpenKeyExW(root, path, 0, KEY_QUERY_VALUE, &key);
    if (result == ERROR_FILE_NOT_FOUND)
        return OQ_OK;
    if (result != ERROR_SUCCESS)
        return oq_win_fail(err, (uint32_t)result, "the configuration cannot be read");
    for (size_t i = 0; i < count && status == OQ_OK; i++)
        status = read_one(key, items[i].name, take_number, settings, err);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && status == OQ_OK; i++)
        status = read_one(key, others[i].name, others[i].take, settings, err);
    RegCloseKey(key);
    return status;
}

enum oq_status oq_win_settings_load(struct oq_win_settings *settings, struct oq_error *err)
{
    enum oq_status status = oq_win_settings_read(HKEY_LOCAL_MACHINE, KEY_LOCAL, settings, err);
    if (status == OQ_OK)
        status = oq_win_settings_read(HKEY_LOCAL_MACHINE, KEY_POLICY, settings, err);
    return status;
}

bool oq_win_settings_is_enforced(const char *name)
{
    wchar_t *wide = NULL;
    if (oq_utf8_to_16(name, &wide, NULL) != OQ_OK)
        return false;
    LSTATUS result =
        RegGetValueW(HKEY_LOCAL_MACHINE, KEY_POLICY, wide, RRF_RT_ANY, NULL, NULL, NULL);
    oq_free(wide);
    return result == ERROR_SUCCESS;
}

enum oq_status oq_win_settings_save_number(const char *name, int64_t value, struct oq_error *err)
{
    const uint64_t qword = (uint64_t)value;
    const DWORD dword = (DWORD)value;
    const bool is_short = qword <= UINT32_MAX;
    wchar_t *wide = NULL;
    HKEY key = NULL;
    enum oq_status status = oq_utf8_to_16(name, &wide, NULL);
    if (status != OQ_OK)
        return oq_error_set(err, status, "out of memory");
    LSTATUS result =
        RegCreateKeyExW(HKEY_LOCAL_MACHINE, KEY_LOCAL, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL);
    if (result == ERROR_SUCCESS)
        result = RegSetValueExW(key, wide, 0, is_short ? REG_DWORD : REG_QWORD,
                                is_short ? (const BYTE *)&dword : (const BYTE *)&qword,
                                is_short ? sizeof dword : sizeof qword);
    if (result == ERROR_SUCCESS)
        result = RegFlushKey(key);
    if (key)
        RegCloseKey(key);
    oq_free(wide);
    return result == ERROR_SUCCESS
               ? OQ_OK
               : oq_win_fail(err, (uint32_t)result, "%s cannot be saved in the registry", name);
}

bool oq_win_settings_is_legacy_ours(void)
{
    wchar_t app_id[64];
    DWORD size = sizeof app_id;
    return RegGetValueW(HKEY_LOCAL_MACHINE, CLSID_LEGACY, L"AppID", RRF_RT_REG_SZ, NULL, app_id,
                        &size) == ERROR_SUCCESS &&
           _wcsicmp(app_id, APPID_OURS) == 0;
}

/* --- changes ---------------------------------------------------------------------------------- */

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

/* Asks to be notified of the next change. True if the key has appeared or gone since the last time.
 * */
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
        if (is_new) /* armed first: a change while it is read is reported, too */
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
