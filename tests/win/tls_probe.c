/* tls_probe.c - fetches one URL with the options of service/win/network.c and prints what curl
 * says. For tls.py.
 *
 * usage: tls_probe URL native|revocation|roots|none [CA-FILE]
 *   native      as the service does on this system
 *   revocation  the same with RevocationCheck
 *   roots       verified by curl with the system's roots
 *   none        verified by curl, with a store that is empty
 */
#include <winsock2.h>

#include "network_int.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static size_t swallow(char *data, /* NOLINT(readability-non-const-parameter): libcurl's type */
                      size_t size, size_t count, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * count;
}

int main(int count, char **words)
{
    struct oq_win_network *network = NULL;
    struct oq_error err;
    char text[CURL_ERROR_SIZE] = "";
    enum oq_status status;
    oq_error_init(&err);
    if (count < 3)
        return 2;
    const char *ca_file = count > 3 ? words[3] : NULL;
    bool checks_revocation = strcmp(words[2], "revocation") == 0;
    if (checks_revocation || strcmp(words[2], "native") == 0)
        status = oq_win_network_new(ca_file, checks_revocation, &network, &err);
    else
        status = oq_win_network_new_as(
            true, strcmp(words[2], "none") == 0 ? "OpenQMGR-test-store-that-is-empty" : "ROOT",
            ca_file, false, &network, &err);
    if (status != OQ_OK) {
        printf("setup: %s\n", err.text);
        return 2;
    }
    CURL *easy = curl_easy_init();
    const struct oq_network_port *port = oq_win_network_port(network);
    curl_easy_setopt(easy, CURLOPT_URL, words[1]);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 30L);
    if (port->prepare(port->ctx, easy, words[1], NULL, &err) != OQ_OK) {
        printf("prepare: %s\n", err.text);
        return 2;
    }
    CURLcode code = curl_easy_perform(easy);
    printf("%d %s\n", (int)code, text);
    curl_easy_cleanup(easy);
    oq_win_network_free(network);
    return code == CURLE_OK ? 0 : 1;
}
