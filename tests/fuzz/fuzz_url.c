/* fuzz_url.c - libFuzzer on the URL rules: no crash, and what holds for every text. */
#include "fuzz.h"
#include "oq_alloc.h"
#include "oq_path.h"
#include "oq_url.h"

static void check_valid(const char *url, const char *redacted, const char *key)
{
    const char *scheme_end = strstr(redacted, "://");
    char *again, *key_again;

    MUST(strlen(url) <= OQ_URL_MAX_CHARS);
    MUST(scheme_end && strlen(redacted) <= strlen(url) + 1); /* "/" */
    MUST(!strpbrk(redacted, "?#"));
    MUST(!memchr(scheme_end + 3, '@', strcspn(scheme_end + 3, "/")));
    for (const char *c = url; *c != '\0'; c++)
        MUST(*c > 0x20 && *c < 0x7F);

    /* What is shown is a URL of the same server. */
    MUST(oq_url_check(redacted, NULL) == OQ_OK);
    again = oq_url_redact(redacted);
    MUST(again && strcmp(again, redacted) == 0);
    oq_free(again);
    MUST(key && strrchr(key, ':') && !strpbrk(key, "/?#@%ABCXYZ"));
    key_again = oq_url_host_key(redacted);
    MUST(key_again && strcmp(key, key_again) == 0);
    oq_free(key_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *url = malloc(size + 1);
    char *redacted, *key, *name, *normal, *again;
    struct oq_error err;

    if (!url)
        return 0;
    if (size > 0)
        memcpy(url, data, size);
    url[size] = '\0';
    oq_error_init(&err);
    enum oq_status status = oq_url_check(url, &err);
    redacted = oq_url_redact(url);
    key = oq_url_host_key(url);
    name = oq_url_file_name(url);
    MUST(redacted && name && oq_path_is_name(name));
    if (status == OQ_OK) {
        check_valid(url, redacted, key);
    } else {
        MUST(status == OQ_E_INVALID_ARG && err.text[0] != '\0');
        MUST(strcmp(redacted, "(invalid URL)") == 0 && !key);
        MUST(strcmp(name, "download") == 0);
    }
    normal = oq_url_normalize(url);
    MUST(normal && (status != OQ_OK || strcmp(normal, url) == 0));
    again = oq_url_normalize(normal);
    MUST(again && (oq_url_check(normal, NULL) != OQ_OK || strcmp(again, normal) == 0));
    oq_free(normal);
    oq_free(again);
    oq_free(redacted);
    oq_free(key);
    oq_free(name);
    free(url);
    return 0;
}
