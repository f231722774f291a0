/*
 * registry.c: the operations of registry_int.h. Owns the chosen view and nothing else between
 * calls.
 */
#include "registry_int.h"

#include <wchar.h>

static REGSAM view;

void oq_reg_use_view(REGSAM wanted)
{
    view = wanted;
}

static LSTATUS open_key(const wchar_t *path, REGSAM access, HKEY *key)
{
    return RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, access | view, key);
}

static LSTATUS create_key(const wchar_t *path, REGSAM access, HKEY *key)
{
    return RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, REG_OPTION_NON_VOLATILE,
                           access | view, NULL, key, NULL);
}

static bool is_missing(LSTATUS status)
{
    return status == ERROR_FILE_NOT_FOUND || status == ERROR_PATH_NOT_FOUND;
}

bool oq_reg_has_key(const wchar_t *path)
{
    HKEY key;
    LSTATUS status = open_key(path, KEY_READ, &key);

    if (status == ERROR_SUCCESS)
        RegCloseKey(key);
    return !is_missing(status);
}

bool oq_reg_is_text(const wchar_t *path, const wchar_t *name, const wchar_t *text)
{
    wchar_t found[64]; /* what we compare with are identifiers; a longer text is none of them */
    DWORD size_bytes = sizeof found;
    HKEY key;

    if (open_key(path, KEY_READ, &key) != ERROR_SUCCESS)
        return false;
    LSTATUS status = RegGetValueW(key, NULL, name, RRF_RT_REG_SZ, NULL, found, &size_bytes);
    RegCloseKey(key);
    return status == ERROR_SUCCESS && _wcsicmp(found, text) == 0;
}

static LSTATUS save_value(const wchar_t *path, const wchar_t *name, DWORD type, const void *bytes,
                          DWORD size_bytes)
{
    HKEY key;
    LSTATUS status = create_key(path, KEY_SET_VALUE, &key);

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
    HKEY key;
    LSTATUS status = open_key(path, DELETE | KEY_READ | KEY_SET_VALUE, &key);

    if (is_missing(status))
        return ERROR_SUCCESS;
    if (status != ERROR_SUCCESS)
        return status;
    status = RegDeleteTreeW(key, NULL); /* all below it, in whatever view the key is */
    RegCloseKey(key);
    return status == ERROR_SUCCESS ? RegDeleteKeyExW(HKEY_LOCAL_MACHINE, path, view, 0) : status;
}

LSTATUS oq_reg_delete_empty(const wchar_t *path)
{
    HKEY key;
    DWORD subkeys = 0, values = 0;
    LSTATUS status = open_key(path, KEY_READ, &key);

    if (is_missing(status))
        return ERROR_SUCCESS;
    if (status != ERROR_SUCCESS)
        return status;
    status = RegQueryInfoKeyW(key, NULL, NULL, NULL, &subkeys, NULL, NULL, &values, NULL, NULL,
                              NULL, NULL);
    RegCloseKey(key);
    if (status != ERROR_SUCCESS || subkeys > 0 || values > 0)
        return status;
    return RegDeleteKeyExW(HKEY_LOCAL_MACHINE, path, view, 0);
}

static LSTATUS may_delete(HKEY parent, const wchar_t *path, REGSAM flag)
{
    wchar_t name[256]; /* the longest that a key may have */
    DWORD chars;
    HKEY key;
    LSTATUS status = RegOpenKeyExW(parent, path, 0, DELETE | KEY_READ | KEY_SET_VALUE | flag, &key);

    if (status != ERROR_SUCCESS)
        return is_missing(status) ? ERROR_SUCCESS : status;
    for (DWORD i = 0; status == ERROR_SUCCESS; i++) {
        chars = sizeof name / sizeof *name;
        status = RegEnumKeyExW(key, i, name, &chars, NULL, NULL, NULL, NULL);
        if (status == ERROR_SUCCESS)
            status = may_delete(key, name, flag);
    }
    RegCloseKey(key);
    return status == ERROR_NO_MORE_ITEMS ? ERROR_SUCCESS : status;
}

LSTATUS oq_reg_may_move_tree(const wchar_t *path)
{
    return may_delete(HKEY_LOCAL_MACHINE, path, view);
}

static LSTATUS copy_tree(const wchar_t *from, const wchar_t *to)
{
    HKEY source = NULL, target = NULL;
    LSTATUS status = open_key(from, KEY_READ, &source);

    if (status == ERROR_SUCCESS)
        status = create_key(to, KEY_ALL_ACCESS, &target);
    if (status == ERROR_SUCCESS)
        status = RegCopyTreeW(source, NULL, target);
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
