/* fuzz_lists.c - libFuzzer on the lists of URLs and of hashes that users give to qmgrctl get. */
#include "fuzz.h"
#include "lists_int.h"

#include "oq_alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), **urls = NULL;
    uint8_t hash[OQ_LISTS_SHA256], again[OQ_LISTS_SHA256];
    int count = 0;

    memcpy(text, data, size);
    text[size] = '\0';
    if (oq_lists_sha256(text, "C:\\dl\\disk.iso", hash)) {
        MUST(oq_lists_sha256(text, "DISK.ISO", again));
        MUST(memcmp(hash, again, sizeof hash) == 0);
    }
    if (oq_lists_urls(text, &urls, &count) == OQ_OK) {
        for (int i = 0; i < count; i++)
            MUST(urls[i][0] && urls[i][0] != '#' && !strchr(urls[i], '\n'));
        oq_free(urls);
    }
    free(text);
    return 0;
}
