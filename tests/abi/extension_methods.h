/*
 * extension_methods.h: every method of the extension interfaces, one line each. The scripted
 * objects of the service's side (marshal_objects.c) and the calls of the client's side
 * (test_marshal_extension.c) are both made from it.
 *
 * A line has the interface, the method and the kinds of its parameters. A new method with
 * parameters of these kinds needs a line here, and nothing else.
 *
 *   IN_NUMBER IN_NUMBER64 IN_FLAG IN_HASH IN_TEXT IN_BYTES IN_GUID
 *   OUT_NUMBER64 OUT_HASH OUT_SOURCE OUT_TEXT OUT_BYTES OUT_GROUP OUT_INFO OUT_FILE OUT_SETTINGS
 */
#ifndef OQ_TESTS_ABI_EXTENSION_METHODS_H
#define OQ_TESTS_ABI_EXTENSION_METHODS_H

#include "openqmgr.h"

/* clang-format off */
#define MANAGER_METHODS(M1, M2, M4) \
    M2(IOpenQmgrManager, OpenGroup,   IN_GUID, OUT_GROUP) \
    M2(IOpenQmgrManager, GetGroups,   IN_NUMBER64, OUT_BYTES) \
    M4(IOpenQmgrManager, GetSettings, OUT_SETTINGS, OUT_TEXT, OUT_TEXT, OUT_TEXT) \
    M1(IOpenQmgrManager, SetLimit,    IN_NUMBER) \
    M1(IOpenQmgrManager, SetPaused,   IN_FLAG)

#define GROUP_METHODS(M1, M2, M3, M4, M5) \
    M1(IOpenQmgrGroup, GetInfo,    OUT_INFO) \
    M1(IOpenQmgrGroup, SetMaxRate, IN_NUMBER64) \
    M5(IOpenQmgrGroup, GetFile,    IN_NUMBER, OUT_FILE, OUT_TEXT, OUT_TEXT, OUT_TEXT) \
    M4(IOpenQmgrGroup, GetSource,  IN_NUMBER, IN_NUMBER, OUT_SOURCE, OUT_TEXT) \
    M2(IOpenQmgrGroup, AddSource,  IN_NUMBER, IN_TEXT) \
    M3(IOpenQmgrGroup, SetUrl,     IN_NUMBER, IN_NUMBER, IN_TEXT) \
    M3(IOpenQmgrGroup, SetHash,    IN_NUMBER, IN_TEXT, IN_NUMBER64) \
    M4(IOpenQmgrGroup, SetPieces,  IN_NUMBER, IN_HASH, IN_NUMBER64, IN_BYTES) \
    M4(IOpenQmgrGroup, GetPieces,  IN_NUMBER, OUT_HASH, OUT_NUMBER64, OUT_BYTES)
/* clang-format on */

/* What the service's side answers with in the n-th parameter. */
#define ANSWER_NUMBER64(n) (0x1122334455667788ULL + (n))
#define ANSWER_HASH OPENQMGR_HASH_SHA512
#define ANSWER_SOURCE OPENQMGR_SOURCE_WRONG
#define ANSWER_BYTES 1000000u /* of them, the i-th is ANSWER_BYTE(i), as in structs */
#define ANSWER_BYTE(i) ((BYTE)(7 * (i) + 1))

#endif
