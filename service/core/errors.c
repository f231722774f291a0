/* errors.c - the one table of what failures mean, in four parts: HTTP statuses, network, outcomes
 * of the file port and the database, and Win32 codes for those outcomes that say only "it did not
 * work".
 *
 * Pure. A line is the whole truth about its failure. What has no line is fatal.
 */
#include "oq_errors.h"

#include <stdio.h>

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define HTTP_CODE(status) (UINT32_C(0x80190000) + (status))
#define WIN32_CODE(win32) (UINT32_C(0x80070000) | (win32))

enum { TRANSIENT = true, FATAL = false };

/* Win32 codes of contract D20 for HTTP statuses. */
enum {
    WIN32_FILE_NOT_FOUND = 2,
    WIN32_ACCESS_DENIED = 5,
    WIN32_BAD_NET_RESP = 58,
};

/* bits-return-values, as in Microsoft's bitsmsg.h. */
#define BG_E_PROTOCOL_NOT_AVAILABLE UINT32_C(0x80200005)
#define BG_E_NETWORK_DISCONNECTED UINT32_C(0x80200010)
#define BG_E_INSUFFICIENT_HTTP_SUPPORT UINT32_C(0x80200012)
#define BG_E_INVALID_SERVER_RESPONSE UINT32_C(0x8020001B)
#define BG_E_CONNECT_FAILURE UINT32_C(0x8020002D)
#define BG_E_CONNECTION_CLOSED UINT32_C(0x8020002E)
#define BG_E_NAME_RESOLUTION_FAILURE UINT32_C(0x80200031)
#define BG_E_PROXY_NAME_RESOLUTION_FAILURE UINT32_C(0x80200035)
#define BG_E_SECURE_CHANNEL_FAILURE UINT32_C(0x80200038)
#define BG_E_SERVER_PROTOCOL_VIOLATION UINT32_C(0x8020003A)
#define BG_E_TIMEOUT UINT32_C(0x8020003B)
#define BG_E_UNKNOWN_ERROR UINT32_C(0x8020003D)

/* winerror.h */
#define CERT_E_EXPIRED UINT32_C(0x800B0101)
#define CERT_E_UNTRUSTEDROOT UINT32_C(0x800B0109)
#define CERT_E_CN_NO_MATCH UINT32_C(0x800B010F)
#define CRYPT_E_REVOKED UINT32_C(0x80092010)

/* --- HTTP statuses --- */

struct http_row {
    uint32_t status;
    bool is_transient;
    uint32_t win32;
    const char *sentence; /* without the full stop and the number */
};

/* Transient by contract A.1: 408, 429, 500, 502, 503, 504. Beyond it: 425 asks for the same request
 * once more (RFC 8470, 5.2); 509, 511, 520 to 525, 527, 530, 598 and 599 are not in the contract
 * and are what hosting companies, captive portals and gateways say instead of 502, 503 and 504.
 * 202 is what a server says that makes the file first. Other success statuses without the file and
 * redirects that lead nowhere are fatal: a repeat would give the same, and taking them for success
 * would be worse. 421 is not sent to a
 * client that keeps to one host per connection. */
