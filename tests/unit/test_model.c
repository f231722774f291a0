/* test_model.c - service/core/model.c */
#include "test_unit.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_model.h"

/* --- texts of states --- */

static void state_text__every_state__parses_back(void **state)
{
    (void)state;
    for (int i = 0; i < OQ_GROUP_STATE_COUNT; i++) {
        enum oq_group_state back = (enum oq_group_state)0x5a;
        assert_int_equal(oq_group_state_parse(oq_group_state_text((enum oq_group_state)i), &back),
                         OQ_OK);
        assert_int_equal(back, i);
    }
    for (int i = 0; i < OQ_FILE_STATE_COUNT; i++) {
        enum oq_file_state back = (enum oq_file_state)0x5a;
        assert_int_equal(oq_file_state_parse(oq_file_state_text((enum oq_file_state)i), &back),
                         OQ_OK);
        assert_int_equal(back, i);
    }
}

/* These stand in databases: a changed text would make old ones unreadable. */
static void state_text__known_states__never_change(void **state)
{
    (void)state;
    assert_string_equal(oq_group_state_text(OQ_GROUP_SUSPENDED), "suspended");
    assert_string_equal(oq_group_state_text(OQ_GROUP_ACTIVE), "active");
    assert_string_equal(oq_group_state_text(OQ_GROUP_COMMITTING), "committing");
    assert_string_equal(oq_group_state_text(OQ_GROUP_ERROR), "error");
    assert_string_equal(oq_group_state_text(OQ_GROUP_COMPLETE), "complete");
    assert_string_equal(oq_group_state_text(OQ_GROUP_CANCELLING), "cancelling");
    assert_string_equal(oq_file_state_text(OQ_FILE_WAITING), "waiting");
    assert_string_equal(oq_file_state_text(OQ_FILE_FETCHED), "fetched");
    assert_string_equal(oq_file_state_text(OQ_FILE_FINAL), "final");
}

static void state_text__out_of_range__is_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(oq_group_state_text(OQ_GROUP_STATE_COUNT), "?");
    assert_string_equal(oq_group_state_text((enum oq_group_state) - 1), "?");
    assert_string_equal(oq_file_state_text(OQ_FILE_STATE_COUNT), "?");
    assert_string_equal(oq_file_state_text((enum oq_file_state) - 1), "?");
}

static void state_parse__unknown_text__is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "?", "Active", "active ", "activ", "waitingx", NULL};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        enum oq_group_state group = (enum oq_group_state)0x5a;
        enum oq_file_state file = (enum oq_file_state)0x5b;
        assert_int_equal(oq_group_state_parse(texts[i], &group), OQ_E_INVALID_ARG);
        assert_int_equal(oq_file_state_parse(texts[i], &file), OQ_E_INVALID_ARG);
        assert_int_equal(group, 0x5a);
        assert_int_equal(file, 0x5b);
    }
    enum oq_group_state group;
    assert_int_equal(oq_group_state_parse("waiting", &group), OQ_E_INVALID_ARG);
}

/* --- ownership --- */

static void text_set__values__are_copied_and_replace_the_old(void **state)
{
    (void)state;
    char *field = NULL, value[] = "one";
    assert_int_equal(oq_text_set(&field, value), OQ_OK);
    value[0] = 'x';
    assert_string_equal(field, "one");
    assert_int_equal(oq_text_set(&field, "two"), OQ_OK);
    assert_string_equal(field, "two");
    assert_int_equal(oq_text_set(&field, field + 1), OQ_OK); /* a part of itself */
    assert_string_equal(field, "wo");
    assert_int_equal(oq_text_set(&field, NULL), OQ_OK);
    assert_null(field);
    assert_int_equal(oq_text_set(&field, NULL), OQ_OK);
    assert_null(field);
}

