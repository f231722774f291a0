/* test_transfer_machine.c - service/transfer/transfer_machine.c: the whole table, and what its
 * states promise. */
#include "test_unit.h"

#include "oq_transfer_machine.h"

#define STATES OQ_TRANSFER_STATE_COUNT
#define EVENTS OQ_TRANSFER_EVENT_COUNT

static bool take(unsigned state, unsigned event, struct oq_transfer_transition *out)
{
    return oq_transfer_transition((enum oq_transfer_state)state, (enum oq_transfer_event)event,
                                  out) == OQ_OK;
}

/* The whole table once more, a word per event in the order of the enumeration: "." must not come;
 * else the next state, with a letter for the outcome that is taken. */
/* clang-format off */
static const char *const expected[STATES] = {
    /* OPENED RESOLVE RESOLVED ACCEPT WHOLE VERIFY REPAIR FETCHED REFUTED
     *   RESTART FAIL FLUSH_FAILED STOP DISCARD SETTLED */
    [OQ_TRANSFER_OPENING]         = "req . . . flu . . . . . stoF . stoS stoD .",
    [OQ_TRANSFER_RESOLVING_PROXY] = ". . req . . . rep . . . stoF . stoS stoD .",
    [OQ_TRANSFER_REQUESTING]      = ". res . rec flu . . . . stoR stoF . stoS stoD .",
    [OQ_TRANSFER_RECEIVING]       = ". . . . flu . . . . stoR stoF endF stoS stoD .",
    [OQ_TRANSFER_FLUSHING]        = ". . . . . ver . endW stoS . stoF endF flu stoD .",
    [OQ_TRANSFER_VERIFYING]       = ". res . . . . rep endW stoS . stoF . stoS stoD .",
    [OQ_TRANSFER_REPAIRING]       = ". res . . . ver . . stoS . stoF . stoS stoD .",
    [OQ_TRANSFER_STOPPING]        = ". . . . . . . . . sto sto end sto stoD end",
    [OQ_TRANSFER_ENDED]           = ". . . . . . . . . . . . . . .",
};
/* clang-format on */

static const char *const short_names[STATES] = {
    [OQ_TRANSFER_OPENING] = "ope",    [OQ_TRANSFER_RESOLVING_PROXY] = "res",
    [OQ_TRANSFER_REQUESTING] = "req", [OQ_TRANSFER_RECEIVING] = "rec",
    [OQ_TRANSFER_FLUSHING] = "flu",   [OQ_TRANSFER_VERIFYING] = "ver",
    [OQ_TRANSFER_REPAIRING] = "rep",  [OQ_TRANSFER_STOPPING] = "sto",
    [OQ_TRANSFER_ENDED] = "end",
};

static void table__every_pair__is_as_written_here(void **state)
{
    (void)state;
    static const char outcomes[] = {
        [OQ_OUTCOME_NONE] = '\0',     [OQ_OUTCOME_FETCHED] = 'W', [OQ_OUTCOME_STOPPED] = 'S',
        [OQ_OUTCOME_DISCARDED] = 'D', [OQ_OUTCOME_RESTART] = 'R', [OQ_OUTCOME_FAILED] = 'F'};
    for (unsigned from = 0; from < STATES; from++) {
        char words[100];
        snprintf(words, sizeof words, "%s", expected[from]);
        const char *word = strtok(words, " ");
        for (unsigned event = 0; event < EVENTS; event++, word = strtok(NULL, " ")) {
            struct oq_transfer_transition to;
            char found[8] = ".";
            memset(&to, 0x5a, sizeof to);
            assert_non_null(word);
            if (take(from, event, &to))
                snprintf(found, sizeof found, "%s%c", short_names[to.next], outcomes[to.outcome]);
            else
                assert_int_equal(to.effects, 0x5a5a5a5a); /* untouched */
            if (strcmp(found, word) != 0)
                fail_msg("%s, %s: %s instead of %s",
                         oq_transfer_state_text((enum oq_transfer_state)from),
                         oq_transfer_event_name((enum oq_transfer_event)event), found, word);
        }
        assert_null(word);
    }
}

/* Every walk of up to eight events: an outcome is taken on entering STOPPING or ENDED, once, but
 * DISCARD overrides it; and in these two there is always one. */
