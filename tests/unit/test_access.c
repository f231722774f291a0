/* test_access.c - service/core/access.c against contract section 4, D6, D7 */
#include "test_unit.h"

#include "oq_access.h"

#define ALICE "S-1-5-21-1-2-3-1001"
#define BOB "S-1-5-21-1-2-3-1002"

static void access__table__is_as_the_contract_says(void **state)
{
    (void)state;
    static const struct {
        enum oq_access_verb verb;
        const char *caller;
        bool is_admin;
        enum oq_status status;
        bool takes_ownership;
    } cases[] = {
        /* The owner, administrator or not: everything, and nothing changes hands. */
        {OQ_ACCESS_LIST, ALICE, false, OQ_OK, false},
        {OQ_ACCESS_TAKE, ALICE, false, OQ_OK, false},
        {OQ_ACCESS_PEEK, ALICE, false, OQ_OK, false},
        {OQ_ACCESS_READ, ALICE, false, OQ_OK, false},
        {OQ_ACCESS_CHANGE, ALICE, false, OQ_OK, false},
        {OQ_ACCESS_LIST, ALICE, true, OQ_OK, false},
        {OQ_ACCESS_TAKE, ALICE, true, OQ_OK, false},
        {OQ_ACCESS_PEEK, ALICE, true, OQ_OK, false},
        {OQ_ACCESS_READ, ALICE, true, OQ_OK, false},
        {OQ_ACCESS_CHANGE, ALICE, true, OQ_OK, false},
        /* Another administrator: everything; GetGroup makes him the owner. */
        {OQ_ACCESS_LIST, BOB, true, OQ_OK, false},
        {OQ_ACCESS_TAKE, BOB, true, OQ_OK, true},
        {OQ_ACCESS_PEEK, BOB, true, OQ_OK, false},
        {OQ_ACCESS_READ, BOB, true, OQ_OK, false},
        {OQ_ACCESS_CHANGE, BOB, true, OQ_OK, false},
        /* Anybody else: GetGroup does not even tell that the group exists (D6). */
        {OQ_ACCESS_LIST, BOB, false, OQ_E_ACCESS_DENIED, false},
        {OQ_ACCESS_TAKE, BOB, false, OQ_E_NOT_FOUND, false},
        {OQ_ACCESS_PEEK, BOB, false, OQ_E_NOT_FOUND, false},
        {OQ_ACCESS_READ, BOB, false, OQ_E_ACCESS_DENIED, false},
        {OQ_ACCESS_CHANGE, BOB, false, OQ_E_ACCESS_DENIED, false},
    };
    assert_int_equal(COUNT_OF(cases), OQ_ACCESS_VERB_COUNT * 4);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_access_decision got =
            oq_access_decide(cases[i].verb, cases[i].caller, cases[i].is_admin, ALICE);
        assert_int_equal(got.status, cases[i].status);
        assert_int_equal(got.takes_ownership, cases[i].takes_ownership);
    }
}

static void access__caller_without_a_name__is_refused_even_as_administrator(void **state)
{
    (void)state;
    static const char *const callers[] = {NULL, ""};
    static const char *const owners[] = {NULL, "", ALICE};
    for (int verb = 0; verb < OQ_ACCESS_VERB_COUNT; verb++)
        for (size_t c = 0; c < COUNT_OF(callers); c++)
            for (size_t o = 0; o < COUNT_OF(owners); o++)
                for (int admin = 0; admin < 2; admin++) {
                    struct oq_access_decision got =
                        oq_access_decide((enum oq_access_verb)verb, callers[c], admin, owners[o]);
                    assert_int_not_equal(got.status, OQ_OK);
                    assert_false(got.takes_ownership);
                }
}

static void access__owner_without_a_name__is_nobody(void **state)
{
    (void)state;
    assert_int_equal(oq_access_decide(OQ_ACCESS_CHANGE, ALICE, false, NULL).status,
                     OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_access_decide(OQ_ACCESS_CHANGE, ALICE, false, "").status,
                     OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_access_decide(OQ_ACCESS_CHANGE, ALICE, true, NULL).status, OQ_OK);
}

static void access__sid_that_only_begins_alike__is_another_user(void **state)
{
    (void)state;
    assert_int_equal(oq_access_decide(OQ_ACCESS_READ, ALICE "1", false, ALICE).status,
                     OQ_E_ACCESS_DENIED);
    assert_int_equal(oq_access_decide(OQ_ACCESS_READ, ALICE, false, ALICE "1").status,
                     OQ_E_ACCESS_DENIED);
}

static void access__unknown_verb__is_refused(void **state)
{
    (void)state;
    assert_int_equal(oq_access_decide(OQ_ACCESS_VERB_COUNT, ALICE, true, ALICE).status,
                     OQ_E_ACCESS_DENIED);
    assert_false(oq_access_decide(OQ_ACCESS_VERB_COUNT, ALICE, true, BOB).takes_ownership);
    assert_int_equal(oq_access_decide((enum oq_access_verb) - 1, ALICE, true, ALICE).status,
                     OQ_E_ACCESS_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access__table__is_as_the_contract_says),
        cmocka_unit_test(access__caller_without_a_name__is_refused_even_as_administrator),
        cmocka_unit_test(access__owner_without_a_name__is_nobody),
        cmocka_unit_test(access__sid_that_only_begins_alike__is_another_user),
        cmocka_unit_test(access__unknown_verb__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