static void job_add_file__many__are_numbered_and_empty(void **state)
{
    (void)state;
    struct oq_job job = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        struct oq_file *file = oq_job_add_file(&job);
        assert_non_null(file);
        assert_ptr_equal(file, &job.files[i]);
        assert_int_equal(file->index, i);
        assert_int_equal(file->state, OQ_FILE_WAITING);
        assert_true(file->size_bytes == OQ_SIZE_UNKNOWN);
        assert_int_equal(file->done_bytes, 0);
        assert_null(file->remote);
        assert_null(file->local);
        assert_null(file->temp_path);
        assert_null(file->etag);
        assert_null(file->last_modified);
        file->remote = oq_asprintf("http://h/%u", i);
        file->done_bytes = i; /* must not show in a later file after the array has moved */
    }
    assert_int_equal(job.file_count, 1000);
    assert_string_equal(job.files[0].remote, "http://h/0");
    assert_string_equal(job.files[999].remote, "http://h/999");
    oq_job_release(&job);
}

static void job_add_file__count_at_its_limit__is_out_of_memory(void **state)
{
    (void)state;
    struct oq_job job = {.file_count = UINT32_MAX - 1, .file_capacity = UINT32_MAX - 1};
    assert_null(oq_job_add_file(&job));
    assert_int_equal(job.file_count, UINT32_MAX - 1);
}

static void forget_bytes__owned_or_borrowed__only_what_belongs_to_the_bytes_goes(void **state)
{
    (void)state;
    struct oq_job job = {0};
    struct oq_file *file = oq_job_add_file(&job);
    assert_non_null(file);
    assert_int_equal(oq_text_set(&file->temp_path, "C:\\BIT1.tmp"), OQ_OK);
    assert_int_equal(oq_text_set(&file->etag, "\"1\""), OQ_OK);
    assert_int_equal(oq_text_set(&file->last_modified, "Sun, 06 Nov 1994 08:49:37 GMT"), OQ_OK);
    assert_int_equal(oq_text_set(&file->digest, "00"), OQ_OK);
    file->size_bytes = 10;
    file->done_bytes = 5;
    file->mismatches = 2;
    struct oq_file copy = *file;
    oq_file_forget_bytes(&copy, false);
    assert_string_equal(file->etag, "\"1\""); /* not freed */
    oq_file_forget_bytes(file, true);         /* else the leak check finds them */
    for (unsigned i = 0; i < 2; i++) {
        const struct oq_file *forgotten = i == 0 ? &copy : file;
        assert_null(forgotten->etag);
        assert_null(forgotten->last_modified);
        assert_null(forgotten->digest);
        assert_int_equal(forgotten->done_bytes, 0);
        assert_true(forgotten->size_bytes == OQ_SIZE_UNKNOWN);
        assert_string_equal(forgotten->temp_path, "C:\\BIT1.tmp");
        assert_int_equal(forgotten->mismatches, 2);
    }
    oq_job_release(&job);
}

static void release__empty__is_accepted_twice(void **state)
{
    (void)state;
    struct oq_group group = {0};
    struct oq_job job = {0};
    struct oq_file file = {0};
    struct oq_failure failure = {0};
    for (int i = 0; i < 2; i++) {
        oq_group_release(&group);
        oq_job_release(&job);
        oq_file_release(&file);
        oq_failure_release(&failure);
    }
    assert_true(failure.file_index == OQ_NO_FILE);
    assert_true(group.error.file_index == OQ_NO_FILE);
}

/* A COMPLETE-able group with everything set: two files, texts, failure. 0 if memory ran out (what
 * was made is released). */
static bool make_group(struct oq_group *group)
{
    memset(group, 0, sizeof *group);
    group->guid.data1 = 1;
    group->error.file_index = OQ_NO_FILE;
    if (oq_text_set(&group->owner_sid, "S-1-5-18") != OQ_OK ||
        oq_text_set(&group->display_name, "name") != OQ_OK ||
        oq_text_set(&group->description, "") != OQ_OK ||
        oq_text_set(&group->notify_clsid, "") != OQ_OK)
        goto fail;
    group->job.id = 7;
    group->job.guid.data1 = 2;
    for (int i = 0; i < 2; i++) {
        struct oq_file *file = oq_job_add_file(&group->job);
        if (!file || oq_text_set(&file->remote, "http://h/f") != OQ_OK ||
            oq_text_set(&file->local, "C:\\f") != OQ_OK ||
            oq_text_set(&file->user_sid, "S-1-5-18") != OQ_OK)
            goto fail;
    }
    return true;
fail:
    oq_group_release(group);
    return false;
}

