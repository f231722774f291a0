/* test_delivery.c - service/core/delivery.c */
#include "test_unit.h"

#include "oq_delivery.h"

#define NOW 1000000
static const struct oq_delivery_rules *const rules = &oq_delivery_rules_default;

/* Groups, their users, and calls under way, as the notifier keeps them. */
static struct oq_delivery groups[80];
static struct oq_delivery_user users[80];
static uint32_t under_way;

static int set_up(void **state)
{
    (void)state;
    memset(groups, 0, sizeof groups);
    memset(users, 0, sizeof users);
    under_way = 0;
    return 0;
}

static struct oq_delivery *next(int64_t now_ms, int64_t *wake_at_ms)
{
    struct oq_delivery_choice choice;
    memset(&choice, 0xa5, sizeof choice);
    oq_delivery_choice_init(&choice, rules, under_way, now_ms);
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        oq_delivery_consider(&choice, &groups[i]);
    if (wake_at_ms)
        *wake_at_ms = choice.wake_at_ms;
    return choice.best;
}

static struct oq_delivery_call begin(struct oq_delivery *group)
{
    struct oq_delivery_call call;
    memset(&call, 0xa5, sizeof call);
    oq_delivery_begin(group, &call);
    under_way++;
    return call;
}

static enum oq_delivery_effect end(struct oq_delivery *group, const struct oq_delivery_call *call,
                                   enum oq_delivery_answer answer, int64_t now_ms)
{
    under_way--;
    return oq_delivery_end(group, call, answer, rules, now_ms);
}

/* A group of user `user` with an event, both there at NOW. */
static struct oq_delivery *ready(size_t group, size_t user)
{
    oq_delivery_post(&groups[group], true, 1, NOW);
    oq_delivery_register(&groups[group], &users[user], NOW);
    return &groups[group];
}

/* --- who is called ---------------------------------------------------------------------------- */

static void next__no_group_has_both__is_nobody(void **state)
{
    (void)state;
    int64_t wake_at_ms = 0;
    oq_delivery_post(&groups[0], true, 1, NOW);
    oq_delivery_register(&groups[1], &users[0], NOW);
    assert_null(next(NOW, &wake_at_ms));
    assert_true(wake_at_ms == INT64_MAX);
}

static void next__event_and_registration__is_called_at_once_whichever_came_first(void **state)
{
    (void)state;
    for (int event_first = 0; event_first < 2; event_first++) {
        set_up(NULL);
        if (event_first)
            oq_delivery_post(&groups[3], true, 0, NOW);
        oq_delivery_register(&groups[3], &users[0], NOW + 1);
        if (!event_first)
            oq_delivery_post(&groups[3], true, 0, NOW + 1);
        assert_ptr_equal(next(NOW + 1, NULL), &groups[3]);
    }
}

static void next__event_withdrawn__is_nobody(void **state)
{
    (void)state;
    oq_delivery_post(ready(0, 0), false, 1, NOW);
    assert_null(next(NOW, NULL));
    oq_delivery_post(&groups[0], true, 1, NOW); /* the flags allow it again */
    assert_ptr_equal(next(NOW, NULL), &groups[0]);
}

static void next__registration_cleared__is_nobody_and_the_event_stays(void **state)
{
    (void)state;
    oq_delivery_clear(ready(0, 0));
    assert_null(next(NOW, NULL));
    oq_delivery_register(&groups[0], &users[1], NOW);
    assert_ptr_equal(next(NOW, NULL), &groups[0]);
}

static void next__being_called__is_not_called_twice(void **state)
{
    (void)state;
    struct oq_delivery_call call = begin(ready(0, 0));
    assert_null(next(NOW + 1000000, NULL));
    oq_delivery_post(&groups[0], true, 2, NOW); /* not even for newer events */
    assert_null(next(NOW + 1000000, NULL));
    end(&groups[0], &call, OQ_ANSWER_AGAIN, NOW + 7);
    assert_ptr_equal(next(NOW + 7, NULL), &groups[0]); /* the newer one has no delay */
}

static void next__several__is_the_earliest_due(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        ready(i, i);
    groups[0].due_at_ms = NOW - 1;
    groups[1].due_at_ms = NOW - 3;
    groups[2].due_at_ms = NOW - 2;
    assert_ptr_equal(next(NOW, NULL), &groups[1]);
    groups[1].due_at_ms = groups[2].due_at_ms;
    assert_ptr_equal(next(NOW, NULL), &groups[1]); /* of equals the first */
}

