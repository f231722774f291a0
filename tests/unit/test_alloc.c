/* test_alloc.c - service/base/alloc.c */
#include "test_unit.h"

#include "oq_alloc.h"
#include "oq_fault.h"

static void alloc__zero_bytes__is_not_a_failure(void **state)
{
    (void)state;
    void *a = oq_malloc(0), *b = oq_calloc(0, 8), *c = oq_calloc(8, 0), *d = oq_realloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    d = oq_realloc(d, 0);
    assert_non_null(d);
    oq_free(a);
    oq_free(b);
    oq_free(c);
    oq_free(d);
    oq_free(NULL);
}

static void calloc__product_overflows__gives_null(void **state)
{
    (void)state;
    /* volatile: else the compiler knows the sizes and warns. */
    volatile size_t half = SIZE_MAX / 2 + 1;
    assert_null(oq_calloc(half, 2));
    assert_null(oq_calloc(3, half));
}

static void calloc__memory__is_zeroed(void **state)
{
    (void)state;
    unsigned char *block = oq_calloc(7, 9);
    assert_non_null(block);
    for (size_t i = 0; i < 63; i++)
        assert_int_equal(block[i], 0);
    oq_free(block);
}

static void realloc__larger__keeps_the_content(void **state)
{
    (void)state;
    char *block = oq_malloc(4);
    assert_non_null(block);
    memcpy(block, "abc", 4);
    block = oq_realloc(block, 4000);
    assert_non_null(block);
    assert_string_equal(block, "abc");
    oq_free(block);
}

static void strdup__null__gives_null(void **state)
{
    (void)state;
    assert_null(oq_strdup(NULL));
    assert_null(oq_strndup(NULL, 5));
}

static void strdup__text__is_a_copy(void **state)
{
    (void)state;
    char text[] = "abc";
    char *copy = oq_strdup(text);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    oq_free(copy);
    copy = oq_strdup("");
    assert_string_equal(copy, "");
    oq_free(copy);
}

static void strndup__length__is_an_upper_bound(void **state)
{
    (void)state;
    static const char not_terminated[3] = {'a', 'b', 'c'};
    char *copy = oq_strndup(not_terminated, 3);
    assert_string_equal(copy, "abc");
    oq_free(copy);
    copy = oq_strndup("abc", 0);
    assert_string_equal(copy, "");
    oq_free(copy);
    copy = oq_strndup("abc", SIZE_MAX);
    assert_string_equal(copy, "abc");
    oq_free(copy);
}

static void asprintf__any_length__is_whole(void **state)
{
    (void)state;
    char *text = oq_asprintf("%s-%d-%llu", "x", -1, 18446744073709551615ull);
    assert_string_equal(text, "x--1-18446744073709551615");
    oq_free(text);
    text = oq_asprintf("%0*d", 5000, 7);
    assert_int_equal(strlen(text), 5000);
    assert_string_equal(text + 4997, "007");
    oq_free(text);
    text = oq_asprintf("%s", "");
    assert_string_equal(text, "");
    oq_free(text);
}

#ifdef OQ_FAULT_INJECTION

static int disarm(void **state)
{
    (void)state;
    oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
    return 0;
}

static void alloc__armed__each_function_fails_once(void **state)
{
    (void)state;
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    assert_null(oq_malloc(1));
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    assert_null(oq_calloc(1, 1));
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    assert_null(oq_strdup("a"));
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    assert_null(oq_strndup("a", 1));
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    assert_null(oq_asprintf("%d", 1));
    void *block = oq_malloc(1);
    assert_non_null(block);
    oq_free(block);
}

static void realloc__armed__old_block_stays(void **state)
{
    (void)state;
    char *block = oq_strdup("abc");
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    assert_null(oq_realloc(block, 100));
    assert_string_equal(block, "abc");
    oq_free(block);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc__zero_bytes__is_not_a_failure),
        cmocka_unit_test(calloc__product_overflows__gives_null),
        cmocka_unit_test(calloc__memory__is_zeroed),
        cmocka_unit_test(realloc__larger__keeps_the_content),
        cmocka_unit_test(strdup__null__gives_null),
        cmocka_unit_test(strdup__text__is_a_copy),
        cmocka_unit_test(strndup__length__is_an_upper_bound),
        cmocka_unit_test(asprintf__any_length__is_whole),
#ifdef OQ_FAULT_INJECTION
        cmocka_unit_test_teardown(alloc__armed__each_function_fails_once, disarm),
        cmocka_unit_test_teardown(realloc__armed__old_block_stays, disarm),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
