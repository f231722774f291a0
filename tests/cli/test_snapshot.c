/* test_snapshot.c - cli/snapshot.c, and docs/qmgrctl.schema.json against the JSON it makes */
#include "test_unit.h"

#include "oq_alloc.h"
#include "snapshot_int.h"

#include <jansson.h>

#include <stdlib.h>

static struct oq_snapshot sample(void)
{
    struct oq_snapshot s = {
        .guid = {0x16f41c69, 0x09f5, 0x41d2, {0x8c, 0xd8, 0x3c, 0x08, 0xc4, 0x7b, 0xc8, 0xa8}},
        .state = OQ_SNAPSHOT_DOWNLOADING,
        .state_text = "downloading",
        .total_bytes = 64 << 20,
        .done_bytes = 16 << 20,
        .bytes_per_s = 1 << 20,
        .total_files = 1,
        .failed_file = OQ_NO_FILE,
        .file = "disk.iso",
        .owner = "S-1-5-18",
    };
    return s;
}

static void table__columns__come_as_they_fit(void **state)
{
    (void)state;
    static const struct {
        unsigned columns;
        bool has_bar;
        const char *head, *row;
    } rows[] = {
        {50, false, "GROUP     STATE                %  NAME",
         "16f41c69  downloading        25%  disk.iso"},
        {60, false, "GROUP     STATE                %      SIZE  NAME",
         "16f41c69  downloading        25%  64.0 MiB  disk.iso"},
        {79, false, "GROUP     STATE                %      SIZE        RATE    LEFT  NAME",
         "16f41c69  downloading        25%  64.0 MiB   1.0 MiB/s     48s  disk.iso"},
        {140, true,
         "GROUP     STATE                %      SIZE        RATE    LEFT                        "
         "NAME",
         "16f41c69  downloading        25%  64.0 MiB   1.0 MiB/s     48s  #####...............  "
         "disk.iso"},
    };
    struct oq_snapshot s = sample();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char line[OQ_RENDER_LINE];
        oq_table_head(rows[i].columns, rows[i].has_bar, line);
        assert_string_equal(line, rows[i].head);
        oq_table_row(&s, rows[i].columns, rows[i].has_bar, line);
        assert_string_equal(line, rows[i].row);
    }
}

static void table__every_width__is_kept_and_no_state_is_cut(void **state)
{
    (void)state;
    static const char *const texts[] = {"suspended", "queued",   "connecting",       "downloading",
                                        "waiting",   "paused",   "waiting to retry", "finishing",
                                        "failed",    "complete", "cancelled"};
    struct oq_snapshot s = sample();
    memset(s.file, 'n', sizeof s.file - 1);
    memset(s.waiting, 'w', sizeof s.waiting - 1);
    s.total_bytes = UINT64_MAX - 1;
    s.done_bytes = 1;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (unsigned columns = OQ_TABLE_NARROWEST; columns < 300; columns++) {
            char line[OQ_RENDER_LINE];
            s.state_text = texts[i];
            oq_table_row(&s, columns, true, line);
            assert_in_range(oq_render_columns(line), 1, columns);
            assert_non_null(strstr(line, texts[i]));
            oq_table_reason(&s, columns, line);
            assert_in_range(oq_render_columns(line), 1, columns);
        }
    }
}

static void reason__of_a_failure_or_wait__is_told_and_no_other(void **state)
{
    (void)state;
    char line[OQ_RENDER_LINE];
    struct oq_snapshot s = sample();
    oq_table_reason(&s, 80, line);
    assert_string_equal(line, "");
    snprintf(s.waiting, sizeof s.waiting, "waiting 3 s: could not connect");
    oq_table_reason(&s, 80, line);
    assert_string_equal(line, "          waiting 3 s: could not connect");
    s.state = OQ_SNAPSHOT_FAILED;
    snprintf(s.failure_text, sizeof s.failure_text, "not found");
    oq_table_reason(&s, 80, line);
    assert_string_equal(line, "          not found");
    s.state = OQ_SNAPSHOT_COMPLETE;
    oq_table_reason(&s, 80, line);
    assert_string_equal(line, "");
}

