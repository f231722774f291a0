/* result.c - see result_int.h. */
#include "result_int.h"

#include "args_int.h"

#include <stdio.h>
#include <string.h>

#define WIN32_HR(code) (0x80070000u | (code))
#define NOT_INSTALLED                                                                              \
    "the OpenQMGR service is not installed on this computer; an administrator installs it with "   \
    "'qmgrsvc install'"

enum kind {
    OTHER,
    LOST,      /* connecting again may help */
    PERMANENT, /* connecting again does not help */
};

/* clang-format off */
static const struct {
    uint32_t hr;
    enum kind kind;
    const char *words;
} table[] = {
    /* no service */
    {0x80040154u, PERMANENT, NOT_INSTALLED}, /* REGDB_E_CLASSNOTREG */
    {WIN32_HR(1060), PERMANENT, NOT_INSTALLED}, /* ERROR_SERVICE_DOES_NOT_EXIST */
    {0x80040155u, PERMANENT, /* REGDB_E_IIDNOTREG */
     "qmgrps.dll is not registered; an administrator registers it with 'regsvr32 qmgrps.dll'"},
    {0x80004002u, PERMANENT, /* E_NOINTERFACE */
     "the service does not know the QMGR interfaces, or qmgrps.dll is not registered"},
    {WIN32_HR(1058), PERMANENT, "the OpenQMGR service is disabled"}, /* ERROR_SERVICE_DISABLED */
    {WIN32_HR(1068), OTHER, /* ERROR_SERVICE_DEPENDENCY_FAIL */
     "the OpenQMGR service does not start: a service that it depends on is not running"},
    {WIN32_HR(1069), PERMANENT, /* ERROR_SERVICE_LOGON_FAILED */
     "the OpenQMGR service does not start: its account could not log on"},
    {0x80080005u, OTHER, /* CO_E_SERVER_EXEC_FAILURE */
     "the OpenQMGR service does not start; see its log"},
    {WIN32_HR(1053), OTHER, /* ERROR_SERVICE_REQUEST_TIMEOUT */
     "the OpenQMGR service does not start in time; see its log"},
    {WIN32_HR(1067), OTHER, /* ERROR_PROCESS_ABORTED */
     "the OpenQMGR service stopped at once when it was started; see its log"},
    {WIN32_HR(1066), OTHER, /* ERROR_SERVICE_SPECIFIC_ERROR */
     "the OpenQMGR service stopped with an error; see its log"},
    {WIN32_HR(1062), PERMANENT, /* ERROR_SERVICE_NOT_ACTIVE */
     "the OpenQMGR service was stopped; the downloads continue when it is started again"},
    {WIN32_HR(1061), LOST, /* ERROR_SERVICE_CANNOT_ACCEPT_CTRL */
     "the OpenQMGR service is starting or stopping"},
    {WIN32_HR(1056), LOST, /* ERROR_SERVICE_ALREADY_RUNNING */
     "the OpenQMGR service is stopping"},
    {0x800401F0u, OTHER, "COM was not initialised"}, /* CO_E_NOTINITIALIZED */

    /* the connection */
    {0x80010108u, LOST, "the OpenQMGR service stopped"}, /* RPC_E_DISCONNECTED */
    {0x80010007u, LOST, "the OpenQMGR service stopped during the call"}, /* RPC_E_SERVER_DIED */
    {0x80010012u, LOST, "the OpenQMGR service stopped"}, /* RPC_E_SERVER_DIED_DNE */
    {0x800401FDu, LOST, "the OpenQMGR service stopped"}, /* CO_E_OBJNOTCONNECTED */
    {0x80080008u, LOST, "the OpenQMGR service is stopping"}, /* CO_E_SERVER_STOPPING */
    {WIN32_HR(1717), LOST, "the OpenQMGR service is stopping"}, /* RPC_S_UNKNOWN_IF */
    {WIN32_HR(1722), LOST, "the OpenQMGR service cannot be reached"}, /* RPC_S_SERVER_UNAVAILABLE */
    {WIN32_HR(1726), LOST, "the OpenQMGR service stopped during the call"}, /* RPC_S_CALL_FAILED */
    {WIN32_HR(1727), LOST, "the OpenQMGR service stopped"}, /* RPC_S_CALL_FAILED_DNE */
    {WIN32_HR(1818), LOST, /* RPC_S_CALL_CANCELLED */
     "the call to the OpenQMGR service was cancelled"},
    {WIN32_HR(109), LOST, "the OpenQMGR service stopped"}, /* ERROR_BROKEN_PIPE */
    {WIN32_HR(233), LOST, "the OpenQMGR service stopped"}, /* ERROR_PIPE_NOT_CONNECTED */
    {0x81001002u, LOST, "the OpenQMGR service is stopping"}, /* QM_E_SERVICE_UNAVAILABLE */
    {0x81001003u, OTHER, /* QM_E_DOWNLOADER_UNAVAILABLE */
     "the OpenQMGR service could not set up its network transport"},
    {0x80010117u, OTHER, /* RPC_E_CALL_COMPLETE */
     "the OpenQMGR service could not identify the caller"},

    /* results of calls */
    {0x81001001u, OTHER, /* QM_E_INVALID_STATE */
     "that cannot be done in the state the download is in"},
    {0x81001004u, OTHER, "there is no such download in the queue"}, /* QM_E_ITEM_NOT_FOUND */
    {0x80070057u, OTHER, "the service refused a name or a value"}, /* E_INVALIDARG */
    {0x80070005u, PERMANENT, "access is denied"}, /* E_ACCESSDENIED */
    {WIN32_HR(1260), PERMANENT, /* ERROR_ACCESS_DISABLED_BY_POLICY */
     "group policy sets that, which takes precedence"},
    {0x80004001u, OTHER, "the service does not support that"}, /* E_NOTIMPL */
    {0x8007000Eu, OTHER, "there is not enough memory"}, /* E_OUTOFMEMORY */
    {0x8000FFFFu, OTHER, /* E_UNEXPECTED */
     "the service encountered an unexpected error; see its log"},
    {0x80004005u, OTHER, /* E_FAIL */
     "the service failed without a reason; see its log"},
    {0x80004004u, OTHER, "interrupted"}, /* E_ABORT */
    {0x80200003u, OTHER, "there is no file to download"}, /* BG_E_EMPTY */
    {0x80200014u, OTHER, /* BG_E_REMOTE_NOT_SUPPORTED */
     "the service cannot be used from another computer"},
    {0x80200049u, OTHER, /* BG_E_TOO_MANY_JOBS_PER_USER */
     "you have too many downloads in the queue; cancel some, or let some finish"},
    {0x80200050u, OTHER, /* BG_E_TOO_MANY_JOBS_PER_MACHINE */
     "there are too many downloads in this computer's queue"},
    {0x80200051u, OTHER, /* BG_E_TOO_MANY_FILES_IN_JOB */
     "there are too many files in the download"},

    /* failures of a download, if the service gives no text */
    {WIN32_HR(2), OTHER, "the file was not found"}, /* ERROR_FILE_NOT_FOUND */
    {WIN32_HR(3), OTHER, "the folder does not exist"}, /* ERROR_PATH_NOT_FOUND */
    {WIN32_HR(32), OTHER, "the file is open in another program"}, /* ERROR_SHARING_VIOLATION */
    {WIN32_HR(39), OTHER, "the disk is full"}, /* ERROR_HANDLE_DISK_FULL */
    {WIN32_HR(112), OTHER, "the disk is full"}, /* ERROR_DISK_FULL */
    {WIN32_HR(323), OTHER, /* ERROR_DATA_CHECKSUM_ERROR */
     "checksum mismatch: the file is not the expected one"},
    {WIN32_HR(58), OTHER, "the server sent an invalid response"}, /* ERROR_BAD_NET_RESP */
    {0x80200016u, OTHER, /* BG_E_NEW_OWNER_NO_FILE_ACCESS */
     "the new owner has no access to the unfinished file"},
    {0x80200010u, OTHER, "no network is connected"}, /* BG_E_NETWORK_DISCONNECTED */
    {0x80072EE2u, OTHER, "the server took too long"}, /* ERROR_INTERNET_TIMEOUT */
    {0x80072EE7u, OTHER, /* ERROR_INTERNET_NAME_NOT_RESOLVED */
     "the server's name could not be found"},
    {0x80072EFDu, OTHER, "could not connect to the server"}, /* ERROR_INTERNET_CANNOT_CONNECT */
    {0x80072EFEu, OTHER, "the connection was aborted"}, /* ERROR_INTERNET_CONNECTION_ABORTED */
    {0x80072F06u, OTHER, /* ERROR_INTERNET_SEC_CERT_CN_INVALID */
     "the server's certificate is for another name"},
    {0x80072F05u, OTHER, /* ERROR_INTERNET_SEC_CERT_DATE_INVALID */
     "the server's certificate has expired"},
    {0x80072F0Du, OTHER, /* ERROR_INTERNET_INVALID_CA */
     "the server's certificate is from an authority that this computer does not trust"},
    {0x80072F7Du, OTHER, /* ERROR_INTERNET_SECURE_CHANNEL_ERROR */
     "no secure connection to the server could be made"},
};
/* clang-format on */