static void set_text(char **field, const char *value)
{
    assert_int_equal(oq_text_set(field, value), OQ_OK);
}

static void set_file(struct oq_group *group, uint32_t index, enum oq_file_state state)
{
    struct oq_file *file = &group->job.files[index];
    file->state = state;
    file->size_bytes = 10;
    file->done_bytes = state == OQ_FILE_WAITING ? 3 : 10;
    set_text(&file->temp_path, state == OQ_FILE_FINAL ? NULL : "C:\\BIT1.tmp");
}

static void set_failure(struct oq_group *group)
{
    group->error.code = 0x80190194u;
    group->error.win32 = 2;
    group->error.http = 404;
    group->error.file_index = 1;
    set_text(&group->error.text, "not found");
}

static void group_release__full_group__leaves_nothing(void **state)
{
    (void)state;
    struct oq_group group, empty;
    assert_true(make_group(&group));
    set_failure(&group);
    set_text(&group.job.files[0].etag, "\"a\"");
    set_text(&group.job.files[0].last_modified, "Thu, 01 Jan 1970 00:00:00 GMT");
    set_text(&group.job.files[0].temp_path, "C:\\t");
    group.is_foreground = true;
    oq_group_release(&group); /* leaks are the sanitizer's to find */
    memset(&empty, 0, sizeof empty);
    empty.error.file_index = OQ_NO_FILE;
    assert_memory_equal(&group, &empty, sizeof group);
}

/* --- promises --- */

static void assert_holds(const struct oq_group *group)
{
    const char *broken = oq_group_check(group);
    if (broken)
        fail_msg("a legal group is refused: %s", broken);
}

static void check__legal_groups__hold(void **state)
{
    (void)state;
    struct oq_group group;
    assert_true(make_group(&group));
    assert_holds(&group); /* SUSPENDED, sizes unknown */
    group.state = OQ_GROUP_ACTIVE;
    assert_holds(&group);
    group.notify_flags = 0x44;
    set_text(&group.notify_clsid, "{084F6593-3800-4e08-9b59-99fa59addf82}");
    assert_holds(&group);

    set_text(&group.job.files[0].etag, "\"a\"");
    set_text(&group.job.files[1].etag, "\"\"");
    assert_holds(&group);

    uint32_t capacity = group.job.file_capacity;
    group.job.file_capacity = group.job.file_count; /* full to the last place */
    assert_holds(&group);
    group.job.file_capacity = capacity;

    /* Transient failure while ACTIVE, partly fetched. */
    set_failure(&group);
    set_file(&group, 0, OQ_FILE_WAITING);
    assert_holds(&group);
    group.error.file_index = OQ_NO_FILE;
    group.error.http = 0;
    set_text(&group.error.text, NULL);
    assert_holds(&group);

    /* All bytes are there but not checked; unknown size with bytes; zero-length file. */
    group.job.files[0].done_bytes = 10;
    assert_holds(&group);
    group.job.files[0].size_bytes = OQ_SIZE_UNKNOWN;
    assert_holds(&group);
    set_file(&group, 1, OQ_FILE_FETCHED);
    group.job.files[1].size_bytes = group.job.files[1].done_bytes = 0;
    assert_holds(&group);

    /* ACTIVE again after renames failed: one FINAL, one FETCHED. */
    set_file(&group, 0, OQ_FILE_FETCHED);
    set_file(&group, 1, OQ_FILE_FINAL);
    assert_holds(&group);
    group.state = OQ_GROUP_COMMITTING;
    assert_holds(&group);
    group.state = OQ_GROUP_ERROR;
    group.event = OQ_EVENT_ERROR;
    assert_holds(&group);
    set_file(&group, 0, OQ_FILE_FINAL);
    group.state = OQ_GROUP_COMPLETE;
    group.event = OQ_EVENT_COMPLETE;
    assert_holds(&group);
    group.state = OQ_GROUP_CANCELLING;
    assert_holds(&group);
    oq_group_release(&group);

    /* An error before there is any job, and a cancelled empty group. */
    assert_true(make_group(&group));
    oq_job_release(&group.job);
    assert_holds(&group);
    group.state = OQ_GROUP_CANCELLING;
    assert_holds(&group);
    group.state = OQ_GROUP_ERROR;
    set_failure(&group);
    group.error.file_index = OQ_NO_FILE;
    assert_holds(&group);
    oq_group_release(&group);
}

