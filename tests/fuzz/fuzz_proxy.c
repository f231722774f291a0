/* fuzz_proxy.c - lists of proxies and exceptions, as they may stand in the registry: three lines,
 * servers, exceptions, URL. What is chosen is nothing or one clean URL. */
#include "fuzz.h"
#include "oq_proxy.h"
#include "oq_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char proxy[OQ_PROXY_MAX + 1] = "untouched";
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *servers = text, *bypass = strchr(servers, '\n');
    if (bypass)
        *bypass++ = '\0';
    char *url = bypass ? strchr(bypass, '\n') : NULL;
    if (url)
        *url++ = '\0';
    const char *wanted = url && oq_url_check(url, NULL) == OQ_OK ? url : "http://server.example/";
    for (uint32_t attempt = 0; attempt < 3; attempt++) {
        MUST(oq_proxy_choose(servers, bypass, wanted, attempt, proxy) == OQ_OK);
        MUST(strlen(proxy) <= OQ_PROXY_MAX);
        MUST(!proxy[0] || strstr(proxy, "://"));
        for (const char *c = proxy; *c; c++)
            MUST(*c > ' ' && *c <= '~');
        (void)oq_proxy_has_user(proxy);
    }
    MUST(oq_proxy_choose(servers, "*", wanted, 0, proxy) == OQ_OK && !proxy[0]);
    free(text);
    return 0;
}
