/*
 * registry_int.h: the few operations on HKEY_LOCAL_MACHINE that registration is made of.
 *
 * Owns the choice of the registry view and knows nothing of COM. Every path is relative to
 * HKEY_LOCAL_MACHINE. One thread at a time. Functions return a Win32 code, ERROR_SUCCESS when all
 * is done; none leaves a key open.
 */
#ifndef OQ_PROXY_STUB_REGISTRY_INT_H
#define OQ_PROXY_STUB_REGISTRY_INT_H

#include <stdbool.h>
#include <windows.h>

#define OQ_REG_MUST_CHECK __attribute__((warn_unused_result))

/* The view that all functions use from now on: 0, that of the DLL's own architecture, as at the
 * start; KEY_WOW64_32KEY, that of 32-bit programs (page "Accessing an Alternate Registry View"). */
void oq_reg_use_view(REGSAM wanted);

/* Says whether the key exists. A key that may not be opened for reading counts as existing. */
bool oq_reg_has_key(const wchar_t *path);

/* Says whether the key's value (NULL: its default value) is this text, in any case of letters. */
bool oq_reg_is_text(const wchar_t *path, const wchar_t *name, const wchar_t *text);

/* Writes a text value (name NULL: the default value); makes the key and its parents. */
OQ_REG_MUST_CHECK LSTATUS oq_reg_save_text(const wchar_t *path, const wchar_t *name,
                                           const wchar_t *text);

/* Writes a binary value of size_bytes; makes the key and its parents. */
OQ_REG_MUST_CHECK LSTATUS oq_reg_save_bytes(const wchar_t *path, const wchar_t *name,
                                            const void *bytes, DWORD size_bytes);

/* Deletes the key with all below it; success when it does not exist. */
OQ_REG_MUST_CHECK LSTATUS oq_reg_delete_tree(const wchar_t *path);

/* Deletes the key if it has neither values nor subkeys; success when it has, or does not exist. */
OQ_REG_MUST_CHECK LSTATUS oq_reg_delete_empty(const wchar_t *path);

/* Whether oq_reg_move_tree of that key would be allowed to: opens it and all below it for deleting.
 * ERROR_ACCESS_DENIED; success when it does not exist. */
OQ_REG_MUST_CHECK LSTATUS oq_reg_may_move_tree(const wchar_t *path);

/*
 * Moves the key from with all below it to the key to, replacing what is there. Copies everything
 * first and deletes afterwards; when deleting fails half-way, what is gone is put back. Repeating
 * the move, or deleting the copy, brings order back. Security descriptors stay behind, the new keys
 * inherit theirs.
 */
OQ_REG_MUST_CHECK LSTATUS oq_reg_move_tree(const wchar_t *from, const wchar_t *to);

#endif
