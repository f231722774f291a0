/* test_network.c - service/win/network.c. That an unknown certificate is refused on the
 * wire: tests/e2e. */
#include <winsock2.h>

#include "test_win.h"

#include "oq_fault.h"
#include "oq_log.h"
#include "oq_win_support.h"
#include "network_int.h"

#include <curl/curl.h>
#include <wincrypt.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

static struct oq_error err;
static unsigned errors_logged;

static void count_errors(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)line;
    errors_logged += level == OQ_LOG_ERROR;
}

static int set_up(void **state)
{
    (void)state;
    oq_error_init(&err);
    errors_logged = 0;
    oq_log_set_sink(count_errors, NULL);
    fresh_folder(tmp_path("network"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    oq_log_set_sink(NULL, NULL);
    return 0;
}

static unsigned count(const char *text, const char *word)
{
    unsigned number = 0;
    while ((text = strstr(text, word)) != NULL) {
        number++;
        text += strlen(word);
    }
    return number;
}

static void roots__system_store__is_pem_with_every_certificate_whole(void **state)
{
    struct oq_win_pem pem = {0};
    (void)state;
    assert_status(OQ_OK, oq_win_pem_add_store(&pem, "ROOT", &err), &err);
    if (pem.count == 0) {
        print_message("skipped: this machine has no root certificates installed\n");
        skip();
    }
    assert_int_equal(strlen(pem.text), pem.length);
    assert_int_equal(count(pem.text, PEM_BEGIN), pem.count);
    assert_int_equal(count(pem.text, PEM_END), pem.count);
    for (const char *at = pem.text; (at = strstr(at, PEM_BEGIN)) != NULL; at++) {
        BYTE der[16384];
        DWORD size = sizeof der;
        assert_true(CryptStringToBinaryA(at, 0, CRYPT_STRING_BASE64HEADER, der, &size, NULL, NULL));
        const CERT_CONTEXT *certificate =
            CertCreateCertificateContext(X509_ASN_ENCODING, der, size);
        assert_non_null(certificate);
        CertFreeCertificateContext(certificate);
    }
    oq_win_pem_release(&pem);
    assert_null(pem.text);
}

static void roots__file__is_appended_whole(void **state)
{
    struct oq_win_pem pem = {0};
    (void)state;
    put_file(tmp_path("network\\ca.pem"),
             "# ours\n" PEM_BEGIN "\nAAAA\n" PEM_END "\n" PEM_BEGIN "\nBBBB\n" PEM_END);
    assert_status(OQ_OK, oq_win_pem_add_file(&pem, tmp_path("network\\ca.pem"), &err), &err);
    assert_status(OQ_OK, oq_win_pem_add_file(&pem, tmp_path("network\\ca.pem"), &err), &err);
    assert_int_equal(pem.count, 4);
    assert_int_equal(count(pem.text, PEM_END "\n"), 4); /* the last line of a file is ended */
    oq_win_pem_release(&pem);
}

static void roots__file_without_a_certificate__is_refused(void **state)
{
    struct oq_win_pem pem = {0};
    (void)state;
    put_file(tmp_path("network\\empty.pem"), "");
    put_file(tmp_path("network\\key.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n");
    assert_status(OQ_E_INVALID_ARG, oq_win_pem_add_file(&pem, tmp_path("network\\empty.pem"), &err),
                  &err);
    assert_status(OQ_E_INVALID_ARG, oq_win_pem_add_file(&pem, tmp_path("network\\key.pem"), &err),
                  &err);
    assert_status(OQ_E_FILE_MISSING, oq_win_pem_add_file(&pem, tmp_path("network\\none.pem"), &err),
                  &err);
    assert_non_null(strstr(err.text, "none.pem"));
    assert_null(pem.text);
    assert_int_equal(pem.count, 0);
}

static void new__ca_file_that_cannot_be_read__fails(void **state)
{
    struct oq_win_network *network = NULL;
    (void)state;
    assert_status(OQ_E_FILE_MISSING,
                  oq_win_network_new(tmp_path("network\\none.pem"), false, &network, &err), &err);
    assert_null(network);
}

static void new__wine__verifies_with_the_systems_roots(void **state)
{
    struct oq_win_network *network = NULL;
    (void)state;
    assert_status(OQ_OK, oq_win_network_new(NULL, false, &network, &err), &err);
    if (oq_win_is_wine())
        assert_non_null(oq_win_network_roots(network));
    else
        assert_null(oq_win_network_roots(network)); /* Schannel does it */
    oq_win_network_free(network);
}

static void new__ca_file__is_trusted_besides_the_systems_roots(void **state)
{
    struct oq_win_network *network = NULL;
    struct oq_win_pem system = {0};
    (void)state;
    assert_status(OQ_OK, oq_win_pem_add_store(&system, "ROOT", &err), &err);
    put_file(tmp_path("network\\ca.pem"), PEM_BEGIN "\nAAAA\n" PEM_END "\n");
    assert_status(OQ_OK, oq_win_network_new(tmp_path("network\\ca.pem"), false, &network, &err),
                  &err);
    assert_int_equal(oq_win_network_roots(network)->count, system.count + 1);
    oq_win_network_free(network);
    oq_win_pem_release(&system);
}

static void new__no_roots_at_all__is_said_aloud(void **state)
{
    struct oq_win_network *network = NULL;
    (void)state;
    assert_status(OQ_OK,
                  oq_win_network_new_as(true, "OpenQMGR-test-store-that-is-empty", NULL, false,
                                        &network, &err),
                  &err);
    assert_int_equal(oq_win_network_roots(network)->count, 0);
    assert_int_equal(errors_logged, 1);
    oq_win_network_free(network);
}

/* --- what is set on a handle ------------------------------------------------------------------ */

static long ssl_options, http_version;

CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);

CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list args;
    va_start(args, option);
    void *value = va_arg(args, void *);
    va_end(args);
    if (option == CURLOPT_SSL_OPTIONS)
        ssl_options = (long)(intptr_t)value;
    else if (option == CURLOPT_HTTP_VERSION)
        http_version = (long)(intptr_t)value;
    return __real_curl_easy_setopt(easy, option, value);
}

static void prepare_one(bool checks_revocation)
{
    struct oq_win_network *network = NULL;
    CURL *easy = curl_easy_init();
    ssl_options = http_version = -1;
    assert_status(OQ_OK, oq_win_network_new(NULL, checks_revocation, &network, &err), &err);
    const struct oq_network_port *port = oq_win_network_port(network);
    assert_status(OQ_OK, port->prepare(port->ctx, easy, "https://localhost/", NULL, &err), &err);
    curl_easy_cleanup(easy);
    oq_win_network_free(network);
}

static void prepare__revocation_check__is_made_only_when_it_is_wanted(void **state)
{
    (void)state;
    prepare_one(false);
    assert_int_equal(ssl_options, CURLSSLOPT_NO_REVOKE);
    prepare_one(true);
    assert_int_equal(ssl_options, CURLSSLOPT_REVOKE_BEST_EFFORT);
}

static void prepare__old_libcurl_over_schannel__speaks_http_1_1_only(void **state)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    (void)state;
    assert_false(oq_win_is_http2_good("Schannel", 0x075801)); /* 7.88.1 */
    assert_false(oq_win_is_http2_good("Schannel", 0x080d00));
    assert_true(oq_win_is_http2_good("Schannel", 0x080e00));
    assert_false(oq_win_is_http2_good("OpenSSL/3.0.9 (Schannel)", 0x075801));
    assert_true(oq_win_is_http2_good("OpenSSL/3.0.9", 0x075801));
    prepare_one(false);
    assert_int_equal(http_version, oq_win_is_http2_good(curl->ssl_version, curl->version_num)
                                       ? -1
                                       : CURL_HTTP_VERSION_1_1);
}