static void next__all_in_the_future__says_when_to_look(void **state)
{
    (void)state;
    int64_t wake_at_ms = 0;
    ready(0, 0)->due_at_ms = NOW + 20;
    ready(1, 0)->due_at_ms = NOW + 10;
    assert_null(next(NOW + 9, &wake_at_ms));
    assert_int_equal(wake_at_ms, NOW + 10);
    assert_ptr_equal(next(NOW + 10, NULL), &groups[1]);
}

/* --- places ----------------------------------------------------------------------------------- */

static void places__three_hang__a_fourth_of_the_same_user_is_called_a_fifth_waits(void **state)
{
    (void)state;
    struct oq_delivery_call calls[4];
    int64_t wake_at_ms = 0;
    for (size_t i = 0; i < 5; i++)
        ready(i, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_ptr_equal(next(NOW, NULL), &groups[i]);
        calls[i] = begin(&groups[i]);
    }
    assert_null(next(NOW, &wake_at_ms));
    assert_true(wake_at_ms == INT64_MAX); /* it is the end of a call that helps */
    ready(5, 1);
    assert_ptr_equal(next(NOW, NULL), &groups[5]); /* another user is not concerned */
    end(&groups[2], &calls[2], OQ_ANSWER_UNDERSTOOD, NOW);
    assert_ptr_equal(next(NOW, NULL), &groups[4]);
}

static void places__all_taken__nobody_is_called(void **state)
{
    (void)state;
    struct oq_delivery_call last = {0};
    struct oq_delivery *group = NULL;
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        ready(i, i);
    while ((group = next(NOW, NULL)) != NULL)
        last = begin(group);
    assert_int_equal(under_way, 64);
    end(&groups[63], &last, OQ_ANSWER_AGAIN, NOW);
    assert_ptr_equal(next(NOW, NULL), &groups[64]);
}

static void places__replaced_registration_hangs_on__keeps_its_users_place(void **state)
{
    (void)state;
    struct oq_delivery_call calls[4];
    ready(0, 0);
    for (size_t i = 0; i < 4; i++) {
        calls[i] = begin(&groups[0]);
        oq_delivery_register(&groups[0], &users[0], NOW);
    }
    assert_null(next(NOW, NULL));
    oq_delivery_register(&groups[0], &users[1], NOW);
    assert_ptr_equal(next(NOW, NULL), &groups[0]);
    end(&groups[0], &calls[0], OQ_ANSWER_GONE, NOW);
    assert_int_equal(users[0].calls, 3);
    assert_ptr_equal(groups[0].user, &users[1]); /* nobody's business any more */
}

/* --- answers ---------------------------------------------------------------------------------- */

static void answer__understood__is_acknowledged_and_not_repeated(void **state)
{
    (void)state;
    struct oq_delivery_call call = begin(ready(0, 0));
    assert_int_equal(call.serial, 1);
    assert_int_equal(end(&groups[0], &call, OQ_ANSWER_UNDERSTOOD, NOW), OQ_DELIVERY_ACKNOWLEDGE);
    assert_null(next(INT64_MAX - 1, NULL));
    oq_delivery_post(&groups[0], true, 2, NOW); /* another event */
    assert_ptr_equal(next(NOW, NULL), &groups[0]);
}

static void answer__anything_else__is_repeated_with_growing_delay(void **state)
{
    (void)state;
    static const int64_t delays_ms[] = {5000,   10000,  20000,  40000,  80000,
                                        160000, 320000, 600000, 600000, 600000};
    int64_t now_ms = NOW;
    ready(0, 0);
    for (size_t i = 0; i < COUNT_OF(delays_ms); i++) {
        int64_t wake_at_ms = 0;
        struct oq_delivery_call call = begin(&groups[0]);
        now_ms += 123; /* the call takes a while */
        assert_int_equal(end(&groups[0], &call, OQ_ANSWER_AGAIN, now_ms), OQ_DELIVERY_NOTHING);
        assert_null(next(now_ms + delays_ms[i] - 1, &wake_at_ms));
        assert_int_equal(wake_at_ms, now_ms + delays_ms[i]);
        now_ms += delays_ms[i];
        oq_delivery_post(&groups[0], true, 1, now_ms); /* posted again: changes nothing */
        assert_ptr_equal(next(now_ms, NULL), &groups[0]);
    }
}

