/*
 * abi_both.c: the tool chain's qmgr.h and our header in one translation unit, as in a program that
 * is being moved from one to the other; abi_both_reversed.c has them the other way round. That both
 * compile is the test.
 */
#include <qmgr.h>

#include "openqmgr.h"

extern const void *const abi_both[];
const void *const abi_both[] = {&IID_IBackgroundCopyQMgr, &CLSID_BackgroundCopyQMgr,
                                &CLSID_OpenQmgr};
