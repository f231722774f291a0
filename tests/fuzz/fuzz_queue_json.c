/* fuzz_queue_json.c - libFuzzer on lines of an exported queue: what is accepted keeps the
 * promises, and is the same after it was written and read again. */
#include "fuzz.h"
#include "queue_json_int.h"

#include "oq_alloc.h"
#include "oq_model.h"
#include "oq_path.h"
#include "oq_url.h"

#include <stdlib.h>
#include <string.h>

static void look_at(const struct oq_exported_group *record)
{
    MUST(!oq_guid_is_null(&record->group));
    MUST((unsigned)record->state < OQ_EXPORTED_STATE_COUNT);
    for (uint32_t i = 0; i < record->file_count; i++) {
        const struct oq_exported_file *file = &record->files[i];
        MUST(oq_url_check(file->remote, NULL) == OQ_OK);
        MUST(oq_path_check(file->local, false, NULL) == OQ_OK);
        MUST(!file->expectations || !oq_expectations_check(file->expectations));
    }
}

static void take_line(const char *line, size_t length)
{
    struct oq_exported_group record = {0}, again = {0};
    struct oq_error err;

    oq_error_init(&err);
    if (oq_queue_json_parse_header(line, length, &err) != OQ_OK)
        MUST(err.text[0] != '\0');
    oq_error_init(&err);
    if (oq_queue_json_parse_group(line, length, &record, &err) != OQ_OK) {
        MUST(err.text[0] != '\0' && !record.files);
        return;
    }
    look_at(&record);
    char *first = oq_queue_json_format_group(&record);
    MUST(first && !memchr(first, '\n', strlen(first)));
    MUST(oq_queue_json_parse_group(first, strlen(first), &again, &err) == OQ_OK);
    char *second = oq_queue_json_format_group(&again);
    MUST(second && strcmp(first, second) == 0);
    oq_free(first);
    oq_free(second);
    oq_exported_group_release(&again);
    oq_exported_group_release(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *line = NULL;
    size_t at = 0, length = 0;

    while (oq_queue_json_next_line((const char *)data, size, &at, &line, &length)) {
        if (!oq_queue_json_is_blank(line, length))
            take_line(line, length);
    }
    return 0;
}
