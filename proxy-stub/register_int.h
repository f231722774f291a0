/*
 * register_int.h: what registering OpenQMGR means.
 *
 * Owns these keys of HKEY_LOCAL_MACHINE\SOFTWARE, and nothing else there:
 *
 *   Classes\CLSID\{2d4f24d9-...}      the marshaller: the DLL, threading model Both
 *   Classes\CLSID\{cff5ca3f-...}      our class, AppID ours: always
 *   Classes\CLSID\{69ad4aee-...}      the legacy class, AppID ours: when nobody owns it
 *   Classes\AppID\{427b9071-...}      LocalService and permissions: not by a 32-bit DLL on 64-bit
 *                                     Windows, whose two views share this key
 *   Classes\Interface\{...}           each interface of openqmgr.idl that nobody owns
 *   OpenQMGR\Saved\...                what the keys held before we took them, to be given back
 *
 * The 64-bit DLL does all that in the registry view of 64-bit programs, and, if qmgrps32.dll lies
 * beside it, also in that of 32-bit programs, with that DLL as their marshaller. It removes from
 * both in any case. A 32-bit DLL knows its own view only.
 *
 * Classes\AppID\{69ad4aee-...} is the BITS service's; nothing here ever writes to it.
 *
 * A key is ours when it names our marshaller or our AppID. Ours may be written again and are
 * removed by unregistering; somebody else's are left alone unless a take-over was asked for. One
 * process at a time; the caller is an administrator.
 */
#ifndef OQ_PROXY_STUB_REGISTER_INT_H
#define OQ_PROXY_STUB_REGISTER_INT_H

#include <stdbool.h>
#include <windows.h>

/*
 * Registers everything. With take_over, also the legacy class and the interfaces that somebody else
 * owns; what they held is saved first. May be repeated.
 *
 * All or nothing: whether every key of somebody else may be moved is tried before anything is
 * written, and what fails later is undone. HRESULT of ERROR_PRIVILEGE_NOT_HELD: a key that would
 * have to be moved belongs to Windows (TrustedInstaller), and administrators may only read it; that
 * of ERROR_ACCESS_DENIED: the caller is no administrator.
 */
HRESULT oq_register_all(bool take_over);

/* Removes what is ours and gives back what was taken over. Goes on after a failure, and returns the
 * first one; success when nothing is registered. */
HRESULT oq_register_remove(void);

/* Gives back what was taken over and nothing else. */
HRESULT oq_register_give_back(void);

#endif
