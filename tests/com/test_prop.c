/* test_prop.c - GetProp and SetProp: every property with every VARIANT type (contract section 6;
 * D12, D14, D23 to D26) */
#include "com_fixture.h"

enum accepts { NOTHING, NUMBERS, TEXTS };

/* Section 6, written a second time. */
static const struct {
    GROUPPROP prop;
    enum accepts accepts;
    size_t max_units;
} rows[] = {
    {GROUPPROP_PRIORITY, NUMBERS, 0},      {GROUPPROP_REMOTEUSERID, NOTHING, 0},
    {GROUPPROP_REMOTEUSERPWD, NOTHING, 0}, {GROUPPROP_LOCALUSERID, NOTHING, 0},
    {GROUPPROP_LOCALUSERPWD, NOTHING, 0},  {GROUPPROP_PROTOCOLFLAGS, NUMBERS, 0},
    {GROUPPROP_NOTIFYFLAGS, NUMBERS, 0},   {GROUPPROP_NOTIFYCLSID, TEXTS, 38},
    {GROUPPROP_PROGRESSSIZE, NOTHING, 0},  {GROUPPROP_PROGRESSPERCENT, NOTHING, 0},
    {GROUPPROP_PROGRESSTIME, NOTHING, 0},  {GROUPPROP_DISPLAYNAME, TEXTS, 256},
    {GROUPPROP_DESCRIPTION, TEXTS, 1024},
};

static bool is_number_type(VARTYPE type)
{
    return type == VT_I4 || type == VT_I2 || type == VT_UI4 || type == VT_UI2 || type == VT_INT ||
           type == VT_UINT;
}

/* Every type that a VARIANT may have, and some that none may. */
static const VARTYPE types[] = {
    VT_EMPTY,
    VT_NULL,
    VT_I2,
    VT_I4,
    VT_R4,
    VT_R8,
    VT_CY,
    VT_DATE,
    VT_BSTR,
    VT_DISPATCH,
    VT_ERROR,
    VT_BOOL,
    VT_VARIANT,
    VT_UNKNOWN,
    VT_DECIMAL,
    VT_I1,
    VT_UI1,
    VT_UI2,
    VT_UI4,
    VT_I8,
    VT_UI8,
    VT_INT,
    VT_UINT,
    VT_VOID,
    VT_HRESULT,
    VT_PTR,
    VT_SAFEARRAY,
    VT_CARRAY,
    VT_USERDEFINED,
    VT_LPSTR,
    VT_LPWSTR,
    VT_RECORD,
    VT_INT_PTR,
    VT_UINT_PTR,
    VT_FILETIME,
    VT_BLOB,
    VT_CLSID,
    VT_BYREF | VT_I4,
    VT_BYREF | VT_BSTR,
    VT_BYREF | VT_VARIANT,
    VT_ARRAY | VT_I4,
    VT_ARRAY | VT_BSTR,
    VT_VECTOR | VT_I4,
    VT_RESERVED,
    0xffff,
};

static HRESULT set_number(struct fixture *fixture, GROUPPROP prop, VARTYPE type, LONG number)
{
    VARIANT value;
    memset(&value, 0xcc, sizeof value); /* what the type does not cover is not looked at */
    V_VT(&value) = type;
    if (type == VT_I2 || type == VT_UI2)
        V_I2(&value) = (SHORT)number;
    else
        V_I4(&value) = number;
    return IBackgroundCopyGroup_SetProp(fixture->group, prop, &value);
}

static HRESULT set_bstr(struct fixture *fixture, GROUPPROP prop, BSTR text)
{
    VARIANT value;
    VariantInit(&value);
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = text;
    HRESULT hr = IBackgroundCopyGroup_SetProp(fixture->group, prop, &value);
    assert_ptr_equal(V_BSTR(&value), text); /* stays the caller's */
    return hr;
}

static HRESULT set_text(struct fixture *fixture, GROUPPROP prop, const WCHAR *text)
{
    BSTR bstr = new_bstr(text);
    HRESULT hr = set_bstr(fixture, prop, bstr);
    SysFreeString(bstr);
    return hr;
}

/* --- types ------------------------------------------------------------------------------------ */

/* Shows IBackgroundCopyGroup::GROUPPROP.integer-means-vt IBackgroundCopyGroup::SetProp.propID
 * .E_INVALIDARG */
