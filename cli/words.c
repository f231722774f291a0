/* words.c - see words_int.h. */
#include "words_int.h"

#include <stdio.h>

#define WIN32_HR(code) (0x80070000u | (code))

enum kind {
    PLAIN,
    LOST,     /* the connection is gone: connect again */
    HOPELESS, /* connecting again will not help */
};

/* clang-format off */
static const struct {
    uint32_t hr;
    enum kind kind;
    const char *words;
} table[] = {
    /* no service */
    {0x80040154u, HOPELESS, "the OpenQMGR service is not installed on this computer; an administrator installs it with "
                            "'qmgrsvc install'"},                                              /* REGDB_E_CLASSNOTREG */
    {WIN32_HR(1060), HOPELESS, "the OpenQMGR service is not installed on this computer; an administrator installs it with "
                               "'qmgrsvc install'"},                              /* ERROR_SERVICE_DOES_NOT_EXIST */
    {0x80040155u, HOPELESS, "qmgrps.dll is not registered; an administrator registers it with 'regsvr32 qmgrps.dll'"},
                                                                                               /* REGDB_E_IIDNOTREG */
    {0x80004002u, HOPELESS, "the service does not know the QMGR interfaces, or qmgrps.dll is not registered"},
                                                                                               /* E_NOINTERFACE */
    {WIN32_HR(1058), HOPELESS, "the OpenQMGR service is disabled"},                            /* ERROR_SERVICE_DISABLED */
    {WIN32_HR(1068), PLAIN, "the OpenQMGR service does not start: a service that it needs does not run"},
    {WIN32_HR(1069), HOPELESS, "the OpenQMGR service does not start: its account could not log on"},
    {0x80080005u, PLAIN, "the OpenQMGR service does not start; its log says why"},             /* CO_E_SERVER_EXEC_FAILURE */
    {WIN32_HR(1053), PLAIN, "the OpenQMGR service does not start in time; its log says why"},  /* SERVICE_REQUEST_TIMEOUT */
    {WIN32_HR(1067), PLAIN, "the OpenQMGR service stopped at once when it was started; its log says why"},
                                                                                               /* ERROR_PROCESS_ABORTED */
    {WIN32_HR(1066), PLAIN, "the OpenQMGR service stopped with an error; its log says why"},
    {WIN32_HR(1061), LOST, "the OpenQMGR service is just starting or stopping"},               /* CANNOT_ACCEPT_CTRL */
    {0x800401F0u, PLAIN, "COM was not initialised"},                                           /* CO_E_NOTINITIALIZED */

    /* the connection */
    {0x80010108u, LOST, "the OpenQMGR service stopped"},                                       /* RPC_E_DISCONNECTED */
    {0x80010007u, LOST, "the OpenQMGR service stopped during the call"},                       /* RPC_E_SERVER_DIED */
    {0x80010012u, LOST, "the OpenQMGR service stopped"},                                       /* RPC_E_SERVER_DIED_DNE */
    {0x800401FDu, LOST, "the OpenQMGR service stopped"},                                       /* CO_E_OBJNOTCONNECTED */
    {0x80080008u, LOST, "the OpenQMGR service is just stopping"},                              /* CO_E_SERVER_STOPPING */
    {WIN32_HR(1722), LOST, "the OpenQMGR service cannot be reached"},                          /* RPC_S_SERVER_UNAVAILABLE */
    {WIN32_HR(1726), LOST, "the OpenQMGR service stopped during the call"},                    /* RPC_S_CALL_FAILED */
    {WIN32_HR(1727), LOST, "the OpenQMGR service stopped"},                                    /* RPC_S_CALL_FAILED_DNE */
    {WIN32_HR(1818), LOST, "the call to the OpenQMGR service was cancelled"},                  /* RPC_S_CALL_CANCELLED */
    {WIN32_HR(109), LOST, "the OpenQMGR service stopped"},                                     /* ERROR_BROKEN_PIPE */
    {WIN32_HR(233), LOST, "the OpenQMGR service stopped"},                                     /* ERROR_PIPE_NOT_CONNECTED */
    {0x81001002u, LOST, "the OpenQMGR service is just stopping"},                              /* QM_E_SERVICE_UNAVAILABLE */
    {0x81001003u, PLAIN, "the OpenQMGR service could not set up its network transport"},       /* QM_E_DOWNLOADER_UNAVAIL. */
    {0x80010117u, PLAIN, "the OpenQMGR service could not tell who is calling"},                /* RPC_E_CALL_COMPLETE */

    /* answers of the service */
    {0x81001001u, PLAIN, "that cannot be done in the state the download is in"},               /* QM_E_INVALID_STATE */
    {0x81001004u, PLAIN, "there is no such download in the queue"},                            /* QM_E_ITEM_NOT_FOUND */
    {0x80070057u, PLAIN, "the service refused a name or a value"},                             /* E_INVALIDARG */
    {0x80070005u, HOPELESS, "access is denied"},                                               /* E_ACCESSDENIED */
    {0x80004001u, PLAIN, "the service does not support that"},                                 /* E_NOTIMPL */
    {0x8007000Eu, PLAIN, "there is not enough memory"},                                        /* E_OUTOFMEMORY */
    {0x8000FFFFu, PLAIN, "the service met an error it did not expect; its log says more"},     /* E_UNEXPECTED */
    {0x80004005u, PLAIN, "the service failed without saying why; its log may say more"},       /* E_FAIL */
    {0x80004004u, PLAIN, "interrupted"},                                                       /* E_ABORT */
    {0x80200003u, PLAIN, "there is no file to download"},                                      /* BG_E_EMPTY */
    {0x80200014u, PLAIN, "the service cannot be used from another computer"},                  /* BG_E_REMOTE_NOT_SUPP. */
    {0x80200049u, PLAIN, "you have too many downloads in the queue; cancel some, or let some finish"},
    {0x80200050u, PLAIN, "there are too many downloads in this computer's queue"},
    {0x80200051u, PLAIN, "there are too many files in the download"},

    /* failures of a download; the service's own words come first when it has some */
    {WIN32_HR(2), PLAIN, "the file was not found"},
    {WIN32_HR(3), PLAIN, "the folder does not exist"},
    {WIN32_HR(32), PLAIN, "the file is open in another program"},
    {WIN32_HR(39), PLAIN, "the disk is full"},
    {WIN32_HR(112), PLAIN, "the disk is full"},
    {WIN32_HR(58), PLAIN, "the server's answer is of no use"},                                 /* ERROR_BAD_NET_RESP */
    {0x80200016u, PLAIN, "the new owner has no access to the unfinished file"},
    {0x80200010u, PLAIN, "no network is connected"},                                           /* BG_E_NETWORK_DISCONN. */
    {0x80072EE2u, PLAIN, "the server took too long"},                                          /* ERROR_INTERNET_TIMEOUT */
    {0x80072EE7u, PLAIN, "the server's name could not be found"},                              /* NAME_NOT_RESOLVED */
    {0x80072EFDu, PLAIN, "could not connect to the server"},                                   /* CANNOT_CONNECT */
    {0x80072EFEu, PLAIN, "the connection was cut off"},                                        /* CONNECTION_ABORTED */
    {0x80072F06u, PLAIN, "the server's certificate is for another name"},                      /* SEC_CERT_CN_INVALID */
    {0x80072F05u, PLAIN, "the server's certificate has expired"},                              /* SEC_CERT_DATE_INVALID */
    {0x80072F0Du, PLAIN, "the server's certificate is from an authority that this computer does not trust"},
                                                                                               /* INVALID_CA */
    {0x80072F7Du, PLAIN, "no secure connection to the server could be made"},                  /* SECURE_CHANNEL_ERROR */
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

const char *oq_words_of(uint32_t hr)
{
    size_t row = find_row(hr);

    return row < ROWS ? table[row].words : NULL;
}

bool oq_words_is_disconnect(uint32_t hr)
{
    size_t row = find_row(hr);

    return row < ROWS && table[row].kind == LOST;
}

bool oq_words_is_hopeless(uint32_t hr)
{
    size_t row = find_row(hr);

    return row < ROWS && table[row].kind == HOPELESS;
}

void oq_words_of_http(uint32_t status, char text[OQ_WORDS_HTTP])
{
    static const struct {
        uint32_t status;
        const char *words;
    } known[] = {
        {400, "bad request"},        {401, "log-on needed"},         {403, "forbidden"},
        {404, "not found"},          {407, "proxy log-on needed"},   {408, "the request took too long"},
        {410, "gone"},               {414, "the address is too long"}, {416, "no such range"},
        {429, "too many requests"},  {500, "internal error"},        {501, "not implemented"},
        {502, "bad gateway"},        {503, "service unavailable"},   {504, "gateway time-out"},
        {505, "HTTP version not supported"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].status == status) {
            snprintf(text, OQ_WORDS_HTTP, "the server answered %u (%s)", status, known[i].words);
            return;
        }
    }
    snprintf(text, OQ_WORDS_HTTP, "the server answered %u", status);
}