static void answer__again_then_new_registration__starts_over(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct oq_delivery_call call = begin(i == 0 ? ready(0, 0) : &groups[0]);
        end(&groups[0], &call, OQ_ANSWER_AGAIN, NOW);
    }
    oq_delivery_register(&groups[0], &users[0], NOW + 1);
    assert_ptr_equal(next(NOW + 1, NULL), &groups[0]);
    struct oq_delivery_call call = begin(&groups[0]);
    end(&groups[0], &call, OQ_ANSWER_AGAIN, NOW + 1);
    assert_int_equal(groups[0].due_at_ms, NOW + 1 + 5000);
}

static void answer__again_then_newer_event__starts_over(void **state)
{
    (void)state;
    struct oq_delivery_call call = begin(ready(0, 0));
    end(&groups[0], &call, OQ_ANSWER_AGAIN, NOW);
    oq_delivery_post(&groups[0], true, 2, NOW + 1);
    assert_ptr_equal(next(NOW + 1, NULL), &groups[0]);
    assert_int_equal(groups[0].failures, 0);
}

static void answer__client_gone__drops_the_registration_and_keeps_the_event(void **state)
{
    (void)state;
    struct oq_delivery_call call = begin(ready(0, 0));
    assert_int_equal(end(&groups[0], &call, OQ_ANSWER_GONE, NOW), OQ_DELIVERY_DROP);
    assert_null(groups[0].user);
    assert_true(groups[0].is_pending);
    assert_int_equal(users[0].calls, 0);
    assert_null(next(INT64_MAX - 1, NULL));
    oq_delivery_register(&groups[0], &users[0], NOW);
    assert_ptr_equal(next(NOW, NULL), &groups[0]);
}

static void answer__of_a_replaced_registration__does_not_count(void **state)
{
    (void)state;
    static const enum oq_delivery_answer answers[] = {OQ_ANSWER_UNDERSTOOD, OQ_ANSWER_AGAIN,
                                                      OQ_ANSWER_GONE};
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        set_up(NULL);
        struct oq_delivery_call call = begin(ready(0, 0));
        oq_delivery_register(&groups[0], &users[1], NOW);
        assert_ptr_equal(next(NOW, NULL), &groups[0]); /* although the old one is still at it */
        struct oq_delivery_call second = begin(&groups[0]);
        assert_int_equal(end(&groups[0], &call, answers[i], NOW), OQ_DELIVERY_NOTHING);
        assert_true(groups[0].is_pending && groups[0].is_called);
        assert_ptr_equal(groups[0].user, &users[1]);
        assert_int_equal(end(&groups[0], &second, OQ_ANSWER_UNDERSTOOD, NOW),
                         OQ_DELIVERY_ACKNOWLEDGE);
    }
}

/* A client that takes itself off the group, or cancels it, from within the call. */
static void answer__understood_after_clearing__counts(void **state)
{
    (void)state;
    struct oq_delivery_call call = begin(ready(0, 0));
    oq_delivery_clear(&groups[0]);
    assert_int_equal(end(&groups[0], &call, OQ_ANSWER_UNDERSTOOD, NOW), OQ_DELIVERY_ACKNOWLEDGE);
    assert_false(groups[0].is_pending);
}

static void answer__understood_of_an_older_event__leaves_the_newer_one(void **state)
{
    (void)state;
    struct oq_delivery_call call = begin(ready(0, 0));
    oq_delivery_post(&groups[0], true, 2, NOW);
    assert_int_equal(end(&groups[0], &call, OQ_ANSWER_UNDERSTOOD, NOW), OQ_DELIVERY_ACKNOWLEDGE);
    assert_int_equal(call.serial, 1); /* the engine knows by this that it is the older one */
    assert_ptr_equal(next(NOW, NULL), &groups[0]);
}

