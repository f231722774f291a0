/* refusing_dll.c - a DLL whose registration fails as ours does where a key belongs to
 * TrustedInstaller. For test_install.c. */
#include <windows.h>

HRESULT WINAPI DllRegisterServer(void);

__declspec(dllexport) HRESULT WINAPI DllRegisterServer(void)
{
    return HRESULT_FROM_WIN32(ERROR_PRIVILEGE_NOT_HELD);
}