static void walk(unsigned state, enum oq_transfer_outcome outcome, unsigned depth, unsigned *walks)
{
    bool is_over = state == OQ_TRANSFER_STOPPING || state == OQ_TRANSFER_ENDED;
    assert_int_equal(outcome != OQ_OUTCOME_NONE, is_over);
    if (depth == 0)
        return;
    for (unsigned event = 0; event < EVENTS; event++) {
        struct oq_transfer_transition to;
        if (!take(state, event, &to))
            continue;
        if (is_over && event != OQ_TRANSFER_EV_DISCARD)
            assert_int_equal(to.outcome, OQ_OUTCOME_NONE);
        if (is_over)
            assert_true(to.next == OQ_TRANSFER_STOPPING || to.next == OQ_TRANSFER_ENDED);
        ++*walks;
        walk(to.next, to.outcome != OQ_OUTCOME_NONE ? to.outcome : outcome, depth - 1, walks);
    }
}

static void table__every_walk__takes_the_first_outcome_only(void **state)
{
    (void)state;
    unsigned walks = 0;
    walk(OQ_TRANSFER_OPENING, OQ_OUTCOME_NONE, 8, &walks);
    assert_true(walks > 10000);
}

static void table__every_way_out__closes_the_request_and_reports_at_the_end_only(void **state)
{
    (void)state;
    for (unsigned from = 0; from < STATES; from++)
        for (unsigned event = 0; event < EVENTS; event++) {
            struct oq_transfer_transition to;
            if (!take(from, event, &to))
                continue;
            bool has_ended = to.next == OQ_TRANSFER_ENDED;
            assert_int_equal((to.effects & OQ_TRANSFER_DO_REPORT) != 0, has_ended);
            if (to.outcome != OQ_OUTCOME_NONE)
                assert_true(to.effects & OQ_TRANSFER_DO_CLOSE);
            if (to.next == OQ_TRANSFER_FLUSHING && from != OQ_TRANSFER_FLUSHING)
                assert_true(to.effects & OQ_TRANSFER_DO_SETTLE);
        }
}

/* From each state the host can end it, and what is discarded never counts as whole. */
static void table__stop_and_discard__are_legal_in_every_state(void **state)
{
    (void)state;
    for (unsigned from = 0; from < OQ_TRANSFER_ENDED; from++) {
        struct oq_transfer_transition to;
        assert_true(take(from, OQ_TRANSFER_EV_STOP, &to));
        assert_true(take(from, OQ_TRANSFER_EV_DISCARD, &to));
        assert_int_equal(to.outcome, OQ_OUTCOME_DISCARDED);
    }
}

static void transition__out_of_range__is_a_bug(void **state)
{
    (void)state;
    struct oq_transfer_transition to;
    assert_false(take(STATES, OQ_TRANSFER_EV_STOP, &to));
    assert_false(take(OQ_TRANSFER_OPENING, EVENTS, &to));
    assert_string_equal(oq_transfer_state_text((enum oq_transfer_state)STATES), "?");
    assert_string_equal(oq_transfer_event_name((enum oq_transfer_event)EVENTS), "?");
}

/* --- promises --------------------------------------------------------------------------------- */

/* A transfer as it is in that state, with 100 bytes saved. */
static struct oq_transfer_facts good(enum oq_transfer_state state)
{
    static const enum oq_transfer_work works[STATES] = {
        [OQ_TRANSFER_OPENING] = OQ_WORK_OPEN,   [OQ_TRANSFER_RESOLVING_PROXY] = OQ_WORK_PROXY,
        [OQ_TRANSFER_FLUSHING] = OQ_WORK_FLUSH, [OQ_TRANSFER_VERIFYING] = OQ_WORK_HASH,
        [OQ_TRANSFER_STOPPING] = OQ_WORK_FLUSH,
    };
    bool is_over = state == OQ_TRANSFER_STOPPING || state == OQ_TRANSFER_ENDED;
    return (struct oq_transfer_facts){
        .state = state,
        .outcome = is_over ? OQ_OUTCOME_STOPPED : OQ_OUTCOME_NONE,
        .work = works[state],
        .has_file = state != OQ_TRANSFER_OPENING,
        .has_request = state == OQ_TRANSFER_RESOLVING_PROXY || state == OQ_TRANSFER_REQUESTING ||
                       state == OQ_TRANSFER_RECEIVING || state == OQ_TRANSFER_REPAIRING,
        .has_verification = state == OQ_TRANSFER_VERIFYING || state == OQ_TRANSFER_REPAIRING,
        .done_bytes = 100,
        .written_bytes = state == OQ_TRANSFER_OPENING ? 0 : 100,
    };
}

