/*
 * abi_int.h: the form in which a translation unit tells what a header made of the contract.
 *
 * Two units, abi_ours.c with the generated openqmgr.h and abi_mingw.c with the tool chain's own
 * qmgr.h, include abi_contract.inc and so fill a table each. test_abi.c compares the tables.
 */
#ifndef OQ_TESTS_ABI_INT_H
#define OQ_TESTS_ABI_INT_H

struct abi_entry {
    const char *name;
    unsigned long value;
};

/* each ends with an entry without a name */
extern const struct abi_entry abi_ours[];
extern const struct abi_entry abi_mingw[];

#endif
