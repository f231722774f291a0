/*
 * test_marshal_notify.c: SetProp with its hand-written client half, SetNotificationPointer, and the
 * calls back into the client, through the proxy DLL. Sections 8.2 and 9 of the spec, decision D25.
 */
#include "marshal_rig.h"

#include <setjmp.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

static HRESULT set_prop_text(GROUPPROP id, const wchar_t *text)
{
    VARIANT value;
    HRESULT hr;

    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = text ? SysAllocString(text) : NULL;
    hr = IBackgroundCopyGroup_SetProp(rig.group, id, &value);
    VariantClear(&value);
    return hr;
}

static void print_callback_class(wchar_t text[39])
{
    StringFromGUID2(&rig.callback_class, text, 39);
}

#define CALLBACK_CLASS "'{7D5FF9D6-5BC5-4C1C-8E1B-3B5F0C544F11}'"

/* What the service has as NOTIFYCLSID before the test. */
static void script_previous_class(const wchar_t *text)
{
    V_VT(&script.property) = VT_BSTR;
    V_BSTR(&script.property) = SysAllocString(text);
}

/* ---- SetProp --------------------------------------------------------------------------------- */

/* Shows IBackgroundCopyGroup::SetProp.pvarVal IBackgroundCopyGroup::InternalSetProp.propID
 * .pvarVal */
static void set_prop__integer_types__arrive_intact(void **state)
{
    static const struct {
        VARTYPE type;
        const char *log;
    } cases[] = {
        {VT_I4, "SetProp 6 vt3 68; "},   {VT_UI4, "SetProp 6 vt19 68; "},
        {VT_INT, "SetProp 6 vt22 68; "}, {VT_UINT, "SetProp 6 vt23 68; "},
        {VT_I2, "SetProp 6 vt2 68; "},   {VT_UI2, "SetProp 6 vt18 68; "},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        VARIANT value;

        rig_reset(state);
        memset(&value, 0, sizeof value);
        V_VT(&value) = cases[i].type;
        V_I4(&value) = 68;
        assert_int_equal(IBackgroundCopyGroup_SetProp(rig.group, GROUPPROP_NOTIFYFLAGS, &value),
                         S_OK);
        assert_string_equal(rig_log(), cases[i].log);
    }
}

/* Shows all.memory-in IBackgroundCopyGroup::SetProp.pvarVal
 * IBackgroundCopyGroup::InternalSetProp.pvarVal .S_OK */
static void set_prop__text__arrives_and_stays_the_callers(void **state)
{
    VARIANT value;

    (void)state;
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = SysAllocString(L"n\x00e4me");
    assert_int_equal(IBackgroundCopyGroup_SetProp(rig.group, GROUPPROP_DISPLAYNAME, &value), S_OK);
    assert_string_equal(rig_log(), "SetProp 11 vt8 'n\xc3\xa4me'; ");
    assert_int_equal(wcscmp(V_BSTR(&value), L"n\x00e4me"), 0);
    VariantClear(&value);
}

/* Shows IBackgroundCopyGroup::InternalSetProp.S_OK */
static void set_prop__refused__gives_the_code(void **state)
{
    (void)state;
    script.set_prop = E_NOTIMPL;
    assert_int_equal(set_prop_text(GROUPPROP_REMOTEUSERID, L"x"), E_NOTIMPL);
}

static void set_prop__null_value__is_refused_before_the_service(void **state)
{
    (void)state;
    assert_int_equal(IBackgroundCopyGroup_SetProp(rig.group, GROUPPROP_PRIORITY, NULL),
                     NULL_REFUSED);
    assert_int_equal(IBackgroundCopyGroup_SetProp(rig.group, GROUPPROP_NOTIFYCLSID, NULL),
                     NULL_REFUSED);
    assert_string_equal(rig_log(), "");
}

/* ---- SetProp(GROUPPROP_NOTIFYCLSID) ---------------------------------------------------------- */

/* Shows IBackgroundCopyGroup::SetProp.groupprop-notifyclsid-worked */
static void notify_class__registered__is_created_in_the_client_and_handed_over(void **state)
{
    wchar_t text[39];

    (void)state;
    print_callback_class(text);
    assert_int_equal(set_prop_text(GROUPPROP_NOTIFYCLSID, text), S_OK);
    assert_string_equal(rig_log(), "create; GetProp 7 vt0; SetProp 7 vt8 " CALLBACK_CLASS "; "
                                   "SetNotificationPointer callback; ");
}

