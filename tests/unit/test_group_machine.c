/* test_group_machine.c - service/core/group_machine.c: every state with every event, edges and
 * holes */
#include "test_unit.h"

#include "oq_group_machine.h"

#define HOLE                                                                                       \
    {                                                                                              \
        -1, 0                                                                                      \
    }
#define STOP OQ_DO_STOP_TRANSFERS
#define SCHEDULE OQ_DO_SCHEDULE
#define CLEAR OQ_DO_CLEAR_ERROR

/* The contract once more, in another form than the table: 3.1, D2, D3, D4, D5, D15, D21. */
/* clang-format off */
static const struct {
    int next; /* -1 = illegal */
    unsigned effects;
} wanted[OQ_GROUP_STATE_COUNT][OQ_GROUP_EVENT_COUNT] = {
    /* RESUME, SUSPEND, CANCEL, FATAL_ERROR, ALL_FETCHED, COMMITTED, FILES_ADDED */
    [OQ_GROUP_SUSPENDED] = {
        {OQ_GROUP_ACTIVE, SCHEDULE | CLEAR},
        {OQ_GROUP_SUSPENDED, 0},
        {OQ_GROUP_CANCELLING, STOP | OQ_DO_DISCARD},
        HOLE, HOLE, HOLE,
        {OQ_GROUP_SUSPENDED, 0},
    },
    [OQ_GROUP_ACTIVE] = {
        {OQ_GROUP_ACTIVE, SCHEDULE},
        {OQ_GROUP_SUSPENDED, STOP},
        {OQ_GROUP_CANCELLING, STOP | OQ_DO_DISCARD},
        {OQ_GROUP_ERROR, STOP | OQ_DO_EVENT_ERROR},
        {OQ_GROUP_COMMITTING, OQ_DO_COMMIT_FILES},
        HOLE,
        {OQ_GROUP_ACTIVE, SCHEDULE},
    },
    [OQ_GROUP_COMMITTING] = {
        {OQ_GROUP_COMMITTING, 0},
        {OQ_GROUP_COMMITTING, 0},
        {OQ_GROUP_CANCELLING, STOP | OQ_DO_DISCARD},
        {OQ_GROUP_ERROR, STOP | OQ_DO_EVENT_ERROR},
        HOLE,
        {OQ_GROUP_COMPLETE, OQ_DO_EVENT_COMPLETE},
        HOLE,
    },
    [OQ_GROUP_ERROR] = {
        {OQ_GROUP_ACTIVE, SCHEDULE | CLEAR},
        {OQ_GROUP_ERROR, 0},
        {OQ_GROUP_CANCELLING, STOP | OQ_DO_DISCARD},
        HOLE, HOLE, HOLE,
        {OQ_GROUP_ERROR, 0},
    },
    [OQ_GROUP_COMPLETE] = {
        {OQ_GROUP_COMPLETE, 0},
        {OQ_GROUP_COMPLETE, 0},
        {OQ_GROUP_CANCELLING, STOP | OQ_DO_DISCARD},
        HOLE, HOLE, HOLE, HOLE,
    },
    [OQ_GROUP_CANCELLING] = {HOLE, HOLE, HOLE, HOLE, HOLE, HOLE, HOLE},
};
/* clang-format on */

#define NONSENSE_STATE ((enum oq_group_state)0x5a)
#define NONSENSE_EFFECTS 0xdeadu

/* Shows IBackgroundCopyGroup::SuspendGroup.change-when-suspended .change-while-files */
static void transition__every_state_and_event__is_as_the_contract_says(void **state)
{
    (void)state;
    for (int s = 0; s < OQ_GROUP_STATE_COUNT; s++) {
        for (int e = 0; e < OQ_GROUP_EVENT_COUNT; e++) {
            struct oq_transition got = {NONSENSE_STATE, NONSENSE_EFFECTS};
            enum oq_status status =
                oq_group_transition((enum oq_group_state)s, (enum oq_group_event)e, &got);
            bool is_hole = wanted[s][e].next < 0;
            int next = is_hole ? (int)NONSENSE_STATE : wanted[s][e].next;
            unsigned effects = is_hole ? NONSENSE_EFFECTS : wanted[s][e].effects;
            if (status != (is_hole ? OQ_E_INVALID_STATE : OQ_OK) || (int)got.next != next ||
                got.effects != effects)
                fail_msg("%s + %s gave %s, %s, effects %#x",
                         oq_group_state_text((enum oq_group_state)s),
                         oq_group_event_name((enum oq_group_event)e), oq_status_name(status),
                         oq_group_state_text(got.next), got.effects);
        }
    }
}

