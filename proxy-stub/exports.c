/*
 * exports.c: the entry points that regsvr32 and installers call. The two that COM calls,
 * DllGetClassObject and DllCanUnloadNow, are in the generated openqmgr_dlldata.c.
 *
 * Owns the meaning of "regsvr32 /i:legacy": take the legacy class and the interfaces over from
 * their owner. "regsvr32 /u /n /i:legacy" gives them back; unregistering does so too.
 */
#include "register_int.h"

#include <olectl.h>
#include <wchar.h>

HRESULT WINAPI DllInstall(BOOL install, LPCWSTR command_line);

HRESULT WINAPI DllRegisterServer(void)
{
    return oq_register_all(false);
}

HRESULT WINAPI DllUnregisterServer(void)
{
    return oq_register_remove();
}

HRESULT WINAPI DllInstall(BOOL install, LPCWSTR command_line)
{
    if (!command_line || *command_line == L'\0')
        return S_OK;
    if (_wcsicmp(command_line, L"legacy") != 0)
        return E_INVALIDARG;
    return install ? oq_register_all(true) : oq_register_give_back();
}
