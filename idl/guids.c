/*
 * guids.c: defines the identifiers of openqmgr.idl that widl does not define, because they name no
 * interface and no class. Owns nothing else.
 */
#include "openqmgr.h"

/* {427b9071-b50d-4af4-b082-3e4362fb76dc}: the application under which COM starts the service */
const GUID APPID_OpenQmgr = {
    0x427b9071, 0xb50d, 0x4af4, {0xb0, 0x82, 0x3e, 0x43, 0x62, 0xfb, 0x76, 0xdc}};

/* {2d4f24d9-9292-4e6c-aedd-46ec4613da2b}: the marshaller of all our interfaces, qmgrps.dll */
const CLSID CLSID_OpenQmgrProxyStub = {
    0x2d4f24d9, 0x9292, 0x4e6c, {0xae, 0xdd, 0x46, 0xec, 0x46, 0x13, 0xda, 0x2b}};