static void snapshot__names_and_sets__find_it(void **state)
{
    (void)state;
    struct oq_snapshot s = sample();
    struct oq_args args = {0};
    assert_true(oq_snapshot_is_named(&s, "16F4"));
    assert_true(oq_snapshot_is_named(&s, "DISK.iso"));
    assert_false(oq_snapshot_is_named(&s, "disk"));
    assert_false(oq_snapshot_is_named(&s, ""));
    assert_true(oq_snapshot_is_meant(&s, &args, NULL));
    assert_true(oq_snapshot_is_meant(&s, &args, "s-1-5-18"));
    assert_false(oq_snapshot_is_meant(&s, &args, "S-1-5-1"));
    args.is_failed = args.is_complete = true;
    assert_false(oq_snapshot_is_meant(&s, &args, NULL));
    s.state = OQ_SNAPSHOT_COMPLETE;
    assert_true(oq_snapshot_is_meant(&s, &args, NULL));
    s.state = OQ_SNAPSHOT_FAILED;
    assert_true(oq_snapshot_is_meant(&s, &args, NULL));
    args.match = "*.bin";
    assert_false(oq_snapshot_is_meant(&s, &args, NULL));
    snprintf(s.name, sizeof s.name, "my.bin");
    assert_true(oq_snapshot_is_meant(&s, &args, NULL));
    args.states = 1u << OQ_SNAPSHOT_WAITING;
    assert_false(oq_snapshot_is_meant(&s, &args, NULL));
}