static void transition__values_out_of_range__are_illegal(void **state)
{
    (void)state;
    struct oq_transition got = {NONSENSE_STATE, NONSENSE_EFFECTS};
    assert_int_equal(oq_group_transition(OQ_GROUP_STATE_COUNT, OQ_EV_CANCEL, &got),
                     OQ_E_INVALID_STATE);
    assert_int_equal(oq_group_transition(OQ_GROUP_ACTIVE, OQ_GROUP_EVENT_COUNT, &got),
                     OQ_E_INVALID_STATE);
    assert_int_equal(oq_group_transition((enum oq_group_state) - 1, OQ_EV_CANCEL, &got),
                     OQ_E_INVALID_STATE);
    assert_int_equal(oq_group_transition(OQ_GROUP_ACTIVE, (enum oq_group_event) - 1, &got),
                     OQ_E_INVALID_STATE);
    assert_int_equal(got.next, NONSENSE_STATE);
    assert_int_equal(got.effects, NONSENSE_EFFECTS);
}

/* What must hold for any table, so that an edge added later is thought through. */
static void transition__every_edge__keeps_the_rules_of_effects(void **state)
{
    (void)state;
    for (int s = 0; s < OQ_GROUP_STATE_COUNT; s++) {
        for (int e = 0; e < OQ_GROUP_EVENT_COUNT; e++) {
            struct oq_transition got;
            if (oq_group_transition((enum oq_group_state)s, (enum oq_group_event)e, &got) != OQ_OK)
                continue;
            bool leaves = (int)got.next != s;
            if (s == OQ_GROUP_ACTIVE && leaves &&
                got.next != OQ_GROUP_COMMITTING) /* then nothing runs any more */
                assert_true(got.effects & OQ_DO_STOP_TRANSFERS);
            assert_int_equal(!!(got.effects & OQ_DO_DISCARD), got.next == OQ_GROUP_CANCELLING);
            assert_int_equal(!!(got.effects & OQ_DO_EVENT_COMPLETE),
                             leaves && got.next == OQ_GROUP_COMPLETE);
            assert_int_equal(!!(got.effects & OQ_DO_EVENT_ERROR),
                             leaves && got.next == OQ_GROUP_ERROR);
            assert_int_equal(!!(got.effects & OQ_DO_COMMIT_FILES),
                             leaves && got.next == OQ_GROUP_COMMITTING);
            if (got.effects & OQ_DO_SCHEDULE)
                assert_int_equal(got.next, OQ_GROUP_ACTIVE);
            if (s == OQ_GROUP_ERROR && leaves && got.next != OQ_GROUP_CANCELLING)
                assert_true(got.effects & OQ_DO_CLEAR_ERROR);
        }
    }
}

static void transition__from_suspended__every_state_can_be_reached(void **state)
{
    (void)state;
    bool reached[OQ_GROUP_STATE_COUNT] = {[OQ_GROUP_SUSPENDED] = true};
    for (int round = 0; round < OQ_GROUP_STATE_COUNT; round++)
        for (int s = 0; s < OQ_GROUP_STATE_COUNT; s++)
            for (int e = 0; reached[s] && e < OQ_GROUP_EVENT_COUNT; e++) {
                struct oq_transition got;
                if (oq_group_transition((enum oq_group_state)s, (enum oq_group_event)e, &got) ==
                    OQ_OK)
                    reached[got.next] = true;
            }
    for (int s = 0; s < OQ_GROUP_STATE_COUNT; s++)
        assert_true(reached[s]);
}

