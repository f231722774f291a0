/* abi_both_reversed.c: as abi_both.c, with our header first. */
#include "openqmgr.h"

#include <qmgr.h>

extern const void *const abi_both_reversed[];
const void *const abi_both_reversed[] = {&IID_IBackgroundCopyQMgr, &CLSID_BackgroundCopyQMgr,
                                         &CLSID_OpenQmgr};
