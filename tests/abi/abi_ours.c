/* abi_ours.c: what the generated openqmgr.h makes of the contract. */
#define CINTERFACE
#include "openqmgr.h"

#define ABI_TABLE abi_ours
#include "abi_contract.inc"