static void event_name__every_event__is_unique(void **state)
{
    (void)state;
    for (int a = 0; a < OQ_GROUP_EVENT_COUNT; a++) {
        assert_string_not_equal(oq_group_event_name((enum oq_group_event)a), "?");
        for (int b = 0; b < a; b++)
            assert_string_not_equal(oq_group_event_name((enum oq_group_event)a),
                                    oq_group_event_name((enum oq_group_event)b));
    }
    assert_string_equal(oq_group_event_name(OQ_EV_RESUME), "RESUME");
    assert_string_equal(oq_group_event_name(OQ_GROUP_EVENT_COUNT), "?");
}

/* --- rights -------------------------------------------------------------------------------- */

#define ALICE "S-1-5-21-1-2-3-1001"
#define BOB "S-1-5-21-1-2-3-1002"
#define PLAIN                                                                                      \
    {                                                                                              \
        .integrity = 0x2000                                                                        \
    }
#define ADMIN                                                                                      \
    {                                                                                              \
        .is_admin = true, .integrity = 0x3000                                                      \
    }

static const struct oq_rights plain_rights = PLAIN, admin_rights = ADMIN;

/* Shows all.access IBackgroundCopyQMgr::GetGroup.group-another-user */
static void access__table__is_as_the_contract_says(void **state)
{
    (void)state;
    static const struct {
        enum oq_access_verb verb;
        const char *caller;
        struct oq_rights rights;
        enum oq_status status;
        bool takes_ownership;
    } cases[] = {
        /* The owner, administrator or not: everything, and nothing changes hands. */
        {OQ_ACCESS_LIST, ALICE, PLAIN, OQ_OK, false},
        {OQ_ACCESS_TAKE, ALICE, PLAIN, OQ_OK, false},
        {OQ_ACCESS_PEEK, ALICE, PLAIN, OQ_OK, false},
        {OQ_ACCESS_READ, ALICE, PLAIN, OQ_OK, false},
        {OQ_ACCESS_CHANGE, ALICE, PLAIN, OQ_OK, false},
        {OQ_ACCESS_LIST, ALICE, ADMIN, OQ_OK, false},
        {OQ_ACCESS_TAKE, ALICE, ADMIN, OQ_OK, false},
        {OQ_ACCESS_PEEK, ALICE, ADMIN, OQ_OK, false},
        {OQ_ACCESS_READ, ALICE, ADMIN, OQ_OK, false},
        {OQ_ACCESS_CHANGE, ALICE, ADMIN, OQ_OK, false},
        /* Another administrator: everything; GetGroup makes him the owner. */
        {OQ_ACCESS_LIST, BOB, ADMIN, OQ_OK, false},
        {OQ_ACCESS_TAKE, BOB, ADMIN, OQ_OK, true},
        {OQ_ACCESS_PEEK, BOB, ADMIN, OQ_OK, false},
        {OQ_ACCESS_READ, BOB, ADMIN, OQ_OK, false},
        {OQ_ACCESS_CHANGE, BOB, ADMIN, OQ_OK, false},
        /* Anybody else: GetGroup does not even tell that the group exists (D6). */
        {OQ_ACCESS_LIST, BOB, PLAIN, OQ_E_ACCESS_DENIED, false},
        {OQ_ACCESS_TAKE, BOB, PLAIN, OQ_E_NOT_FOUND, false},
        {OQ_ACCESS_PEEK, BOB, PLAIN, OQ_E_NOT_FOUND, false},
        {OQ_ACCESS_READ, BOB, PLAIN, OQ_E_ACCESS_DENIED, false},
        {OQ_ACCESS_CHANGE, BOB, PLAIN, OQ_E_ACCESS_DENIED, false},
    };
    assert_int_equal(COUNT_OF(cases), OQ_ACCESS_VERB_COUNT * 4);
    static const struct oq_rights plain = PLAIN;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_access_decision got =
            oq_access_decide(cases[i].verb, cases[i].caller, &cases[i].rights, ALICE, &plain);
        assert_int_equal(got.status, cases[i].status);
        assert_int_equal(got.takes_ownership, cases[i].takes_ownership);
    }
}

