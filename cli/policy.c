/* policy.c - the commands that set limits for the whole computer: limit and pause-all.
 *
 * They write the registry values that docs/config.md describes, which the service follows; so they
 * work while it does not run, and need the rights that writing there needs.
 */
#include "commands_int.h"

#include "console_int.h"

#include <windows.h>

#define KEY L"SOFTWARE\\OpenQMGR"
#define KEY_ENFORCED L"SOFTWARE\\Policies\\OpenQMGR"

static bool is_enforced(const wchar_t *name)
{
    return RegGetValueW(HKEY_LOCAL_MACHINE, KEY_ENFORCED, name, RRF_RT_ANY, NULL, NULL, NULL) ==
           ERROR_SUCCESS;
}

/* Sets a number; complains if that fails or has no effect. */
static int set_number(const wchar_t *name, DWORD value)
{
    if (is_enforced(name)) {
        oq_console_complain("%ls is set by group policy, which wins", name);
        return OQ_EXIT_FAILED;
    }
    LSTATUS result =
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, KEY, name, REG_DWORD, &value, sizeof value);
    if (result == ERROR_SUCCESS)
        return OQ_EXIT_DONE;
    return oq_command_failed(NULL, HRESULT_FROM_WIN32((DWORD)result));
}

int oq_command_limit(const struct oq_args *args)
{
    return set_number(L"MaxRateKbits", args->kbits);
}

int oq_command_pause_all(const struct oq_args *args)
{
    return set_number(L"PauseAll", args->is_on);
}