/* Each breaks one promise of a group that is fine otherwise: SUSPENDED, file 0 WAITING with 3 of 10
 * bytes, file 1 FETCHED. */
static void no_files(struct oq_group *g, enum oq_group_state state)
{
    oq_job_release(&g->job);
    g->state = state;
}

/* clang-format off */
#define BREAKS(X) \
    X(no_guid, g->guid.data1 = 0) \
    X(no_owner, set_text(&g->owner_sid, NULL)) \
    X(empty_owner, set_text(&g->owner_sid, "")) \
    X(no_display_name, set_text(&g->display_name, NULL)) \
    X(no_description, set_text(&g->description, NULL)) \
    X(no_clsid, set_text(&g->notify_clsid, NULL)) \
    X(bare_clsid, set_text(&g->notify_clsid, "084f6593-3800-4e08-9b59-99fa59addf82")) \
    X(bad_clsid, set_text(&g->notify_clsid, "{x}")) \
    X(name_not_utf8, set_text(&g->display_name, "\xff")) \
    X(unsupported_flag, g->notify_flags = 0x45) \
    X(unknown_event, g->event = (enum oq_event_kind)3) \
    X(unknown_state, g->state = OQ_GROUP_STATE_COUNT) \
    X(negative_state, g->state = (enum oq_group_state)-1) \
    X(files_without_job, g->job.id = 0) \
    X(job_without_guid, g->job.guid.data1 = 0) \
    X(count_above_capacity, g->job.file_capacity = 1) \
    X(index_out_of_order, g->job.files[1].index = 2) \
    X(index_twice, g->job.files[1].index = 0) \
    X(no_remote, set_text(&g->job.files[0].remote, NULL)) \
    X(empty_remote, set_text(&g->job.files[1].remote, "")) \
    X(no_local, set_text(&g->job.files[0].local, NULL)) \
    X(empty_local, set_text(&g->job.files[1].local, "")) \
    X(empty_temp_path, set_text(&g->job.files[0].temp_path, "")) \
    X(weak_etag, set_text(&g->job.files[0].etag, "W/\"a\"")) \
    X(blank_etag, set_text(&g->job.files[0].etag, "a b")) \
    X(empty_etag, set_text(&g->job.files[0].etag, "")) \
    X(unfinished_etag, set_text(&g->job.files[0].etag, "\"ab")) \
    X(unopened_etag, set_text(&g->job.files[0].etag, "ab\"")) \
    X(empty_last_modified, set_text(&g->job.files[0].last_modified, "")) \
    X(done_above_size, g->job.files[0].done_bytes = 11) \
    X(done_unknown, g->job.files[0].size_bytes = g->job.files[0].done_bytes = OQ_SIZE_UNKNOWN) \
    X(bytes_without_temp, set_text(&g->job.files[0].temp_path, NULL)) \
    X(a_byte_without_temp, \
      set_text(&g->job.files[0].temp_path, NULL); g->job.files[0].done_bytes = 1) \
    X(unknown_file_state, g->job.files[0].state = OQ_FILE_STATE_COUNT) \
    X(fetched_without_temp, set_text(&g->job.files[1].temp_path, NULL)) \
    X(fetched_not_whole, g->job.files[1].done_bytes = 9) \
    X(fetched_size_unknown, g->job.files[1].size_bytes = OQ_SIZE_UNKNOWN) \
    X(final_with_temp, g->job.files[1].state = OQ_FILE_FINAL) \
    X(final_not_whole, set_file(g, 1, OQ_FILE_FINAL); g->job.files[1].done_bytes = 0) \
    X(final_size_unknown, \
      set_file(g, 1, OQ_FILE_FINAL); g->job.files[1].size_bytes = OQ_SIZE_UNKNOWN) \
    X(error_without_code, g->state = OQ_GROUP_ERROR) \
    X(pending_complete, g->event = OQ_EVENT_COMPLETE) \
    X(committing_unfinished, g->state = OQ_GROUP_COMMITTING) \
    X(complete_not_final, g->state = OQ_GROUP_COMPLETE) \
    X(complete_fetched, set_file(g, 0, OQ_FILE_FINAL); g->state = OQ_GROUP_COMPLETE) \
    X(active_without_files, no_files(g, OQ_GROUP_ACTIVE)) \
    X(committing_without_files, no_files(g, OQ_GROUP_COMMITTING)) \
    X(complete_without_files, no_files(g, OQ_GROUP_COMPLETE)) \
    X(active_empty_job, no_files(g, OQ_GROUP_ACTIVE); g->job.id = 7; g->job.guid.data1 = 2) \
    X(failure_without_win32, set_failure(g); g->error.win32 = 0) \
    X(failure_of_no_such_file, set_failure(g); g->error.file_index = 2) \
    X(win32_without_failure, g->error.win32 = 5) \
    X(http_without_failure, g->error.http = 404) \
    X(text_without_failure, set_text(&g->error.text, "x"))