static void answer__event_withdrawn_meanwhile__is_not_repeated(void **state)
{
    (void)state;
    struct oq_delivery_call call = begin(ready(0, 0));
    oq_delivery_post(&groups[0], false, 1, NOW);
    assert_int_equal(end(&groups[0], &call, OQ_ANSWER_AGAIN, NOW), OQ_DELIVERY_NOTHING);
    assert_null(next(INT64_MAX - 1, NULL));
}

/* --- what an HRESULT means -------------------------------------------------------------------- */

static void judge__exactly_s_ok__is_understood(void **state)
{
    (void)state;
    assert_int_equal(oq_delivery_judge(0), OQ_ANSWER_UNDERSTOOD);
}

static void judge__other_results_of_a_client__mean_again(void **state)
{
    (void)state;
    static const uint32_t results[] = {1 /* S_FALSE */,
                                       0x80004005 /* E_FAIL */,
                                       0x80004001 /* E_NOTIMPL */,
                                       0x8007000e /* no memory */,
                                       0x80070005 /* denied */,
                                       0x80010001 /* call rejected */,
                                       0x8001010a /* retry later */,
                                       0x80010105 /* server fault */,
                                       0xffffffff};
    for (size_t i = 0; i < COUNT_OF(results); i++)
        assert_int_equal(oq_delivery_judge(results[i]), OQ_ANSWER_AGAIN);
}

static void judge__end_of_object_process_or_connection__means_gone(void **state)
{
    (void)state;
    static const uint32_t results[] = {0x80010006, 0x80010007, 0x80010012, 0x80010108, 0x80010113,
                                       0x80010114, 0x800401fd, 0x800706ba, 0x800706be, 0x800706bf};
    for (size_t i = 0; i < COUNT_OF(results); i++)
        assert_int_equal(oq_delivery_judge(results[i]), OQ_ANSWER_GONE);
}

/* --- delays ----------------------------------------------------------------------------------- */

static void delay__any_number_of_failures__stays_within_the_rules(void **state)
{
    (void)state;
    static const struct oq_delivery_rules odd = {.first_delay_ms = 3, .longest_delay_ms = 10};
    assert_int_equal(oq_delivery_delay_ms(rules, 0), 5000);
    assert_int_equal(oq_delivery_delay_ms(rules, 1), 5000);
    assert_int_equal(oq_delivery_delay_ms(rules, UINT32_MAX), 600000);
    assert_int_equal(oq_delivery_delay_ms(&odd, 2), 6);
    assert_int_equal(oq_delivery_delay_ms(&odd, 3), 10);
}

static void delay__failures_without_end__do_not_wrap(void **state)
{
    (void)state;
    struct oq_delivery_call call = begin(ready(0, 0));
    groups[0].failures = UINT32_MAX;
    end(&groups[0], &call, OQ_ANSWER_AGAIN, NOW);
    assert_int_equal(groups[0].due_at_ms, NOW + 600000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(next__no_group_has_both__is_nobody),
        TEST(next__event_and_registration__is_called_at_once_whichever_came_first),
        TEST(next__event_withdrawn__is_nobody),
        TEST(next__registration_cleared__is_nobody_and_the_event_stays),
        TEST(next__being_called__is_not_called_twice),
        TEST(next__several__is_the_earliest_due),
        TEST(next__all_in_the_future__says_when_to_look),
        TEST(places__three_hang__a_fourth_of_the_same_user_is_called_a_fifth_waits),
        TEST(places__all_taken__nobody_is_called),
        TEST(places__replaced_registration_hangs_on__keeps_its_users_place),
        TEST(answer__understood__is_acknowledged_and_not_repeated),
        TEST(answer__anything_else__is_repeated_with_growing_delay),
        TEST(answer__again_then_new_registration__starts_over),
        TEST(answer__again_then_newer_event__starts_over),
        TEST(answer__client_gone__drops_the_registration_and_keeps_the_event),
        TEST(answer__of_a_replaced_registration__does_not_count),
        TEST(answer__understood_after_clearing__counts),
        TEST(answer__understood_of_an_older_event__leaves_the_newer_one),
        TEST(answer__event_withdrawn_meanwhile__is_not_repeated),
        TEST(judge__exactly_s_ok__is_understood),
        TEST(judge__other_results_of_a_client__mean_again),
        TEST(judge__end_of_object_process_or_connection__means_gone),
        TEST(delay__any_number_of_failures__stays_within_the_rules),
        TEST(delay__failures_without_end__do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