static void snapshot__sorted__is_in_that_order(void **state)
{
    (void)state;
    static const struct {
        enum oq_sort by;
        const char *order;
    } rows[] = {{OQ_SORT_CREATED, "bac"}, {OQ_SORT_NAME, "abc"}, {OQ_SORT_STATE, "cba"},
                {OQ_SORT_SIZE, "acb"},    {OQ_SORT_DONE, "cab"}, {OQ_SORT_RATE, "bca"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oq_snapshot list[3] = {sample(), sample(), sample()};
        snprintf(list[0].file, sizeof list[0].file, "b");
        snprintf(list[1].file, sizeof list[1].file, "A");
        snprintf(list[2].file, sizeof list[2].file, "c");
        list[0].state = OQ_SNAPSHOT_WAITING;
        list[1].state = OQ_SNAPSHOT_FAILED;
        list[2].state = OQ_SNAPSHOT_CONNECTING;
        list[0].total_bytes = OQ_RENDER_UNKNOWN;
        list[1].total_bytes = 9;
        list[2].total_bytes = 8;
        list[0].done_bytes = 1;
        list[1].done_bytes = 2;
        list[2].done_bytes = 3;
        list[1].bytes_per_s = 99; /* does not run */
        list[2].bytes_per_s = 1;
        oq_snapshot_sort(list, 3, rows[i].by);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(list[k].file[0] | 0x20, rows[i].order[k]);
    }
}

/* --- JSON against its schema ------------------------------------------------------------------ */

static bool has_type(json_t *types, const json_t *value)
{
    static const char *const names[] = {"object", "array",   "string",  "integer",
                                        "number", "boolean", "boolean", "null"};
    const char *name = names[json_typeof(value)];
    size_t i;
    json_t *type;

    if (json_is_string(types))
        return strcmp(json_string_value(types), name) == 0;
    json_array_foreach(types, i, type)
    {
        if (strcmp(json_string_value(type), name) == 0)
            return true;
    }
    return false;
}

/* Every member is described and of a type and value that is allowed; all that are required are
 * there. */
static void assert_fits(json_t *schema, json_t *object)
{
    json_t *properties = json_object_get(schema, "properties");
    json_t *value, *name;
    const char *key;
    size_t i;

    assert_non_null(object);
    json_object_foreach(object, key, value)
    {
        json_t *property = json_object_get(properties, key);
        if (!property)
            fail_msg("%s is not in the schema", key);
        if (!has_type(json_object_get(property, "type"), value))
            fail_msg("%s has another type than the schema says", key);
        json_t *known = json_object_get(property, "enum");
        bool is_known = !known;
        size_t k;
        json_t *one;
        json_array_foreach(known, k, one) is_known = is_known || json_equal(one, value);
        if (!is_known)
            fail_msg("%s has a value that is not in the schema", key);
        if (json_is_object(value))
            assert_fits(property, value);
        size_t n;
        json_t *item;
        json_array_foreach(value, n, item) assert_fits(json_object_get(property, "items"), item);
    }
    json_array_foreach(json_object_get(schema, "required"), i, name)
    {
        if (!json_object_get(object, json_string_value(name)))
            fail_msg("%s is missing", json_string_value(name));
    }
}

static json_t *load_schema(const char *part)
{
    json_error_t error;
    char path[1024];

    snprintf(path, sizeof path, "%s/docs/qmgrctl.schema.json", getenv("OQ_SOURCE_DIR"));
    json_t *all = json_load_file(path, 0, &error);

    if (!all)
        fail_msg("line %d: %s", error.line, error.text);
    json_t *schema = json_incref(json_object_get(json_object_get(all, "$defs"), part));
    json_decref(all);
    assert_non_null(schema);
    return schema;
}

static void json__every_kind_of_snapshot__fits_the_schema(void **state)
{
    (void)state;
    json_t *group = load_schema("group"), *event = load_schema("event");
    for (unsigned i = 0; i < 2u * OQ_SNAPSHOT_STATES; i++) {
        struct oq_snapshot s = sample();
        s.state = (enum oq_snapshot_state)(i / 2);
        if (i % 2) {
            s.total_bytes = s.bytes_per_s = OQ_RENDER_UNKNOWN;
            s.failure = 0x80190194;
            s.failed_file = 3;
            s.failed_at_ms = s.created_at_ms = s.retry_at_ms = INT64_C(1700000000000);
            snprintf(s.failure_text, sizeof s.failure_text, "\"not\\found\"\n\x1b");
            snprintf(s.waiting, sizeof s.waiting, "why");
            s.max_bytes_per_s = 1000;
            s.is_foreground = true;
        }
        char *text = oq_json_group(&s);
        json_t *object = json_loads(text, 0, NULL);
        assert_fits(group, object);
        assert_null(strchr(text, '\n'));
        json_decref(object);
        oq_free(text);
        text = oq_json_event(i % 2 ? "failed" : "progress", &s, i % 2 ? 6 : -1);
        object = json_loads(text, 0, NULL);
        assert_fits(event, object);
        json_decref(object);
        oq_free(text);
    }
    json_decref(group);
    json_decref(event);
}

static void json__info_with_files__fits_the_schema(void **state)
{
    (void)state;
    static char url[] = "http://h/a", path[] = "C:\\a";
    struct oq_json_file files[2] = {
        {.url = url,
         .file = path,
         .state = "complete",
         .total_bytes = 7,
         .sources = {{url, "in use"}, {url, "ready"}},
         .source_count = 2},
        {.total_bytes = OQ_RENDER_UNKNOWN},
    };
    struct oq_snapshot s = sample();
    json_t *schema = load_schema("info");
    for (size_t count = 0; count <= 2; count++) {
        char *text = oq_json_info(&s, files, count);
        json_t *object = json_loads(text, 0, NULL);
        assert_fits(schema, object);
        assert_int_equal(json_array_size(json_object_get(object, "file_list")), count);
        json_decref(object);
        oq_free(text);
    }
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__columns__come_as_they_fit),
        cmocka_unit_test(table__every_width__is_kept_and_no_state_is_cut),
        cmocka_unit_test(reason__of_a_failure_or_wait__is_told_and_no_other),
        cmocka_unit_test(snapshot__names_and_sets__find_it),
        cmocka_unit_test(snapshot__sorted__is_in_that_order),
        cmocka_unit_test(json__info_with_files__fits_the_schema),
        cmocka_unit_test(json__every_kind_of_snapshot__fits_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