/* clang-format on */

#define DEFINE(name, statements)                                                                   \
    static void name(struct oq_group *g)                                                           \
    {                                                                                              \
        statements;                                                                                \
    }
BREAKS(DEFINE)

static void check__each_broken_promise__is_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*apply)(struct oq_group *group);
    } cases[] = {
#define ROW(name, statements) {#name, name},
        BREAKS(ROW)
#undef ROW
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_group group;
        assert_true(make_group(&group));
        set_file(&group, 0, OQ_FILE_WAITING);
        set_file(&group, 1, OQ_FILE_FETCHED);
        assert_holds(&group);
        cases[i].apply(&group);
        if (!oq_group_check(&group))
            fail_msg("not found: %s", cases[i].name);
        oq_group_release(&group);
    }
}

/* Two promises may not hide behind one sentence: the sentence names the state. */
static void check__sentence__names_what_is_broken(void **state)
{
    (void)state;
    struct oq_group group;
    assert_true(make_group(&group));
    group.state = OQ_GROUP_ERROR;
    assert_non_null(strstr(oq_group_check(&group), "ERROR"));
    group.state = OQ_GROUP_COMPLETE;
    assert_non_null(strstr(oq_group_check(&group), "COMPLETE"));
    group.state = OQ_GROUP_COMMITTING;
    assert_non_null(strstr(oq_group_check(&group), "COMMITTING"));
    oq_group_release(&group);
}