static void prepare__any_handle__succeeds(void **state)
{
    struct oq_win_network *network = NULL;
    (void)state;
    CURL *easy = curl_easy_init();
    assert_non_null(easy);
    assert_status(OQ_OK, oq_win_network_new(NULL, false, &network, &err), &err);
    const struct oq_network_port *port = oq_win_network_port(network);
    assert_status(OQ_OK, port->prepare(port->ctx, easy, "https://localhost/", NULL, &err), &err);
    assert_status(OQ_OK, port->prepare(port->ctx, easy, "http://localhost/", NULL, &err), &err);
    curl_easy_cleanup(easy);
    oq_win_network_free(network);
}

static void new__no_memory__fails(void **state)
{
    (void)state;
#ifdef OQ_FAULT_INJECTION
    put_file(tmp_path("network\\ca.pem"), PEM_BEGIN "\nAAAA\n" PEM_END "\n");
    for (uint64_t n = 1; n < 2000; n++) {
        struct oq_win_network *network = NULL;
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        enum oq_status status =
            oq_win_network_new_as(true, "OpenQMGR-test-store-that-is-empty",
                                  tmp_path("network\\ca.pem"), false, &network, &err);
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        if (status == OQ_OK) {
            assert_true(n > 1);
            oq_win_network_free(network);
            return;
        }
        assert_status(OQ_E_NOMEM, status, &err);
        assert_null(network);
    }
    fail_msg("more allocations than expected");
#else
    print_message("skipped: this tree has no fault seam\n");
    skip();
#endif
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(roots__system_store__is_pem_with_every_certificate_whole),
        TEST(roots__file__is_appended_whole),
        TEST(roots__file_without_a_certificate__is_refused),
        TEST(new__ca_file_that_cannot_be_read__fails),
        TEST(new__wine__verifies_with_the_systems_roots),
        TEST(new__ca_file__is_trusted_besides_the_systems_roots),
        TEST(new__no_roots_at_all__is_said_aloud),
        TEST(prepare__revocation_check__is_made_only_when_it_is_wanted),
        TEST(prepare__old_libcurl_over_schannel__speaks_http_1_1_only),
        TEST(prepare__any_handle__succeeds),
        TEST(new__no_memory__fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