/* clang-format off */
static const struct http_row http_rows[] = {
    {202, TRANSIENT, WIN32_BAD_NET_RESP,
     "Accepted: the server has not made the file yet"},
    {204, FATAL,     WIN32_BAD_NET_RESP,
     "No content: the server has no file at this URL; check the URL"},
    {205, FATAL,     WIN32_BAD_NET_RESP,
     "Reset content: the server has no file at this URL; check the URL"},
    {300, FATAL,     WIN32_BAD_NET_RESP,
     "Multiple choices: the server offers several versions of the file; use the URL of "
     "one of them"},
    {304, FATAL,     WIN32_BAD_NET_RESP,
     "Not modified: the server answers a condition that was not sent; report it to the "
     "server's operator"},
    {305, FATAL,     WIN32_BAD_NET_RESP,
     "Use proxy: the server requires another proxy; set that proxy"},
    {400, FATAL,     WIN32_BAD_NET_RESP,
     "Bad request: the server does not understand the request; check the URL"},
    {401, FATAL,     WIN32_ACCESS_DENIED,
     "Unauthorized: the server requires a user name and a password, or those given are wrong"},
    {402, FATAL,     WIN32_BAD_NET_RESP,
     "Payment required"},
    {403, FATAL,     WIN32_ACCESS_DENIED,
     "Forbidden: the server denies access to the file; the URL may have expired, or "
     "permission is missing"},
    {404, FATAL,     WIN32_FILE_NOT_FOUND,
     "Not found: the file is not on the server; check the URL"},
    {405, FATAL,     WIN32_BAD_NET_RESP,
     "Method not allowed: the server does not offer this URL for download; check the URL"},
    {406, FATAL,     WIN32_BAD_NET_RESP,
     "Not acceptable: the server does not have the file in a form that can be downloaded"},
    {407, FATAL,     WIN32_ACCESS_DENIED,
     "Proxy authentication required: the proxy requires a user name and a password, or "
     "those given are wrong"},
    {408, TRANSIENT, WIN32_BAD_NET_RESP,
     "Request timeout: the server waited too long for the request"},
    {409, FATAL,     WIN32_BAD_NET_RESP,
     "Conflict: the file is in a state in which the server cannot send it; try again later"},
    {410, FATAL,     WIN32_FILE_NOT_FOUND,
     "Gone: the file was removed from the server for good; look for a new URL"},
    {414, FATAL,     WIN32_BAD_NET_RESP,
     "URI too long: the server does not accept a URL of this length"},
    {416, FATAL,     WIN32_BAD_NET_RESP,
     "Range not satisfiable: the server does not send the file, whole or in parts; report "
     "it to the server's operator"},
    {423, FATAL,     WIN32_BAD_NET_RESP,
     "Locked: the file is locked on the server; try again later"},
    {425, TRANSIENT, WIN32_BAD_NET_RESP,
     "Too early: the server requires the request to be repeated"},
    {429, TRANSIENT, WIN32_BAD_NET_RESP,
     "Too many requests: the server limits the rate of requests"},
    {451, FATAL,     WIN32_BAD_NET_RESP,
     "Unavailable for legal reasons"},
    {500, TRANSIENT, WIN32_BAD_NET_RESP,
     "Internal server error"},
    {501, FATAL,     WIN32_BAD_NET_RESP,
     "Not implemented: the server does not support the request"},
    {502, TRANSIENT, WIN32_BAD_NET_RESP,
     "Bad gateway: a proxy or gateway got an invalid response from upstream"},
    {503, TRANSIENT, WIN32_BAD_NET_RESP,
     "Service unavailable: the server is overloaded or down for maintenance"},
    {504, TRANSIENT, WIN32_BAD_NET_RESP,
     "Gateway timeout: a proxy or gateway got no response from upstream in time"},
    {505, FATAL,     WIN32_BAD_NET_RESP,
     "HTTP version not supported: the server does not accept the version used for downloads"},
    {509, TRANSIENT, WIN32_BAD_NET_RESP,
     "Bandwidth limit exceeded: the server has used up its traffic allowance"},
    {511, TRANSIENT, WIN32_BAD_NET_RESP,
     "Network authentication required: sign in to the network with a web browser"},
    {520, TRANSIENT, WIN32_BAD_NET_RESP,
     "Unknown error: a gateway got an invalid response from the origin server"},
    {521, TRANSIENT, WIN32_BAD_NET_RESP,
     "Web server is down: the origin server refuses connections from the gateway"},
    {522, TRANSIENT, WIN32_BAD_NET_RESP,
     "Connection timed out: the gateway got no connection to the origin server"},
    {523, TRANSIENT, WIN32_BAD_NET_RESP,
     "Origin is unreachable: the gateway has no route to the origin server"},
    {524, TRANSIENT, WIN32_BAD_NET_RESP,
     "A timeout occurred: the gateway got no response from the origin server in time"},
    {525, TRANSIENT, WIN32_BAD_NET_RESP,
     "SSL handshake failed: the gateway and the origin server found no common encryption"},
    {526, FATAL,     WIN32_BAD_NET_RESP,
     "Invalid SSL certificate: the gateway does not trust the origin server; report it to "
     "the site's operator"},
    {527, TRANSIENT, WIN32_BAD_NET_RESP,
     "Railgun error: a gateway got an invalid response from the origin server"},
    {530, TRANSIENT, WIN32_BAD_NET_RESP,
     "Origin DNS error: the gateway cannot resolve the origin server"},
    {598, TRANSIENT, WIN32_BAD_NET_RESP,
     "Network read timeout: the proxy got no response from the server in time"},
    {599, TRANSIENT, WIN32_BAD_NET_RESP,
     "Network connect timeout: the proxy got no connection to the server in time"},
};
/* clang-format on */