#define ROWS (sizeof table / sizeof table[0])

static size_t find_row(uint32_t hr)
{
    size_t row = 0;

    while (row < ROWS && table[row].hr != hr)
        row++;
    return row;
}

const char *oq_result_text(uint32_t hr)
{
    size_t row = find_row(hr);

    return row < ROWS ? table[row].words : NULL;
}

bool oq_result_is_disconnect(uint32_t hr)
{
    size_t row = find_row(hr);

    return row < ROWS && table[row].kind == LOST;
}

bool oq_result_is_permanent(uint32_t hr)
{
    size_t row = find_row(hr);

    return row < ROWS && table[row].kind == PERMANENT;
}

void oq_result_http_text(uint32_t status, char text[OQ_RESULT_HTTP])
{
    static const struct {
        uint32_t status;
        const char *words;
    } known[] = {
        {400, "bad request"},
        {401, "authentication required"},
        {403, "forbidden"},
        {404, "not found"},
        {407, "proxy authentication required"},
        {408, "the request took too long"},
        {410, "gone"},
        {414, "the address is too long"},
        {416, "no such range"},
        {429, "too many requests"},
        {500, "internal error"},
        {501, "not implemented"},
        {502, "bad gateway"},
        {503, "service unavailable"},
        {504, "gateway time-out"},
        {505, "HTTP version not supported"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].status == status) {
            snprintf(text, OQ_RESULT_HTTP, "the server answered %u (%s)", status, known[i].words);
            return;
        }
    }
    snprintf(text, OQ_RESULT_HTTP, "the server answered %u", status);
}

