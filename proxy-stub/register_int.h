/*
 * register_int.h: what registering OpenQMGR means.
 *
 * Owns these keys of HKEY_LOCAL_MACHINE\SOFTWARE, each in the registry view of the DLL's own
 * architecture, and nothing else there:
 *
 *   Classes\CLSID\{2d4f24d9-...}      the marshaller: this DLL, threading model Both
 *   Classes\CLSID\{cff5ca3f-...}      our class, AppID ours: always
 *   Classes\CLSID\{69ad4aee-...}      the legacy class, AppID ours: when nobody owns it
 *   Classes\AppID\{427b9071-...}      LocalService and permissions: not by a 32-bit DLL on 64-bit
 *                                     Windows, whose two views share this key
 *   Classes\Interface\{...}           each interface of openqmgr.idl that nobody owns
 *   OpenQMGR\Saved\...                what the keys held before we took them, to be given back
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
 * owns; what they held is saved first. May be repeated. When it fails and nothing was registered
 * before, what it wrote is removed again.
 */
HRESULT oq_register_all(bool take_over);

/* Removes what is ours and gives back what was taken over. Goes on after a failure, and returns the
 * first one; success when nothing is registered. */
HRESULT oq_register_remove(void);

/* Gives back what was taken over and nothing else. */
HRESULT oq_register_give_back(void);

#endif