static const struct http_row *find_http(uint32_t status)
{
    for (size_t i = 0; i < ARRAY_LENGTH(http_rows); i++) {
        if (http_rows[i].status == status)
            return &http_rows[i];
    }
    return NULL;
}

/* A status is three digits (RFC 9110, 15). */
static bool is_http_status(uint32_t status)
{
    return status >= 100 && status <= 999;
}

struct oq_verdict oq_errors_http(uint32_t http_status)
{
    const struct http_row *row = find_http(http_status);
    struct oq_verdict verdict = {FATAL, HTTP_CODE(http_status), WIN32_BAD_NET_RESP, http_status};

    if (!is_http_status(http_status))
        return oq_errors_net(OQ_NET_PROTOCOL);
    if (row) {
        verdict.is_transient = row->is_transient;
        verdict.win32 = row->win32;
    }
    return verdict;
}

static const char *class_sentence(uint32_t status)
{
    if (status < 200)
        return "Unexpected informational response: the server sends no file";
    if (status < 300)
        return "Unexpected success status: the server sends no file; check the URL";
    if (status < 400)
        return "Redirect without a usable target; check the URL";
    if (status < 500)
        return "Client error: the server refuses the request; check the URL";
    return status < 600 ? "Server error: the server cannot send the file" : "Unknown HTTP status";
}

void oq_errors_describe_http(uint32_t http_status, char *text, size_t capacity)
{
    const struct http_row *row = find_http(http_status);

    if (capacity == 0)
        return;
    if (!is_http_status(http_status))
        (void)snprintf(text, capacity, "%s", oq_errors_describe_net(OQ_NET_PROTOCOL));
    else
        (void)snprintf(text, capacity, "%s (HTTP %u).",
                       row ? row->sentence : class_sentence(http_status), (unsigned)http_status);
}

/* --- network --- */

struct net_row {
    bool is_transient;
    uint32_t code;
    const char *sentence;
};

/* PROTOCOL, TOO_LONG and ENCODED are fatal: the server has spoken, and a server that breaks the
 * rules will do so again. What a cut connection can explain is CUT. TLS is transient because a
 * handshake that ends early looks the same as one that finds no common cipher. */
