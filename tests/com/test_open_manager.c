/* test_open_manager.c - IOpenQmgrManager over a scripted engine: many groups in one call, and the
 * settings. */
#include "com_fixture.h"

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

/* Shows OPENQMGR_GROUPS_PER_CALL IOpenQmgrManager::GetGroups.* .S_OK
 * OPENQMGR_GROUP_INFO.ullNumber */
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

/* Shows IOpenQmgrManager::GetGroups.S_FALSE */
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

/* --- settings --------------------------------------------------------------------------------- */

/* Shows OPENQMGR_SETTINGS.* IOpenQmgrManager::GetSettings.* .S_OK OPENQMGR_PAUSED_ALL
 * OPENQMGR_PAUSED_SCHEDULE OPENQMGR_PAUSED_METERED OPENQMGR_ENFORCED_LIMIT
 * OPENQMGR_ENFORCED_PAUSE */
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
    fixture->engine.policy = (struct oq_policy_view){.is_metered_pause = true};
    fixture->settings.is_pause_enforced = false;
    fixture->settings.is_limit_enforced = true;
    OPENQMGR_SETTINGS others;
    BSTR unused[3] = {NULL, NULL, NULL};
    assert_hr(IOpenQmgrManager_GetSettings(manager_of(fixture), &others, &unused[0], &unused[1],
                                           &unused[2]),
              S_OK);
    assert_int_equal(others.dwPaused, OPENQMGR_PAUSED_METERED);
    assert_int_equal(others.dwEnforced, OPENQMGR_ENFORCED_LIMIT);
    for (size_t i = 0; i < COUNT_OF(unused); i++)
        SysFreeString(unused[i]);
    assert_bstr(schedule, L"mon-fri 8-18 2000");
    assert_bstr(database, L"C:\\data\\queue.db");
    assert_bstr(log, L"C:\\data\\service.log");
}

/* Shows IOpenQmgrManager::SetLimit.dwKbits .0x800704EC IOpenQmgrManager::SetPaused.fPaused
 * .0x800704EC */
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

/* Shows IOpenQmgrManager.settings-for-administrators IOpenQmgrManager::SetLimit.E_ACCESSDENIED
 * IOpenQmgrManager::SetPaused.E_ACCESSDENIED */
static void set_limit_and_pause__other_user__are_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture->identity.is_user = true;
    assert_hr(IOpenQmgrManager_SetLimit(manager_of(fixture), 800), E_ACCESSDENIED);
    assert_hr(IOpenQmgrManager_SetPaused(manager_of(fixture), TRUE), E_ACCESSDENIED);
    assert_int_equal(fixture->settings.sets, 0);
}

/* Shows all.null-output-inside IOpenQmgrManager::SetLimit.E_INVALIDARG */
static void open_manager__a_null_output__is_refused(void **state)
{
    struct fixture *fixture = *state;
    IOpenQmgrManager *manager = manager_of(fixture);
    OPENQMGR_SETTINGS settings;
    BSTR text;
    assert_hr(IOpenQmgrManager_OpenGroup(manager, group_guid, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrManager_GetGroups(manager, 0, NULL), E_INVALIDARG);
    assert_hr(IOpenQmgrManager_GetSettings(manager, NULL, &text, &text, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrManager_GetSettings(manager, &settings, NULL, &text, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrManager_GetSettings(manager, &settings, &text, NULL, &text), E_INVALIDARG);
    assert_hr(IOpenQmgrManager_GetSettings(manager, &settings, &text, &text, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
    assert_int_equal(fixture->settings.reads, 0);
    fixture->settings.status = OQ_E_INVALID_ARG; /* out of the range of oq_config.h */
    assert_hr(IOpenQmgrManager_SetLimit(manager, 100000001), E_INVALIDARG);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(get_groups__several__come_one_behind_the_other),
        WITH(get_groups__no_more__is_false),
        WITH(get_settings__everything__comes_back),
        WITH(set_limit_and_pause__administrator__reach_the_settings),
        WITH(set_limit_and_pause__other_user__are_refused),
        WITH(open_manager__a_null_output__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
