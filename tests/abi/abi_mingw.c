/* abi_mingw.c: what the tool chain's own qmgr.h, an independent witness, makes of the contract. */
#define CINTERFACE
#include <qmgr.h>

#define ABI_TABLE abi_mingw
#include "abi_contract.inc"

#ifdef __openqmgr_h__
#error "the witness must not see our header"
#endif