/* clang-format off */
static const struct net_row net_rows[OQ_NET_ERROR_COUNT] = {
    [OQ_NET_NONE]               = {FATAL,     BG_E_UNKNOWN_ERROR,
     "Unknown network error."},
    [OQ_NET_RESOLVE]            = {TRANSIENT, BG_E_NAME_RESOLUTION_FAILURE,
     "Host not found: the name of the server has no address; check the URL and the "
     "network connection."},
    [OQ_NET_RESOLVE_PROXY]      = {TRANSIENT, BG_E_PROXY_NAME_RESOLUTION_FAILURE,
     "Proxy host not found: the name of the proxy has no address; check the proxy "
     "settings and the network connection."},
    [OQ_NET_CONNECT]            = {TRANSIENT, BG_E_CONNECT_FAILURE,
     "Connection failed: the server is down, or a firewall blocks the connection."},
    [OQ_NET_OFFLINE]            = {TRANSIENT, BG_E_NETWORK_DISCONNECTED,
     "No network connection: the download continues when this computer has one."},
    [OQ_NET_TIMEOUT]            = {TRANSIENT, BG_E_TIMEOUT,
     "Connection timed out: the server did not answer in time."},
    [OQ_NET_STALLED]            = {TRANSIENT, BG_E_TIMEOUT,
     "Transfer stalled: the server stopped sending; the download continues with a new "
     "connection."},
    [OQ_NET_CUT]                = {TRANSIENT, BG_E_CONNECTION_CLOSED,
     "Connection closed before the end of the file; the download continues with a new "
     "connection."},
    [OQ_NET_TLS]                = {TRANSIENT, BG_E_SECURE_CHANNEL_FAILURE,
     "TLS handshake failed: no secure connection to the server could be made."},
    [OQ_NET_CERT_UNKNOWN]       = {FATAL,     CERT_E_UNTRUSTEDROOT,
     "Untrusted certificate: it is not from an authority that this computer trusts, so "
     "this may not be the real server."},
    [OQ_NET_CERT_NAME]          = {FATAL,     CERT_E_CN_NO_MATCH,
     "Certificate name mismatch: it is for another name, so this may not be the real "
     "server; check the URL."},
    [OQ_NET_CERT_EXPIRED]       = {FATAL,     CERT_E_EXPIRED,
     "Certificate expired or not valid yet; check the date of this computer, or report it "
     "to the server's operator."},
    [OQ_NET_CERT_REVOKED]       = {FATAL,     CRYPT_E_REVOKED,
     "Certificate revoked: this may not be the real server."},
    [OQ_NET_PROTOCOL]           = {FATAL,     BG_E_SERVER_PROTOCOL_VIOLATION,
     "Invalid HTTP response; check the URL and the proxy settings."},
    [OQ_NET_TOO_MANY_REDIRECTS] = {FATAL,     BG_E_INVALID_SERVER_RESPONSE,
     "Too many redirects; check the URL."},
    [OQ_NET_BAD_REDIRECT]       = {FATAL,     BG_E_PROTOCOL_NOT_AVAILABLE,
     "The server redirects to an unsupported or insecure URL; use the new URL if you trust it."},
    [OQ_NET_TOO_LONG]           = {FATAL,     BG_E_INVALID_SERVER_RESPONSE,
     "Response body longer than announced, so the file may be wrong; report it to the "
     "server's operator."},
    [OQ_NET_ENCODED]            = {FATAL,     BG_E_INSUFFICIENT_HTTP_SUPPORT,
     "Unrequested content encoding: the server or a proxy sends the file compressed; try "
     "without the proxy."},
    [OQ_NET_NOMEM]              = {TRANSIENT, WIN32_CODE(14),
     "Out of memory; close some programs."},
    [OQ_NET_OTHER]              = {FATAL,     BG_E_UNKNOWN_ERROR,
     "Internal error of the HTTP library; report it with the words that follow."},
    [OQ_NET_SLOW]               = {TRANSIENT, BG_E_TIMEOUT,
     "Server too slow: the download continues at another URL."},
    [OQ_NET_WRONG_SIZE]         = {FATAL,     WIN32_CODE(323), /* ERROR_DATA_CHECKSUM_ERROR */
     "Size mismatch: the file on the server does not have the expected size."},
    [OQ_NET_WRONG_HASH]         = {FATAL,     WIN32_CODE(323),
     "Hash mismatch: the file is not the expected one, also after it was downloaded again."},
    [OQ_NET_WRONG_DIGEST]       = {FATAL,     WIN32_CODE(323),
     "Digest mismatch: the file does not have the hash that the server sent with it, also "
     "after it was downloaded again."},
    [OQ_NET_SIGN_IN]            = {FATAL,     WIN32_CODE(WIN32_ACCESS_DENIED),
     "Sign-in failed: the server does not send the file to the user of the URL; check user "
     "name and password."},
    [OQ_NET_PROXY]              = {TRANSIENT, BG_E_CONNECT_FAILURE,
     "The proxy does not connect to the server; check the proxy settings."},
    [OQ_NET_OTHER_RESOURCE]     = {TRANSIENT, BG_E_INVALID_SERVER_RESPONSE,
     "Not the file: the network or the server answers with another page, perhaps to sign in; "
     "the bytes that are there are kept, and the download continues when the file comes again."},
};
/* clang-format on */