/* Shows IBackgroundCopyGroup::SetProp.empty-text-clears */
static void notify_class__empty_text__clears_class_and_pointer(void **state)
{
    (void)state;
    assert_int_equal(set_prop_text(GROUPPROP_NOTIFYCLSID, L""), S_OK);
    assert_string_equal(rig_log(),
                        "GetProp 7 vt0; SetProp 7 vt8 ''; SetNotificationPointer NULL; ");
}

static void notify_class__null_text__clears_class_and_pointer(void **state)
{
    const char *log = rig_log();

    (void)state;
    assert_int_equal(set_prop_text(GROUPPROP_NOTIFYCLSID, NULL), S_OK);
    /* a NULL BSTR and an empty one are the same; either may arrive */
    if (strcmp(log, "GetProp 7 vt0; SetProp 7 vt8 NULL; SetNotificationPointer NULL; ") != 0)
        assert_string_equal(log, "GetProp 7 vt0; SetProp 7 vt8 ''; SetNotificationPointer NULL; ");
}

static void notify_class__not_a_text__is_refused_and_nothing_reaches_the_service(void **state)
{
    static const VARTYPE types[] = {VT_EMPTY, VT_NULL, VT_I4, VT_BSTR | VT_BYREF,
                                    VT_VARIANT | VT_BYREF};

    (void)state;
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        VARIANT value;

        memset(&value, 0, sizeof value);
        V_VT(&value) = types[i];
        assert_int_equal(IBackgroundCopyGroup_SetProp(rig.group, GROUPPROP_NOTIFYCLSID, &value),
                         E_INVALIDARG);
    }
    assert_string_equal(rig_log(), "");
}