static void set__each_property_with_each_type__is_as_the_table_says(void **state)
{
    struct fixture *fixture = *state;
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            HRESULT expected = rows[row].accepts == NOTHING ? E_NOTIMPL : E_INVALIDARG;
            HRESULT hr;
            if (types[i] == VT_BSTR) {
                hr = set_text(fixture, rows[row].prop, L"");
                if (rows[row].accepts == TEXTS)
                    expected = S_OK;
            } else {
                /* 1 is a priority and a protocol, but no flag */
                LONG number = rows[row].prop == GROUPPROP_NOTIFYFLAGS ? QM_NOTIFY_GROUP_DONE : 1;
                hr = set_number(fixture, rows[row].prop, types[i], number);
                if (rows[row].accepts == NUMBERS && is_number_type(types[i]))
                    expected = S_OK;
            }
            if (hr != expected)
                fail_msg("property %d, type 0x%x: 0x%08lx", (int)rows[row].prop, types[i],
                         (unsigned long)hr);
        }
    }
}

static void set__a_refused_value__does_not_reach_the_engine(void **state)
{
    struct fixture *fixture = *state;
    assert_hr(set_number(fixture, GROUPPROP_DISPLAYNAME, VT_I4, 1), E_INVALIDARG);
    assert_hr(set_text(fixture, GROUPPROP_PRIORITY, L"1"), E_INVALIDARG);
    assert_hr(set_text(fixture, GROUPPROP_REMOTEUSERID, L"user"), E_NOTIMPL);
    assert_hr(IBackgroundCopyGroup_SetProp(fixture->group, GROUPPROP_PRIORITY, NULL), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IBackgroundCopyGroup::GetProp.propid-outside-0
 * IBackgroundCopyGroup::SetProp.propid-outside-0 */
static void property__outside_0_to_12__is_notimpl(void **state)
{
    static const int ids[] = {-1, 13, 14, 1000, 0x7fffffff, (int)0x80000000};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        VARIANT value;
        memset(&value, 0xcc, sizeof value);
        assert_hr(set_number(fixture, (GROUPPROP)ids[i], VT_I4, 1), E_NOTIMPL);
        assert_hr(IBackgroundCopyGroup_GetProp(fixture->group, (GROUPPROP)ids[i], &value),
                  E_NOTIMPL);
        assert_int_equal(V_VT(&value), VT_EMPTY);
    }
    assert_int_equal(fixture->engine.calls, 0);
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* Shows IBackgroundCopyGroup::SetProp.propid-outside-0 */
static void fixed__another_number__is_notimpl(void **state)
{
    static const GROUPPROP fixed[] = {GROUPPROP_PRIORITY, GROUPPROP_PROTOCOLFLAGS};
    static const LONG numbers[] = {0, 2, 3, 4, -1, 0x10001, (LONG)0x80000001};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        for (size_t j = 0; j < COUNT_OF(numbers); j++)
            assert_hr(set_number(fixture, fixed[i], VT_I4, numbers[j]), E_NOTIMPL);
    }
}

/* Shows IBackgroundCopyGroup::SetProp.properties-may-set */
static void fixed__a_cancelled_group__is_invalid_state(void **state)
{
    struct fixture *fixture = *state;
    fixture->engine.view.is_gone = true;
    assert_hr(set_number(fixture, GROUPPROP_PRIORITY, VT_I4, 1), QM_E_INVALID_STATE);
    assert_hr(set_number(fixture, GROUPPROP_PROTOCOLFLAGS, VT_I4, QM_PROTOCOL_HTTP),
              QM_E_INVALID_STATE);
}

/* Shows GROUPPROP_PROTOCOLFLAGS
 * IBackgroundCopyGroup::SwitchToForeground.groupprop-priority-still */
static void fixed__read__is_1_as_i4(void **state)
{
    static const GROUPPROP fixed[] = {GROUPPROP_PRIORITY, GROUPPROP_PROTOCOLFLAGS};
    struct fixture *fixture = *state;
    fixture->engine.view.is_foreground = true; /* makes no difference */
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        VARIANT value;
        memset(&value, 0xcc, sizeof value);
        assert_hr(IBackgroundCopyGroup_GetProp(fixture->group, fixed[i], &value), S_OK);
        assert_int_equal(V_VT(&value), VT_I4);
        assert_int_equal(V_I4(&value), 1);
    }
}

static void flags__each_number_type__reaches_the_engine_whole(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (!is_number_type(types[i]))
            continue;
        fixture->engine.flags = 0xdeadbeef;
        assert_hr(set_number(fixture, GROUPPROP_NOTIFYFLAGS, types[i], 0x44), S_OK);
        assert_int_equal(fixture->engine.flags, 0x44);
        assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
    }
    /* A negative number has bits that the engine refuses; it must not come out as a small one. */
    assert_hr(set_number(fixture, GROUPPROP_NOTIFYFLAGS, VT_I2, -1), S_OK);
    assert_int_equal(fixture->engine.flags, 0xffffffff);
    assert_hr(set_number(fixture, GROUPPROP_NOTIFYFLAGS, VT_UI2, -1), S_OK);
    assert_int_equal(fixture->engine.flags, 0xffff);
}