static const struct net_row *get_net(enum oq_net_error error)
{
    return &net_rows[(unsigned)error < OQ_NET_ERROR_COUNT ? error : OQ_NET_OTHER];
}

/* D20: the low word of 0x8007xxxx, any other HRESULT unchanged. */
static uint32_t win32_of_code(uint32_t code)
{
    return (code & UINT32_C(0xFFFF0000)) == WIN32_CODE(0) ? code & UINT32_C(0xFFFF) : code;
}

struct oq_verdict oq_errors_net(enum oq_net_error error)
{
    const struct net_row *row = get_net(error);

    return (struct oq_verdict){row->is_transient, row->code, win32_of_code(row->code), 0};
}

const char *oq_errors_describe_net(enum oq_net_error error)
{
    return get_net(error)->sentence;
}

/* --- files and the database --- */

struct file_row {
    bool is_transient;
    uint32_t win32; /* if the failure came without one */
};

/* FILE_LOCKED is transient: the file port says so when another program has the temporary file or
 * the destination open, and such programs end; the group stays and its renames are repeated (A.4).
 * BG_E_DESTINATION_LOCKED is not its code: that one is about a volume being checked. */
/* clang-format off */
static const struct file_row file_rows[OQ_STATUS_COUNT] = {
    [OQ_OK]              = {FATAL,     1359}, /* ERROR_INTERNAL_ERROR: success is not a failure */
    [OQ_E_NOMEM]         = {TRANSIENT, 14},   /* ERROR_OUTOFMEMORY */
    [OQ_E_INVALID_ARG]   = {FATAL,     87},   /* ERROR_INVALID_PARAMETER */
    [OQ_E_NOT_FOUND]     = {FATAL,     1168}, /* ERROR_NOT_FOUND */
    [OQ_E_EXISTS]        = {FATAL,     80},   /* ERROR_FILE_EXISTS */
    [OQ_E_INVALID_STATE] = {FATAL,     5023}, /* ERROR_INVALID_STATE */
    [OQ_E_NOT_SUPPORTED] = {FATAL,     50},   /* ERROR_NOT_SUPPORTED */
    [OQ_E_ACCESS_DENIED] = {FATAL,     5},    /* ERROR_ACCESS_DENIED */
    [OQ_E_EMPTY]         = {FATAL,     1359},
    [OQ_E_LIMIT_USER]    = {FATAL,     1816}, /* ERROR_NOT_ENOUGH_QUOTA */
    [OQ_E_LIMIT_MACHINE] = {FATAL,     1816},
    [OQ_E_LIMIT_FILES]   = {FATAL,     1816},
    [OQ_E_STOPPING]      = {TRANSIENT, 1115}, /* ERROR_SHUTDOWN_IN_PROGRESS */
    [OQ_E_BUSY]          = {TRANSIENT, 170},  /* ERROR_BUSY */
    [OQ_E_TIMEOUT]       = {TRANSIENT, 1460}, /* ERROR_TIMEOUT */
    [OQ_E_OWNER_ABSENT]  = {TRANSIENT, 1245}, /* ERROR_NOT_LOGGED_ON, the well-known 0x800704DD */
    [OQ_E_IO]            = {FATAL,     31},   /* ERROR_GEN_FAILURE; with a code, see win32_rows */
    [OQ_E_DISK_FULL]     = {TRANSIENT, 112},  /* ERROR_DISK_FULL */
    [OQ_E_FILE_MISSING]  = {FATAL,     3},    /* ERROR_PATH_NOT_FOUND */
    [OQ_E_FILE_LOCKED]   = {TRANSIENT, 32},   /* ERROR_SHARING_VIOLATION */
    [OQ_E_DB]            = {TRANSIENT, 4313}, /* ERROR_DATABASE_FAILURE; saved again next time */
    [OQ_E_DB_NEWER]      = {FATAL,     4313},
    [OQ_E_DB_DAMAGED]    = {FATAL,     4313},
    [OQ_E_NET]           = {FATAL,     59},   /* ERROR_UNEXP_NET_ERR; oq_errors_net knows better */
    [OQ_E_BUG]           = {FATAL,     1359},
};