static void check__text_lengths__count_utf16_units(void **state)
{
    (void)state;
    static const struct {
        size_t limit;
        bool is_name;
    } cases[] = {{256, true}, {1024, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oq_group group;
        assert_true(make_group(&group));
        char **field = cases[i].is_name ? &group.display_name : &group.description;
        char text[5000] = "";
        /* 3 bytes, 1 unit each */
        for (size_t n = 0; n < cases[i].limit; n++)
            memcpy(text + 3 * n, "\xe2\x82\xac", 4);
        set_text(field, text);
        assert_holds(&group);
        strcat(text, "x");
        set_text(field, text);
        assert_non_null(oq_group_check(&group));
        /* 4 bytes, 2 units each */
        for (size_t n = 0; n < cases[i].limit / 2; n++)
            memcpy(text + 4 * n, "\xf0\x9f\x98\x80", 5);
        set_text(field, text);
        assert_holds(&group);
        strcat(text, "x");
        set_text(field, text);
        assert_non_null(oq_group_check(&group));
        oq_group_release(&group);
    }
}

/* --- out of memory --- */

#ifdef OQ_FAULT_INJECTION

static int disarm(void **state)
{
    (void)state;
    oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
    return 0;
}

static void make_group__every_allocation_fails_in_turn__nothing_leaks(void **state)
{
    (void)state;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        unsigned failures = 0;
        for (uint64_t n = 1;; n++) {
            struct oq_group group;
            oq_fault_arm(OQ_FAULT_ALLOC, n, for_ever);
            bool made = make_group(&group);
            oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
            if (made) {
                assert_holds(&group);
                oq_group_release(&group);
                break;
            }
            failures++;
            assert_null(group.owner_sid); /* was released; leaks are the sanitizer's to find */
        }
        assert_int_equal(failures, 11); /* 4 texts, the array, 2 x 3 texts of a file */
    }
}

static void text_set__no_memory__leaves_the_old_text(void **state)
{
    (void)state;
    char *field = NULL;
    set_text(&field, "old");
    oq_fault_arm(OQ_FAULT_ALLOC, 1, true);
    assert_int_equal(oq_text_set(&field, "new"), OQ_E_NOMEM);
    assert_string_equal(field, "old");
    assert_int_equal(oq_text_set(&field, NULL), OQ_OK); /* needs none */
    assert_null(field);
}

static void job_add_file__no_memory_to_grow__leaves_the_job(void **state)
{
    (void)state;
    struct oq_job job = {0};
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    assert_null(oq_job_add_file(&job));
    assert_int_equal(job.file_count, 0);
    do
        assert_non_null(oq_job_add_file(&job));
    while (job.file_count < job.file_capacity);
    uint32_t count = job.file_count;
    struct oq_file *files = job.files;
    oq_fault_arm(OQ_FAULT_ALLOC, 1, false);
    assert_null(oq_job_add_file(&job));
    assert_int_equal(job.file_count, count);
    assert_int_equal(job.file_capacity, count);
    assert_ptr_equal(job.files, files);
    assert_non_null(oq_job_add_file(&job));
    assert_int_equal(job.files[count].index, count);
    oq_job_release(&job);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_text__every_state__parses_back),
        cmocka_unit_test(state_text__known_states__never_change),
        cmocka_unit_test(state_text__out_of_range__is_a_question_mark),
        cmocka_unit_test(state_parse__unknown_text__is_refused_and_changes_nothing),
        cmocka_unit_test(text_set__values__are_copied_and_replace_the_old),
        cmocka_unit_test(job_add_file__many__are_numbered_and_empty),
        cmocka_unit_test(job_add_file__count_at_its_limit__is_out_of_memory),
        cmocka_unit_test(forget_bytes__owned_or_borrowed__only_what_belongs_to_the_bytes_goes),
        cmocka_unit_test(release__empty__is_accepted_twice),
        cmocka_unit_test(group_release__full_group__leaves_nothing),
        cmocka_unit_test(check__legal_groups__hold),
        cmocka_unit_test(check__each_broken_promise__is_found),
        cmocka_unit_test(check__sentence__names_what_is_broken),
        cmocka_unit_test(check__text_lengths__count_utf16_units),
#ifdef OQ_FAULT_INJECTION
        cmocka_unit_test_teardown(make_group__every_allocation_fails_in_turn__nothing_leaks,
                                  disarm),
        cmocka_unit_test_teardown(text_set__no_memory__leaves_the_old_text, disarm),
        cmocka_unit_test_teardown(job_add_file__no_memory_to_grow__leaves_the_job, disarm),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