static void check__good_facts__hold_in_every_state(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATES; i++) {
        struct oq_transfer_facts facts = good((enum oq_transfer_state)i);
        const char *broken = oq_transfer_check(&facts);
        if (broken)
            fail_msg("%s: %s", oq_transfer_state_text(facts.state), broken);
    }
    struct oq_transfer_facts none = {.state = (enum oq_transfer_state)STATES};
    assert_non_null(oq_transfer_check(&none));
}

static void assert_broken(struct oq_transfer_facts facts)
{
    if (!oq_transfer_check(&facts))
        fail_msg("nothing is said to be broken while it is %s",
                 oq_transfer_state_text(facts.state));
}

static void check__each_broken_promise__is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATES; i++) {
        enum oq_transfer_state one = (enum oq_transfer_state)i;
        struct oq_transfer_facts facts = good(one);
        facts.outcome = facts.outcome ? OQ_OUTCOME_NONE : OQ_OUTCOME_FAILED;
        assert_broken(facts);
        facts.has_effects = true; /* not even then */
        assert_broken(facts);
        for (unsigned work = 0; work < OQ_WORK_COUNT; work++) {
            facts = good(one);
            bool may_flush = one == OQ_TRANSFER_RECEIVING && work == OQ_WORK_FLUSH;
            bool is_before = one == OQ_TRANSFER_OPENING && work == OQ_WORK_NONE;
            bool waits = one == OQ_TRANSFER_STOPPING && work != OQ_WORK_NONE;
            if (work == facts.work || may_flush || is_before || waits)
                continue;
            facts.work = (enum oq_transfer_work)work;
            assert_broken(facts);
        }
        facts = good(one);
        facts.has_request = !facts.has_request;
        assert_broken(facts);
        if (facts.has_file && one != OQ_TRANSFER_RESOLVING_PROXY && one < OQ_TRANSFER_STOPPING) {
            facts = good(one);
            facts.has_file = false;
            assert_broken(facts);
        }
        if (one != OQ_TRANSFER_RESOLVING_PROXY && one < OQ_TRANSFER_STOPPING) {
            facts = good(one);
            facts.has_verification = !facts.has_verification;
            assert_broken(facts);
        }
        if (one >= OQ_TRANSFER_REQUESTING && one <= OQ_TRANSFER_VERIFYING) {
            facts = good(one);
            facts.written_bytes = 99;
            assert_broken(facts);
        }
        if (one == OQ_TRANSFER_REQUESTING || one == OQ_TRANSFER_VERIFYING) {
            facts = good(one);
            facts.buffered_bytes = 1;
            assert_broken(facts);
        }
    }
    struct oq_transfer_facts flushing = good(OQ_TRANSFER_REPAIRING);
    flushing.has_request = false;
    flushing.work = OQ_WORK_FLUSH;
    assert_null(oq_transfer_check(&flushing));
}

static void names__each__are_said_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENTS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(oq_transfer_event_name((enum oq_transfer_event)i),
                                    oq_transfer_event_name((enum oq_transfer_event)j));
    for (unsigned i = 0; i < STATES; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(oq_transfer_state_text((enum oq_transfer_state)i),
                                    oq_transfer_state_text((enum oq_transfer_state)j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__every_pair__is_as_written_here),
        cmocka_unit_test(table__every_walk__takes_the_first_outcome_only),
        cmocka_unit_test(table__every_way_out__closes_the_request_and_reports_at_the_end_only),
        cmocka_unit_test(table__stop_and_discard__are_legal_in_every_state),
        cmocka_unit_test(transition__out_of_range__is_a_bug),
        cmocka_unit_test(check__good_facts__hold_in_every_state),
        cmocka_unit_test(check__each_broken_promise__is_found),
        cmocka_unit_test(names__each__are_said_once),
    };
    return cmocka_run_group_tests_name("transfer machine", tests, NULL, NULL);
}