/* Causes of OQ_E_IO that pass: a volume or a file server that is away or busy, and a computer short
 * of memory. BITS, too, waits for a volume that is locked (A.1). */
static const uint32_t passing_win32[] = {
    4,    /* ERROR_TOO_MANY_OPEN_FILES */
    8,    /* ERROR_NOT_ENOUGH_MEMORY */
    14,   /* ERROR_OUTOFMEMORY */
    21,   /* ERROR_NOT_READY: no medium, or a volume that is locked */
    32,   /* ERROR_SHARING_VIOLATION */
    33,   /* ERROR_LOCK_VIOLATION */
    39,   /* ERROR_HANDLE_DISK_FULL */
    51,   /* ERROR_REM_NOT_LIST: the file server does not listen */
    53,   /* ERROR_BAD_NETPATH: the file server is not found */
    54,   /* ERROR_NETWORK_BUSY */
    55,   /* ERROR_DEV_NOT_EXIST: the share went away */
    59,   /* ERROR_UNEXP_NET_ERR */
    64,   /* ERROR_NETNAME_DELETED: the connection to the share was closed */
    71,   /* ERROR_REQ_NOT_ACCEP: the share has no place left */
    108,  /* ERROR_DRIVE_LOCKED */
    112,  /* ERROR_DISK_FULL */
    121,  /* ERROR_SEM_TIMEOUT */
    170,  /* ERROR_BUSY */
    240,  /* ERROR_VC_DISCONNECTED */
    1112, /* ERROR_NO_MEDIA_IN_DRIVE */
    1115, /* ERROR_SHUTDOWN_IN_PROGRESS */
    1167, /* ERROR_DEVICE_NOT_CONNECTED */
    1222, /* ERROR_NO_NETWORK */
    1224, /* ERROR_USER_MAPPED_FILE: open elsewhere as memory */
    1231, /* ERROR_NETWORK_UNREACHABLE */
    1232, /* ERROR_HOST_UNREACHABLE */
    1236, /* ERROR_CONNECTION_ABORTED */
    1245, /* ERROR_NOT_LOGGED_ON */
    1295, /* ERROR_DISK_QUOTA_EXCEEDED */
    1311, /* ERROR_NO_LOGON_SERVERS */
    1450, /* ERROR_NO_SYSTEM_RESOURCES */
    1453, /* ERROR_WORKING_SET_QUOTA */
    1455, /* ERROR_COMMITMENT_LIMIT */
    1460, /* ERROR_TIMEOUT */
};
/* clang-format on */

static bool is_passing(uint32_t win32)
{
    for (size_t i = 0; i < ARRAY_LENGTH(passing_win32); i++) {
        if (passing_win32[i] == win32)
            return true;
    }
    return false;
}

struct oq_verdict oq_errors_file(enum oq_status status, uint32_t win32)
{
    const struct file_row *row = &file_rows[(unsigned)status < OQ_STATUS_COUNT ? status : OQ_E_BUG];
    uint32_t cause = win32_of_code(win32);
    struct oq_verdict verdict = {row->is_transient, 0, cause != 0 ? cause : row->win32, 0};

    /* Codes above 16 bits are HRESULTs that are not made of a Win32 code. One that means success is
     * no reason to show success. */
    if (verdict.win32 <= UINT32_C(0xFFFF))
        verdict.code = WIN32_CODE(verdict.win32);
    else
        verdict.code = verdict.win32 >> 31 != 0 ? verdict.win32 : WIN32_CODE(row->win32);
    if (status == OQ_E_IO)
        verdict.is_transient = is_passing(verdict.win32);
    return verdict;
}
