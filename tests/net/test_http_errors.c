/* test_http_errors.c - every code of libcurl's has its own error, which says what happened. */
#include "test_unit.h"

#include "net_int.h"
#include "oq_fault.h"

/* Of other protocols, of options and functions that are used wrongly, or obsolete. */
static const CURLcode never[] = {
    CURLE_NOT_BUILT_IN,
    CURLE_REMOTE_ACCESS_DENIED,
    CURLE_FTP_ACCEPT_FAILED,
    CURLE_FTP_WEIRD_PASS_REPLY,
    CURLE_FTP_ACCEPT_TIMEOUT,
    CURLE_FTP_WEIRD_PASV_REPLY,
    CURLE_FTP_WEIRD_227_FORMAT,
    CURLE_FTP_CANT_GET_HOST,
    CURLE_FTP_COULDNT_SET_TYPE,
    CURLE_FTP_COULDNT_RETR_FILE,
    CURLE_QUOTE_ERROR,
    CURLE_UPLOAD_FAILED,
    CURLE_FTP_PORT_FAILED,
    CURLE_FTP_COULDNT_USE_REST,
    CURLE_HTTP_POST_ERROR,
    CURLE_BAD_DOWNLOAD_RESUME,
    CURLE_FILE_COULDNT_READ_FILE,
    CURLE_LDAP_CANNOT_BIND,
    CURLE_LDAP_SEARCH_FAILED,
    CURLE_FUNCTION_NOT_FOUND,
    CURLE_BAD_FUNCTION_ARGUMENT,
    CURLE_UNKNOWN_OPTION,
    CURLE_SETOPT_OPTION_SYNTAX,
    CURLE_TFTP_NOTFOUND,
    CURLE_TFTP_PERM,
    CURLE_REMOTE_DISK_FULL,
    CURLE_TFTP_ILLEGAL,
    CURLE_TFTP_UNKNOWNID,
    CURLE_REMOTE_FILE_EXISTS,
    CURLE_TFTP_NOSUCHUSER,
    CURLE_REMOTE_FILE_NOT_FOUND,
    CURLE_SSH,
    CURLE_FTP_PRET_FAILED,
    CURLE_RTSP_CSEQ_ERROR,
    CURLE_RTSP_SESSION_ERROR,
    CURLE_FTP_BAD_FILE_LIST,
    CURLE_RECURSIVE_API_CALL,
};

static bool is_one_of_never(CURLcode code)
{
    for (size_t i = 0; i < COUNT_OF(never); i++)
        if (never[i] == code)
            return true;
    /* Numbers without a name in curl.h. */
    return strcmp(curl_easy_strerror(code), "Unknown error") == 0;
}

static void code__of_libcurl__has_an_error_that_says_what_happened(void **state)
{
    struct oq_net_handle handle = {.easy = curl_easy_init()};
    unsigned count = 0;
    (void)state;
    assert_non_null(handle.easy);
    for (int code = 1; code < CURL_LAST; code++) {
        enum oq_net_error error = oq_net_classify(&handle, (CURLcode)code);
        if (error == OQ_NET_OTHER && !is_one_of_never((CURLcode)code))
            fail_msg("%d has no error: %s", code, curl_easy_strerror((CURLcode)code));
        assert_true(error != OQ_NET_NONE && strlen(oq_errors_describe_net(error)) > 20);
        count += error != OQ_NET_OTHER;
    }
    print_message("%u codes of %d\n", count, CURL_LAST - 1);
    curl_easy_cleanup(handle.easy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code__of_libcurl__has_an_error_that_says_what_happened),
    };
    return cmocka_run_group_tests_name("http_errors", tests, NULL, NULL);
}