/* Another token of the owner's: reads, and changes only with the rights that made the group. */
static void access__owner_with_other_rights__changes_only_with_enough(void **state)
{
    (void)state;
    static const struct {
        struct oq_rights caller, owner;
        bool may_change;
    } cases[] = {
        {PLAIN, ADMIN, false},
        {ADMIN, PLAIN, true},
        {{.integrity = 0x2000}, {.integrity = 0x2010}, false},
        {{.integrity = 0x3000}, {.integrity = 0x2000}, true},
        /* Two services of one account, and a program of it that is none. */
        {{.integrity = 0x4000, .marks = 1}, {.integrity = 0x4000, .marks = 2}, false},
        {{.integrity = 0x4000}, {.integrity = 0x4000, .marks = 2}, false},
        {{.integrity = 0x4000, .marks = 2}, {.integrity = 0x4000, .marks = 2}, true},
        {{.integrity = 0x4000, .marks = 2}, {.integrity = 0x4000}, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int verb = 0; verb < OQ_ACCESS_VERB_COUNT; verb++) {
            struct oq_access_decision got = oq_access_decide(
                (enum oq_access_verb)verb, ALICE, &cases[i].caller, ALICE, &cases[i].owner);
            bool is_allowed = verb != OQ_ACCESS_CHANGE || cases[i].may_change;
            assert_int_equal(got.status, is_allowed ? OQ_OK : OQ_E_ACCESS_DENIED);
            assert_false(got.takes_ownership);
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
                    struct oq_access_decision got = oq_access_decide(
                        (enum oq_access_verb)verb, callers[c],
                        admin ? &admin_rights : &plain_rights, owners[o], &plain_rights);
                    assert_int_not_equal(got.status, OQ_OK);
                    assert_false(got.takes_ownership);
                }
}

static void access__owner_without_a_name__is_nobody(void **state)
{
    (void)state;
    assert_int_equal(
        oq_access_decide(OQ_ACCESS_CHANGE, ALICE, &plain_rights, NULL, &plain_rights).status,
        OQ_E_ACCESS_DENIED);
    assert_int_equal(
        oq_access_decide(OQ_ACCESS_CHANGE, ALICE, &plain_rights, "", &plain_rights).status,
        OQ_E_ACCESS_DENIED);
    assert_int_equal(
        oq_access_decide(OQ_ACCESS_CHANGE, ALICE, &admin_rights, NULL, &plain_rights).status,
        OQ_OK);
}

static void access__sid_that_only_begins_alike__is_another_user(void **state)
{
    (void)state;
    assert_int_equal(
        oq_access_decide(OQ_ACCESS_READ, ALICE "1", &plain_rights, ALICE, &plain_rights).status,
        OQ_E_ACCESS_DENIED);
    assert_int_equal(
        oq_access_decide(OQ_ACCESS_READ, ALICE, &plain_rights, ALICE "1", &plain_rights).status,
        OQ_E_ACCESS_DENIED);
}

static void access__unknown_verb__is_refused(void **state)
{
    (void)state;
    assert_int_equal(
        oq_access_decide(OQ_ACCESS_VERB_COUNT, ALICE, &admin_rights, ALICE, &plain_rights).status,
        OQ_E_ACCESS_DENIED);
    assert_false(oq_access_decide(OQ_ACCESS_VERB_COUNT, ALICE, &admin_rights, BOB, &plain_rights)
                     .takes_ownership);
    assert_int_equal(
        oq_access_decide((enum oq_access_verb) - 1, ALICE, &admin_rights, ALICE, &plain_rights)
            .status,
        OQ_E_ACCESS_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transition__every_state_and_event__is_as_the_contract_says),
        cmocka_unit_test(transition__values_out_of_range__are_illegal),
        cmocka_unit_test(transition__every_edge__keeps_the_rules_of_effects),
        cmocka_unit_test(transition__from_suspended__every_state_can_be_reached),
        cmocka_unit_test(event_name__every_event__is_unique),
        cmocka_unit_test(access__table__is_as_the_contract_says),
        cmocka_unit_test(access__owner_with_other_rights__changes_only_with_enough),
        cmocka_unit_test(access__caller_without_a_name__is_refused_even_as_administrator),
        cmocka_unit_test(access__owner_without_a_name__is_nobody),
        cmocka_unit_test(access__sid_that_only_begins_alike__is_another_user),
        cmocka_unit_test(access__unknown_verb__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