int oq_result_exit(uint32_t hr)
{
    static const struct {
        uint32_t hr;
        int status;
    } rows[] = {
        {0x80190191u, OQ_EXIT_DENIED},      /* 401 */
        {0x80190193u, OQ_EXIT_DENIED},      /* 403 */
        {0x80190194u, OQ_EXIT_NOT_FOUND},   /* 404 */
        {0x80190197u, OQ_EXIT_DENIED},      /* 407 */
        {0x8019019Au, OQ_EXIT_NOT_FOUND},   /* 410 */
        {0x80070005u, OQ_EXIT_DENIED},      /* E_ACCESSDENIED */
        {WIN32_HR(1260), OQ_EXIT_DENIED},   /* ERROR_ACCESS_DISABLED_BY_POLICY */
        {WIN32_HR(2), OQ_EXIT_DISK},        /* ERROR_FILE_NOT_FOUND */
        {WIN32_HR(3), OQ_EXIT_DISK},        /* ERROR_PATH_NOT_FOUND */
        {WIN32_HR(19), OQ_EXIT_DISK},       /* ERROR_WRITE_PROTECT */
        {WIN32_HR(29), OQ_EXIT_DISK},       /* ERROR_WRITE_FAULT */
        {WIN32_HR(32), OQ_EXIT_DISK},       /* ERROR_SHARING_VIOLATION */
        {WIN32_HR(39), OQ_EXIT_DISK},       /* ERROR_HANDLE_DISK_FULL */
        {WIN32_HR(112), OQ_EXIT_DISK},      /* ERROR_DISK_FULL */
        {WIN32_HR(58), OQ_EXIT_SERVER},     /* ERROR_BAD_NET_RESP */
        {WIN32_HR(323), OQ_EXIT_CHECKSUM},  /* ERROR_DATA_CHECKSUM_ERROR */
        {0x80200005u, OQ_EXIT_SERVER},      /* BG_E_PROTOCOL_NOT_AVAILABLE */
        {0x80200010u, OQ_EXIT_NETWORK},     /* BG_E_NETWORK_DISCONNECTED */
        {0x80200012u, OQ_EXIT_SERVER},      /* BG_E_INSUFFICIENT_HTTP_SUPPORT */
        {0x8020001Bu, OQ_EXIT_SERVER},      /* BG_E_INVALID_SERVER_RESPONSE */
        {0x8020002Du, OQ_EXIT_NETWORK},     /* BG_E_CONNECT_FAILURE */
        {0x8020002Eu, OQ_EXIT_NETWORK},     /* BG_E_CONNECTION_CLOSED */
        {0x80200031u, OQ_EXIT_NETWORK},     /* BG_E_NAME_RESOLUTION_FAILURE */
        {0x80200035u, OQ_EXIT_NETWORK},     /* BG_E_PROXY_NAME_RESOLUTION_FAILURE */
        {0x80200038u, OQ_EXIT_NETWORK},     /* BG_E_SECURE_CHANNEL_FAILURE */
        {0x8020003Au, OQ_EXIT_SERVER},      /* BG_E_SERVER_PROTOCOL_VIOLATION */
        {0x8020003Bu, OQ_EXIT_NETWORK},     /* BG_E_TIMEOUT */
        {0x80092010u, OQ_EXIT_NETWORK},     /* CRYPT_E_REVOKED */
        {0x81001004u, OQ_EXIT_NO_GROUP},    /* QM_E_ITEM_NOT_FOUND */
        {0x80004004u, OQ_EXIT_INTERRUPTED}, /* E_ABORT */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].hr == hr)
            return rows[i].status;
    }
    if ((hr & 0xffff0000u) == 0x80190000u)
        return OQ_EXIT_SERVER;
    if ((hr >= 0x80072EE0u && hr <= 0x80072FFFu) || /* ERROR_INTERNET_* */
        (hr & 0xffffff00u) == 0x800B0100u)          /* CERT_E_* */
        return OQ_EXIT_NETWORK;
    size_t row = find_row(hr);
    bool is_service = row < ROWS && (table[row].kind == LOST || table[row].kind == PERMANENT ||
                                     strstr(table[row].words, "OpenQMGR service"));
    return is_service ? OQ_EXIT_SERVICE : OQ_EXIT_FAILED;
}