static void notify_class__malformed__is_refused_and_nothing_reaches_the_service(void **state)
{
    static const wchar_t *const texts[] = {
        L"nonsense",
        L"StdFont", /* a program identifier */
        L"7D5FF9D6-5BC5-4C1C-8E1B-3B5F0C544F11",
        L"{7D5FF9D6-5BC5-4C1C-8E1B-3B5F0C544F11} ",
        L"{7D5FF9D6-5BC5-4C1C-8E1B-3B5F0C544F1}",
        L"{7D5FF9D6-5BC5-4C1C-8E1B-3B5F0C544F1G}",
        L"{7D5FF9D6-5BC5-4C1C-8E1B-3B5F0C544F11",
        L"{7D5FF9D6-5BC5-4C1C-8E1B-3B5F0C544F11)",
        L" ",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(set_prop_text(GROUPPROP_NOTIFYCLSID, texts[i]), E_INVALIDARG);
    assert_string_equal(rig_log(), "");
}

static void notify_class__more_behind_a_nul__is_refused(void **state)
{
    VARIANT value;
    wchar_t text[44] = {0};

    (void)state;
    print_callback_class(text);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = SysAllocStringLen(text, 44);
    assert_int_equal(IBackgroundCopyGroup_SetProp(rig.group, GROUPPROP_NOTIFYCLSID, &value),
                     E_INVALIDARG);
    VariantClear(&value);
    assert_string_equal(rig_log(), "");
}

static void notify_class__not_registered__gives_that_error_and_nothing_reaches_the_service(
    void **state)
{
    (void)state;
    assert_int_equal(
        set_prop_text(GROUPPROP_NOTIFYCLSID, L"{12345678-1234-1234-1234-123456789012}"),
        REGDB_E_CLASSNOTREG);
    assert_string_equal(rig_log(), "");
}

static void notify_class__cannot_be_created__gives_that_error_and_nothing_reaches_the_service(
    void **state)
{
    wchar_t text[39];

    (void)state;
    script.create = E_NOINTERFACE;
    print_callback_class(text);
    assert_int_equal(set_prop_text(GROUPPROP_NOTIFYCLSID, text), E_NOINTERFACE);
    assert_string_equal(rig_log(), "create; ");
}

static void notify_class__old_one_cannot_be_read__changes_nothing(void **state)
{
    (void)state;
    script.get_prop = E_ACCESSDENIED;
    assert_int_equal(set_prop_text(GROUPPROP_NOTIFYCLSID, L""), E_ACCESSDENIED);
    assert_string_equal(rig_log(), "GetProp 7 vt0; ");
}

static void notify_class__text_refused__hands_no_pointer_over(void **state)
{
    wchar_t text[39];

    (void)state;
    script.set_prop = (HRESULT)QM_E_INVALID_STATE;
    print_callback_class(text);
    assert_int_equal(set_prop_text(GROUPPROP_NOTIFYCLSID, text), (HRESULT)QM_E_INVALID_STATE);
    assert_string_equal(rig_log(), "create; GetProp 7 vt0; SetProp 7 vt8 " CALLBACK_CLASS "; ");
}

static void notify_class__pointer_refused__puts_the_old_text_back(void **state)
{
    wchar_t text[39];

    (void)state;
    script.set_pointer = E_OUTOFMEMORY;
    script_previous_class(L"{the old one}");
    print_callback_class(text);
    assert_int_equal(set_prop_text(GROUPPROP_NOTIFYCLSID, text), E_OUTOFMEMORY);
    assert_string_equal(rig_log(),
                        "create; GetProp 7 vt0; SetProp 7 vt8 " CALLBACK_CLASS "; "
                        "SetNotificationPointer callback; SetProp 7 vt8 '{the old one}'; ");
}

/* ---- SetNotificationPointer ------------------------------------------------------------------ */

/* Shows IBackgroundCopyGroup::SetNotificationPointer.pUnk */
static void set_notification_pointer__object__can_be_asked_for_the_callback(void **state)
{
    (void)state;
    assert_int_equal(IBackgroundCopyGroup_SetNotificationPointer(
                         rig.group, &IID_IBackgroundCopyCallback1, (IUnknown *)rig.callback),
                     S_OK);
    assert_string_equal(rig_log(), "SetNotificationPointer callback; ");
}

/* Shows IBackgroundCopyGroup::SetNotificationPointer.iid */
static void set_notification_pointer__null__arrives(void **state)
{
    const GUID other = rig_guid(1);

    (void)state;
    assert_int_equal(IBackgroundCopyGroup_SetNotificationPointer(rig.group, &other, NULL), S_OK);
    assert_string_equal(rig_log(),
                        "SetNotificationPointer 11110001-2201-3301-4444-555555555501 NULL; ");
}

static void set_notification_pointer__refused__gives_the_code(void **state)
{
    (void)state;
    script.set_pointer = E_NOINTERFACE;
    assert_int_equal(
        IBackgroundCopyGroup_SetNotificationPointer(rig.group, &IID_IBackgroundCopyCallback1, NULL),
        E_NOINTERFACE);
}

/* ---- IBackgroundCopyCallback1: the service calls while it has the pointer -------------------- */

static HRESULT delivered;

static HRESULT deliver(void (*with_pointer)(IBackgroundCopyCallback1 *))
{
    script.with_pointer = with_pointer;
    delivered = (HRESULT)0x5a5a5a5a;
    assert_int_equal(IBackgroundCopyGroup_SetNotificationPointer(
                         rig.group, &IID_IBackgroundCopyCallback1, (IUnknown *)rig.callback),
                     S_OK);
    return delivered;
}

static void call_error(IBackgroundCopyCallback1 *callback)
{
    delivered = IBackgroundCopyCallback1_OnStatus(callback, rig_service_group(), rig_service_job(),
                                                  0, QM_STATUS_GROUP_ERROR, 0, 2, 404);
}

static void call_without_job(IBackgroundCopyCallback1 *callback)
{
    delivered = IBackgroundCopyCallback1_OnStatus(callback, rig_service_group(), NULL, 0xFFFFFFFF,
                                                  QM_STATUS_GROUP_ERROR, 7, 0x80200010, 0);
}

static void call_progress(IBackgroundCopyCallback1 *callback)
{
    delivered = IBackgroundCopyCallback1_OnProgress(callback, 1, rig_service_group(),
                                                    rig_service_job(), 3, 0xFFFFFFFF);
}

static void call_progress_ex(IBackgroundCopyCallback1 *callback)
{
    BYTE bytes[] = {0x00, 0x7f, 0xff};

    delivered = IBackgroundCopyCallback1_OnProgressEx(callback, 3, rig_service_group(), NULL, 3, 9,
                                                      sizeof bytes, bytes);
}

static void call_progress_ex_null(IBackgroundCopyCallback1 *callback)
{
    delivered = IBackgroundCopyCallback1_OnProgressEx(callback, 3, rig_service_group(), NULL, 3, 9,
                                                      0, NULL);
}

/* Shows IBackgroundCopyCallback1.interface-pointers-lent .client-may-call
 * IBackgroundCopyCallback1::OnStatus.pGroup */
static void on_status__error__arrives_unchanged_with_usable_objects(void **state)
{
    (void)state;
    assert_int_equal(deliver(call_error), S_OK);
    /* the client called back into the service while it was being called */
    assert_string_equal(rig_log(), "SetNotificationPointer callback; OnStatus 0 0x200 0 2 404; "
                                   "get_GroupID; get_JobID; ");
}

/* Shows IBackgroundCopyCallback1::OnStatus.pJob */
static void on_status__without_job__arrives_with_null(void **state)
{
    (void)state;
    assert_int_equal(deliver(call_without_job), S_OK);
    assert_string_equal(rig_log(),
                        "SetNotificationPointer callback; OnStatus -1 0x200 7 2149580816 0; "
                        "get_GroupID;  no-job");
}

/* Shows IBackgroundCopyCallback1::OnStatus.S_FALSE */
static void on_status__client_is_not_done__the_code_comes_back(void **state)
{
    (void)state;
    script.on_status = S_FALSE;
    assert_int_equal(deliver(call_error), S_FALSE);
    script.on_status = E_FAIL;
    assert_int_equal(deliver(call_error), E_FAIL);
}

/* Shows IBackgroundCopyCallback1::OnProgress.ProgressType .pGroup .pJob .dwFileIndex
 * .dwProgressValue .S_OK */
static void on_progress__arguments__arrive(void **state)
{
    (void)state;
    assert_int_equal(deliver(call_progress), S_OK);
    assert_string_equal(rig_log(), "SetNotificationPointer callback; OnProgress 1 3 4294967295; "
                                   "get_GroupID; get_JobID; ");
}

/* Shows IBackgroundCopyCallback1::OnProgressEx.ProgressType .pGroup .pJob .dwFileIndex
 * .dwProgressValue .dwByteArraySize .pByte .S_OK */
static void on_progress_ex__bytes__arrive(void **state)
{
    (void)state;
    assert_int_equal(deliver(call_progress_ex), S_OK);
    assert_string_equal(rig_log(), "SetNotificationPointer callback; OnProgressEx 3 3 9 3:007fff; "
                                   "get_GroupID;  no-job");
}

/* Shows IBackgroundCopyCallback1::OnProgressEx.pByte */
static void on_progress_ex__null_bytes__are_refused_before_the_client(void **state)
{
    (void)state;
    assert_int_equal(deliver(call_progress_ex_null), NULL_REFUSED);
    assert_string_equal(rig_log(), "SetNotificationPointer callback; ");
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_reset, rig_check)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(set_prop__integer_types__arrive_intact),
        RIGGED(set_prop__text__arrives_and_stays_the_callers),
        RIGGED(set_prop__refused__gives_the_code),
        RIGGED(set_prop__null_value__is_refused_before_the_service),
        RIGGED(notify_class__registered__is_created_in_the_client_and_handed_over),
        RIGGED(notify_class__empty_text__clears_class_and_pointer),
        RIGGED(notify_class__null_text__clears_class_and_pointer),
        RIGGED(notify_class__not_a_text__is_refused_and_nothing_reaches_the_service),
        RIGGED(notify_class__malformed__is_refused_and_nothing_reaches_the_service),
        RIGGED(notify_class__more_behind_a_nul__is_refused),
        /* Shows IBackgroundCopyGroup::SetProp.when-class-cannot */
        RIGGED(notify_class__not_registered__gives_that_error_and_nothing_reaches_the_service),
        /* Shows IBackgroundCopyGroup::SetProp.when-class-cannot */
        RIGGED(notify_class__cannot_be_created__gives_that_error_and_nothing_reaches_the_service),
        RIGGED(notify_class__old_one_cannot_be_read__changes_nothing),
        RIGGED(notify_class__text_refused__hands_no_pointer_over),
        RIGGED(notify_class__pointer_refused__puts_the_old_text_back),
        RIGGED(set_notification_pointer__object__can_be_asked_for_the_callback),
        RIGGED(set_notification_pointer__null__arrives),
        RIGGED(set_notification_pointer__refused__gives_the_code),
        RIGGED(on_status__error__arrives_unchanged_with_usable_objects),
        RIGGED(on_status__without_job__arrives_with_null),
        RIGGED(on_status__client_is_not_done__the_code_comes_back),
        RIGGED(on_progress__arguments__arrive),
        RIGGED(on_progress_ex__bytes__arrive),
        RIGGED(on_progress_ex__null_bytes__are_refused_before_the_client),
    };

    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
