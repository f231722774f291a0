/* test_config.c - service/core/config.c */
#include "test_unit.h"

#include "oq_config.h"

/* Reads the field by its place in the struct: every field is an int64_t, in the order of the list.
 */
static int64_t field(const struct oq_config *config, size_t index)
{
    int64_t value;
    memcpy(&value, (const char *)config + index * sizeof value, sizeof value);
    return value;
}

static void items__every_item__has_a_sane_range_and_a_unique_name(void **state)
{
    (void)state;
    size_t count = 0;
    const struct oq_config_item *items = oq_config_items(&count);
    assert_int_equal(count * sizeof(int64_t), sizeof(struct oq_config));
    for (size_t i = 0; i < count; i++) {
        assert_true(items[i].lowest <= items[i].standard);
        assert_true(items[i].standard <= items[i].highest);
        assert_true(items[i].lowest >= 0);
        assert_true(strlen(items[i].name) > 0);
        assert_true(strlen(items[i].meaning) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(items[i].name, items[j].name);
    }
}

static void init__nonsense__becomes_the_defaults(void **state)
{
    (void)state;
    struct oq_config config;
    size_t count = 0;
    const struct oq_config_item *items = oq_config_items(&count);
    memset(&config, 0x5a, sizeof config);
    oq_config_init(&config);
    for (size_t i = 0; i < count; i++)
        assert_true(field(&config, i) == items[i].standard);
    /* Figures of the contract (0.1, D9, A.1). */
    assert_int_equal(config.files_in_flight, 4);
    assert_int_equal(config.retry_first_ms, 5000);
    assert_int_equal(config.retry_longest_ms, 10 * 60 * 1000);
    assert_int_equal(config.retry_after_limit_ms, 24 * 3600 * 1000);
    assert_int_equal(config.no_progress_ms, 14ll * 24 * 3600 * 1000);
    assert_int_equal(config.inactivity_ms, 90ll * 24 * 3600 * 1000);
    assert_int_equal(config.groups_per_user, 60);
    assert_int_equal(config.groups_per_machine, 300);
    assert_int_equal(config.files_per_job, 200);
    /* What the product is for: docs/decisions/0017. */
    assert_int_equal(config.idle_throttle, 1);
}

static void set__every_item__accepts_its_ends_and_refuses_one_beyond(void **state)
{
    (void)state;
    size_t count = 0;
    const struct oq_config_item *items = oq_config_items(&count);
    for (size_t i = 0; i < count; i++) {
        struct oq_config config, wanted;
        struct oq_error err;
        oq_config_init(&config);
        assert_int_equal(oq_config_set(&config, items[i].name, items[i].lowest, NULL), OQ_OK);
        assert_true(field(&config, i) == items[i].lowest);
        assert_int_equal(oq_config_set(&config, items[i].name, items[i].highest, NULL), OQ_OK);
        assert_true(field(&config, i) == items[i].highest);

        const int64_t bad[] = {items[i].lowest - 1, items[i].highest + 1, INT64_MIN, INT64_MAX};
        wanted = config;
        for (size_t b = 0; b < COUNT_OF(bad); b++) {
            oq_error_init(&err);
            assert_int_equal(oq_config_set(&config, items[i].name, bad[b], &err), OQ_E_INVALID_ARG);
            assert_int_equal(oq_config_set(&config, items[i].name, bad[b], NULL), OQ_E_INVALID_ARG);
            assert_memory_equal(&config, &wanted, sizeof config);
            assert_int_equal(err.status, OQ_E_INVALID_ARG);
            char range[64];
            snprintf(range, sizeof range, "%lld to %lld", (long long)items[i].lowest,
                     (long long)items[i].highest);
            assert_non_null(strstr(err.text, range));
            assert_non_null(strstr(err.text, items[i].name));
        }
        /* Only that field has moved. */
        oq_config_init(&wanted);
        for (size_t j = 0; j < count; j++)
            assert_true(j == i || field(&config, j) == field(&wanted, j));
    }
}

static void set__name_in_another_case__is_the_same(void **state)
{
    (void)state;
    struct oq_config config;
    oq_config_init(&config);
    assert_int_equal(oq_config_set(&config, "filesinflight", 7, NULL), OQ_OK);
    assert_int_equal(config.files_in_flight, 7);
    assert_int_equal(oq_config_set(&config, "FILESINFLIGHT", 8, NULL), OQ_OK);
    assert_int_equal(config.files_in_flight, 8);

    size_t count = 0;
    const struct oq_config_item *items = oq_config_items(&count);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", items[i].name);
        for (char *p = name; *p; p++)
            *p = (char)(*p ^ 0x20); /* names are letters only */
        assert_int_equal(oq_config_set(&config, name, items[i].highest, NULL), OQ_OK);
        assert_true(field(&config, i) == items[i].highest);
    }
}

static void set__unknown_name__is_not_found(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "FilesInFligh", "FilesInFlight2", "files_in_flight", " FilesInFlight", NULL};
    struct oq_config config, before;
    oq_config_init(&config);
    before = config;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct oq_error err;
        oq_error_init(&err);
        assert_int_equal(oq_config_set(&config, names[i], 5, &err), OQ_E_NOT_FOUND);
        assert_int_equal(err.status, OQ_E_NOT_FOUND);
        assert_memory_equal(&config, &before, sizeof config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items__every_item__has_a_sane_range_and_a_unique_name),
        cmocka_unit_test(init__nonsense__becomes_the_defaults),
        cmocka_unit_test(set__every_item__accepts_its_ends_and_refuses_one_beyond),
        cmocka_unit_test(set__name_in_another_case__is_the_same),
        cmocka_unit_test(set__unknown_name__is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
