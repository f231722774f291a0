/* test_open.c - IOpenQmgrManager and IOpenQmgrGroup over a scripted engine: what they hand out, and
 * what they refuse before the engine is asked. */
#include "com_fixture.h"

#include "fake_sources.h"

static IOpenQmgrGroup *open_of(void *object)
{
    IOpenQmgrGroup *open = NULL;
    assert_hr(IUnknown_QueryInterface((IUnknown *)object, &IID_IOpenQmgrGroup, (void **)&open),
              S_OK);
    IOpenQmgrGroup_Release(open); /* the object keeps it */
    return open;
}

static IOpenQmgrManager *manager_of(struct fixture *fixture)
{
    IOpenQmgrManager *manager = NULL;
    assert_hr(
        IBackgroundCopyQMgr_QueryInterface(fixture->qmgr, &IID_IOpenQmgrManager, (void **)&manager),
        S_OK);
    IOpenQmgrManager_Release(manager);
    return manager;
}

/* --- many groups ------------------------------------------------------------------------------ */

static void get_groups__several__come_one_behind_the_other(void **state)
{
    struct fixture *fixture = *state;
    struct oq_group_summary summaries[2] = {0};
    OPENQMGR_GROUP_INFO infos[2];
    BSTR bytes = NULL;
    for (unsigned i = 0; i < 2; i++) {
        summaries[i].group = 7 + i;
        summaries[i].view = fixture->engine.view;
        summaries[i].view.progress.done_bytes = UINT64_C(0x123456789) + i;
        snprintf(summaries[i].display_name, sizeof summaries[i].display_name, "n\xc3\xa4me %u", i);
        strcpy(summaries[i].view.owner_sid, "S-1-5-18");
    }
    fixture->engine.summaries = summaries;
    fixture->engine.summary_count = 2;
    fixture->engine.is_more = true;
    assert_hr(IOpenQmgrManager_GetGroups(manager_of(fixture), 6, &bytes), S_OK);
    assert_true(fixture->engine.after == 6);
    assert_int_equal(fixture->engine.most, OPENQMGR_GROUPS_PER_CALL);
    assert_int_equal(SysStringByteLen(bytes), sizeof infos);
    memcpy(infos, bytes, sizeof infos);
    SysFreeString(bytes);
    assert_true(infos[0].ullNumber == 7 && infos[1].ullNumber == 8);
    assert_true(infos[1].ullDoneBytes == UINT64_C(0x12345678a));
    assert_memory_equal(infos[1].szName, L"n\u00e4me 1", sizeof L"n\u00e4me 1");
    assert_memory_equal(infos[1].szOwner, L"S-1-5-18", sizeof L"S-1-5-18");
    assert_guid(&infos[0].guidGroup, &group_guid);
    assert_guid(&infos[0].guidJob, &job_guid);
}

static void get_groups__no_more__is_false(void **state)
{
    struct fixture *fixture = *state;
    BSTR bytes = NULL;
    assert_hr(IOpenQmgrManager_GetGroups(manager_of(fixture), 0, &bytes), S_FALSE);
    assert_non_null(bytes);
    assert_int_equal(SysStringByteLen(bytes), 0);
    SysFreeString(bytes);
    /* no group has such a number: the engine need not be asked */
    assert_hr(IOpenQmgrManager_GetGroups(manager_of(fixture), UINT64_MAX, &bytes), S_FALSE);
    assert_int_equal(SysStringByteLen(bytes), 0);
    SysFreeString(bytes);
    assert_int_equal(fixture->engine.count[FAKE_SUMMARISE_GROUPS], 1);
}

static void info__texts_that_are_too_long__are_cut_between_characters(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_GROUP_INFO info;
    char text[1 + 4 * 140 + 1] = "x";
    for (unsigned i = 0; i < 140; i++)
        memcpy(text + 1 + 4 * i, "\xf0\x9f\x98\x80", 5);
    fixture->engine.text = text;
    assert_hr(IOpenQmgrGroup_GetInfo(open_of(fixture->group), &info), S_OK);
    assert_int_equal(wcslen(info.szName), 259); /* x and 129 pairs: a 260th unit has no place */
    assert_int_equal(info.szName[258], 0xde00);
}

/* --- settings --------------------------------------------------------------------------------- */

static void get_settings__everything__comes_back(void **state)
{
    struct fixture *fixture = *state;
    OPENQMGR_SETTINGS settings;
    BSTR schedule = NULL, database = NULL, log = NULL;
    fixture->engine.policy = (struct oq_policy_view){.idle_throttle = true,
                                                     .max_rate_kbits = 800,
                                                     .is_pause_all = true,
                                                     .is_schedule_pause = true,
                                                     .limit_bytes_per_s = 100000};
    fixture->settings.is_pause_enforced = true;
    assert_hr(
        IOpenQmgrManager_GetSettings(manager_of(fixture), &settings, &schedule, &database, &log),
        S_OK);
    assert_int_equal(settings.dwPaused, OPENQMGR_PAUSED_ALL | OPENQMGR_PAUSED_SCHEDULE);
    assert_int_equal(settings.dwEnforced, OPENQMGR_ENFORCED_PAUSE);
    assert_int_equal(settings.dwLimitKbits, 800);
    assert_true(settings.fIdleThrottle == TRUE);
    assert_true(settings.ullLimitNow == 100000);
    assert_memory_equal(settings.szVersion, L"1.2.3", sizeof L"1.2.3");
    assert_bstr(schedule, L"mon-fri 8-18 2000");
    assert_bstr(database, L"C:\\data\\queue.db");
    assert_bstr(log, L"C:\\data\\service.log");
}

static void set_limit_and_pause__administrator__reach_the_settings(void **state)
{
    struct fixture *fixture = *state;
    assert_hr(IOpenQmgrManager_SetLimit(manager_of(fixture), 800), S_OK);
    assert_string_equal(fixture->settings.name, "MaxRateKbits");
    assert_true(fixture->settings.value == 800);
    assert_hr(IOpenQmgrManager_SetPaused(manager_of(fixture), 77), S_OK);
    assert_string_equal(fixture->settings.name, "PauseAll");
    assert_true(fixture->settings.value == 1);
    assert_hr(IOpenQmgrManager_SetPaused(manager_of(fixture), FALSE), S_OK);
    assert_true(fixture->settings.value == 0);
    fixture->settings.status = OQ_E_IO;
    fixture->settings.win32 = ERROR_ACCESS_DISABLED_BY_POLICY;
    assert_hr(IOpenQmgrManager_SetLimit(manager_of(fixture), 1), 0x800704ec);
}

static void set_limit_and_pause__other_user__are_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture->identity.is_user = true;
    assert_hr(IOpenQmgrManager_SetLimit(manager_of(fixture), 800), E_ACCESSDENIED);
    assert_hr(IOpenQmgrManager_SetPaused(manager_of(fixture), TRUE), E_ACCESSDENIED);
    assert_int_equal(fixture->settings.sets, 0);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(get_groups__several__come_one_behind_the_other),
        WITH(get_groups__no_more__is_false),
        WITH(info__texts_that_are_too_long__are_cut_between_characters),
        WITH(get_settings__everything__comes_back),
        WITH(set_limit_and_pause__administrator__reach_the_settings),
        WITH(set_limit_and_pause__other_user__are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
