/*
 * registry.c: the operations of registry_int.h. Owns nothing between calls.
 */
#include "registry_int.h"

#include <wchar.h>

bool oq_reg_has_key(const wchar_t *path)
{
    HKEY key;
    LSTATUS status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, &key);

    if (status == ERROR_SUCCESS)
        RegCloseKey(key);
    return status != ERROR_FILE_NOT_FOUND && status != ERROR_PATH_NOT_FOUND;
}

bool oq_reg_is_text(const wchar_t *path, const wchar_t *name, const wchar_t *text)
{
    wchar_t found[64]; /* what we compare with are identifiers; a longer text is none of them */
    DWORD size_bytes = sizeof found;

    if (RegGetValueW(HKEY_LOCAL_MACHINE, path, name, RRF_RT_REG_SZ, NULL, found, &size_bytes) !=
        ERROR_SUCCESS)
        return false;
    return _wcsicmp(found, text) == 0;
}

static LSTATUS save_value(const wchar_t *path, const wchar_t *name, DWORD type, const void *bytes,
                          DWORD size_bytes)
{
    HKEY key;
    LSTATUS status = RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, REG_OPTION_NON_VOLATILE,
                                     KEY_SET_VALUE, NULL, &key, NULL);

    if (status != ERROR_SUCCESS)
        return status;
    status = RegSetValueExW(key, name, 0, type, bytes, size_bytes);
    RegCloseKey(key);
    return status;
}

LSTATUS oq_reg_save_text(const wchar_t *path, const wchar_t *name, const wchar_t *text)
{
    return save_value(path, name, REG_SZ, text, (DWORD)((wcslen(text) + 1) * sizeof *text));
}

LSTATUS oq_reg_save_bytes(const wchar_t *path, const wchar_t *name, const void *bytes,
                          DWORD size_bytes)
{
    return save_value(path, name, REG_BINARY, bytes, size_bytes);
}

LSTATUS oq_reg_delete_tree(const wchar_t *path)
{
    LSTATUS status = RegDeleteTreeW(HKEY_LOCAL_MACHINE, path);

    if (status == ERROR_FILE_NOT_FOUND || status == ERROR_PATH_NOT_FOUND)
        return ERROR_SUCCESS;
    return status;
}

LSTATUS oq_reg_delete_empty(const wchar_t *path)
{
    HKEY key;
    DWORD subkeys = 0, values = 0;
    LSTATUS status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, &key);

    if (status == ERROR_FILE_NOT_FOUND || status == ERROR_PATH_NOT_FOUND)
        return ERROR_SUCCESS;
    if (status != ERROR_SUCCESS)
        return status;
    status = RegQueryInfoKeyW(key, NULL, NULL, NULL, &subkeys, NULL, NULL, &values, NULL, NULL,
                              NULL, NULL);
    RegCloseKey(key);
    if (status != ERROR_SUCCESS || subkeys > 0 || values > 0)
        return status;
    return RegDeleteKeyW(HKEY_LOCAL_MACHINE, path);
}

static LSTATUS copy_tree(const wchar_t *from, const wchar_t *to)
{
    HKEY source = NULL, target = NULL;
    LSTATUS status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, from, 0, KEY_READ, &source);

    if (status != ERROR_SUCCESS)
        goto out;
    status = RegCreateKeyExW(HKEY_LOCAL_MACHINE, to, 0, NULL, REG_OPTION_NON_VOLATILE,
                             KEY_ALL_ACCESS, NULL, &target, NULL);
    if (status != ERROR_SUCCESS)
        goto out;
    status = RegCopyTreeW(source, NULL, target);
out:
    if (target)
        RegCloseKey(target);
    if (source)
        RegCloseKey(source);
    return status;
}

LSTATUS oq_reg_move_tree(const wchar_t *from, const wchar_t *to)
{
    LSTATUS status = oq_reg_delete_tree(to);

    if (status == ERROR_SUCCESS)
        status = copy_tree(from, to);
    if (status != ERROR_SUCCESS)
        return status;
    status = oq_reg_delete_tree(from);
    if (status != ERROR_SUCCESS)
        (void)copy_tree(to, from); /* part of it may be gone; the first failure is reported */
    return status;
}