/* Shows IBackgroundCopyGroup::SetProp.propid-outside-0 */
static void flags__refused_by_the_engine__is_notimpl(void **state)
{
    struct fixture *fixture = *state;
    fixture->engine.status = OQ_E_NOT_SUPPORTED;
    assert_hr(set_number(fixture, GROUPPROP_NOTIFYFLAGS, VT_I4, QM_NOTIFY_FILE_DONE), E_NOTIMPL);
}

static void flags__read__are_the_engines_as_i4(void **state)
{
    struct fixture *fixture = *state;
    VARIANT value;
    memset(&value, 0xcc, sizeof value);
    fixture->engine.view.notify_flags = 0x44;
    assert_hr(IBackgroundCopyGroup_GetProp(fixture->group, GROUPPROP_NOTIFYFLAGS, &value), S_OK);
    assert_int_equal(V_VT(&value), VT_I4);
    assert_int_equal(V_I4(&value), 0x44);
}

/* --- texts ------------------------------------------------------------------------------------ */

static const struct {
    GROUPPROP prop;
    enum oq_text_prop inside;
    UINT max_units;
} free_texts[] = {
    {GROUPPROP_DISPLAYNAME, OQ_TEXT_DISPLAY_NAME, 256},
    {GROUPPROP_DESCRIPTION, OQ_TEXT_DESCRIPTION, 1024},
};

/* Shows GROUPPROP_DISPLAYNAME GROUPPROP_DESCRIPTION */
static void text__of_the_greatest_length__is_set_and_one_more_is_not(void **state)
{
    struct fixture *fixture = *state;
    WCHAR text[1026];
    for (size_t i = 0; i < COUNT_OF(free_texts); i++) {
        UINT limit = free_texts[i].max_units;
        for (UINT j = 0; j < limit + 1; j++)
            text[j] = L'x';
        BSTR longest = SysAllocStringLen(text, limit);
        BSTR longer = SysAllocStringLen(text, limit + 1);
        fixture_reset(fixture);
        assert_hr(set_bstr(fixture, free_texts[i].prop, longer), E_INVALIDARG);
        assert_int_equal(fixture->engine.calls, 0);
        assert_hr(set_bstr(fixture, free_texts[i].prop, longest), S_OK);
        assert_int_equal(fixture->engine.prop, free_texts[i].inside);
        assert_int_equal(fixture->engine.group_id, FAKE_GROUP);
        assert_int_equal(strlen(fixture->engine.prop_text), limit);
        SysFreeString(longest);
        SysFreeString(longer);
    }
}

static void text__null_bstr__is_the_empty_text(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(free_texts); i++) {
        strcpy(fixture->engine.prop_text, "before");
        assert_hr(set_bstr(fixture, free_texts[i].prop, NULL), S_OK);
        assert_string_equal(fixture->engine.prop_text, "");
    }
}

static void text__embedded_nul_or_half_a_pair__is_refused(void **state)
{
    static const WCHAR lone[] = {L'a', 0xdc00, 0};
    struct fixture *fixture = *state;
    BSTR with_nul = SysAllocStringLen(L"a\0b", 3);
    for (size_t i = 0; i < COUNT_OF(free_texts); i++) {
        assert_hr(set_bstr(fixture, free_texts[i].prop, with_nul), E_INVALIDARG);
        assert_hr(set_text(fixture, free_texts[i].prop, lone), E_INVALIDARG);
    }
    SysFreeString(with_nul);
    assert_int_equal(fixture->engine.calls, 0);
}

/* Shows IBackgroundCopyGroup::GetProp.S_OK */
static void text__read__is_the_engines_as_bstr(void **state)
{
    struct fixture *fixture = *state;
    static const GROUPPROP texts[] = {GROUPPROP_DISPLAYNAME, GROUPPROP_DESCRIPTION,
                                      GROUPPROP_NOTIFYCLSID};
    static const enum oq_text_prop inside[] = {OQ_TEXT_DISPLAY_NAME, OQ_TEXT_DESCRIPTION,
                                               OQ_TEXT_NOTIFY_CLSID};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        VARIANT value;
        memset(&value, 0xcc, sizeof value);
        fixture->engine.text = "gr\xc3\xbcn \xf0\x9f\x98\x80";
        assert_hr(IBackgroundCopyGroup_GetProp(fixture->group, texts[i], &value), S_OK);
        assert_int_equal(fixture->engine.prop, inside[i]);
        assert_int_equal(V_VT(&value), VT_BSTR);
        assert_bstr(V_BSTR(&value), L"gr\x00fcn \xd83d\xde00");
        VariantClear(&value);

        fixture->engine.text = ""; /* the default: an empty BSTR */
        assert_hr(IBackgroundCopyGroup_GetProp(fixture->group, texts[i], &value), S_OK);
        assert_int_equal(V_VT(&value), VT_BSTR);
        assert_bstr(V_BSTR(&value), L"");
        VariantClear(&value);
    }
}

