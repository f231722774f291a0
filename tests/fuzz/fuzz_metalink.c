/* fuzz_metalink.c - libFuzzer on Metalink documents: what is accepted keeps the promises. */
#include "fuzz.h"
#include "metalink_int.h"

#include "oq_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oq_metalink found = {0};
    struct oq_error err;

    oq_error_init(&err);
    if (oq_metalink_parse((const char *)data, size, &found, &err) != OQ_OK) {
        MUST(err.text[0] != '\0' && !found.files);
        return 0;
    }
    MUST(found.count > 0 && found.count <= OQ_METALINK_MAX_FILES);
    for (size_t i = 0; i < found.count; i++) {
        struct oq_expectations *expectations = found.files[i].expectations;
        MUST(oq_metalink_is_safe(found.files[i].name));
        MUST(expectations->mirror_count >= 1 && expectations->mirror_count <= OQ_SOURCES_MAX);
        /* One of them is the URL the file is added with. */
        expectations->mirror_count--;
        MUST(!oq_expectations_check(expectations));
        expectations->mirror_count++;
    }
    oq_metalink_release(&found);
    return 0;
}