/* Shows GROUPPROP_NOTIFYCLSID */
static void class__braced_identifier_or_empty__is_set_as_it_is(void **state)
{
    static const WCHAR *const good[] = {L"{11111111-2222-3333-4455-66778899aabb}",
                                        L"{AABBCCDD-2222-3333-4455-66778899AABB}", L""};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char inside[64];
        strcpy(fixture->engine.prop_text, "before");
        assert_hr(set_text(fixture, GROUPPROP_NOTIFYCLSID, good[i]), S_OK);
        assert_int_equal(fixture->engine.prop, OQ_TEXT_NOTIFY_CLSID);
        snprintf(inside, sizeof inside, "%ls", good[i]);
        assert_string_equal(fixture->engine.prop_text, inside);
    }
    assert_hr(set_bstr(fixture, GROUPPROP_NOTIFYCLSID, NULL), S_OK);
    assert_string_equal(fixture->engine.prop_text, "");
}

/* Shows IBackgroundCopyGroup::SetProp.text-too-long */
static void class__anything_else__is_refused(void **state)
{
    static const WCHAR *const bad[] = {
        L"11111111-2222-3333-4455-66778899aabb",
        L"{11111111-2222-3333-4455-66778899aab}",
        L"{11111111-2222-3333-4455-66778899aabg}",
        L"{}",
        L"Shell.Application",
        L" ",
        L"{11111111-2222-3333-4455-66778899aabb} ",
        L"{11111111-2222-3333-4455-66778899aabb}x",
        L"(11111111-2222-3333-4455-66778899aabb)",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_hr(set_text(fixture, GROUPPROP_NOTIFYCLSID, bad[i]), E_INVALIDARG);
    assert_int_equal(fixture->engine.calls, 0);
}

/* --- reading what cannot be read -------------------------------------------------------------- */

/* Shows GROUPPROP_REMOTEUSERID GROUPPROP_REMOTEUSERPWD GROUPPROP_LOCALUSERID
 * GROUPPROP_LOCALUSERPWD GROUPPROP_PROGRESSSIZE GROUPPROP_PROGRESSPERCENT GROUPPROP_PROGRESSTIME
 * IBackgroundCopyGroup::GetProp.propID */
static void get__unsupported__is_notimpl_and_empty(void **state)
{
    struct fixture *fixture = *state;
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        VARIANT value;
        memset(&value, 0xcc, sizeof value);
        HRESULT hr = IBackgroundCopyGroup_GetProp(fixture->group, rows[row].prop, &value);
        assert_hr(hr, rows[row].accepts == NOTHING ? E_NOTIMPL : S_OK);
        assert_int_equal(V_VT(&value), rows[row].accepts == NOTHING   ? VT_EMPTY
                                       : rows[row].accepts == NUMBERS ? VT_I4
                                                                      : VT_BSTR);
        VariantClear(&value);
    }
}

/* What the VARIANT held before is not the service's to free. */
/* Shows IBackgroundCopyGroup::GetProp.pvarVal */
static void get__a_variant_in_use__is_overwritten_not_freed(void **state)
{
    struct fixture *fixture = *state;
    VARIANT value;
    BSTR mine = new_bstr(L"mine");
    V_VT(&value) = VT_BSTR;
    V_BSTR(&value) = mine;
    assert_hr(IBackgroundCopyGroup_GetProp(fixture->group, GROUPPROP_PRIORITY, &value), S_OK);
    assert_int_equal(V_VT(&value), VT_I4);
    assert_bstr(mine, L"mine");
    SysFreeString(mine);
    assert_hr(IBackgroundCopyGroup_GetProp(fixture->group, GROUPPROP_PRIORITY, NULL), E_INVALIDARG);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        WITH(set__each_property_with_each_type__is_as_the_table_says),
        WITH(set__a_refused_value__does_not_reach_the_engine),
        WITH(property__outside_0_to_12__is_notimpl),
        WITH(fixed__another_number__is_notimpl),
        WITH(fixed__a_cancelled_group__is_invalid_state),
        WITH(fixed__read__is_1_as_i4),
        WITH(flags__each_number_type__reaches_the_engine_whole),
        WITH(flags__refused_by_the_engine__is_notimpl),
        WITH(flags__read__are_the_engines_as_i4),
        WITH(text__of_the_greatest_length__is_set_and_one_more_is_not),
        WITH(text__null_bstr__is_the_empty_text),
        WITH(text__embedded_nul_or_half_a_pair__is_refused),
        WITH(text__read__is_the_engines_as_bstr),
        WITH(class__braced_identifier_or_empty__is_set_as_it_is),
        WITH(class__anything_else__is_refused),
        WITH(get__unsupported__is_notimpl_and_empty),
        WITH(get__a_variant_in_use__is_overwritten_not_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
