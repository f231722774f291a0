/* check_props.c - GROUPPROP and the job's unimplemented methods: assertions 60 to 70, decisions
 * D12, D14, D24 to D26. */
#include "conformance.h"

#include <string.h>
#include <wchar.h>

static HRESULT set_int(struct work *work, GROUPPROP prop, VARTYPE type, int value)
{
    VARIANT v;
    VariantInit(&v);
    V_VT(&v) = type;
    if (type == VT_I2 || type == VT_UI2)
        V_I2(&v) = (SHORT)value;
    else
        V_I4(&v) = value;
    return IBackgroundCopyGroup_SetProp(work->group, prop, &v);
}

static HRESULT set_text(struct work *work, GROUPPROP prop, const wchar_t *text)
{
    VARIANT v;
    VariantInit(&v);
    V_VT(&v) = VT_BSTR;
    V_BSTR(&v) = text ? SysAllocString(text) : NULL;
    HRESULT hr = IBackgroundCopyGroup_SetProp(work->group, prop, &v);
    VariantClear(&v);
    return hr;
}

/* Is the property that text? */
static bool has_text(struct work *work, GROUPPROP prop, const wchar_t *text)
{
    VARIANT v;
    VariantInit(&v);
    HRESULT hr = IBackgroundCopyGroup_GetProp(work->group, prop, &v);
    bool is_same = hr == S_OK && V_VT(&v) == VT_BSTR && SysStringLen(V_BSTR(&v)) == wcslen(text) &&
                   (text[0] == 0 || wcscmp(V_BSTR(&v), text) == 0);
    VariantClear(&v);
    return is_same;
}

static bool has_int(struct work *work, GROUPPROP prop, LONG value)
{
    VARIANT v;
    VariantInit(&v);
    HRESULT hr = IBackgroundCopyGroup_GetProp(work->group, prop, &v);
    return hr == S_OK && V_VT(&v) == VT_I4 && V_I4(&v) == value;
}

static void check_integers(struct target *target, struct work *work)
{
    static const VARTYPE types[] = {VT_I4, VT_I2, VT_UI4, VT_UI2, VT_INT, VT_UINT};
    static const VARTYPE refused[] = {VT_EMPTY, VT_NULL,  VT_I1,     VT_UI1, VT_I8,
                                      VT_UI8,   VT_R4,    VT_R8,     VT_CY,  VT_DATE,
                                      VT_BOOL,  VT_ERROR, VT_DECIMAL};
    unsigned accepted = 0, rejected = 0;
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        accepted += set_int(work, GROUPPROP_PRIORITY, types[i], 1) == S_OK;
    /* Shows IBackgroundCopyGroup::GROUPPROP.integer-means-vt GROUPPROP_PRIORITY
     * IBackgroundCopyGroup::SetProp.S_OK */
    report(62, accepted == 6, "SetProp(PRIORITY, 1): %u of 6 integer types are accepted", accepted);
    HRESULT two = set_int(work, GROUPPROP_PRIORITY, VT_I4, 2);
    /* Shows GROUPPROP_PRIORITY */
    report(64, FAILED(two), "SetProp(PRIORITY, 2): 0x%08lx", two);
    VARIANT v;
    VariantInit(&v);
    HRESULT hr = IBackgroundCopyGroup_GetProp(work->group, GROUPPROP_PRIORITY, &v);
    /* Shows GROUPPROP_PRIORITY IBackgroundCopyGroup::GetProp.S_OK */
    report(63, hr == S_OK && V_I4(&v) == 1, "GetProp(PRIORITY): 0x%08lx, type %u, %ld", hr,
           V_VT(&v), V_I4(&v));
    HRESULT http = set_int(work, GROUPPROP_PROTOCOLFLAGS, VT_I4, QM_PROTOCOL_HTTP);
    HRESULT ftp = set_int(work, GROUPPROP_PROTOCOLFLAGS, VT_I4, QM_PROTOCOL_FTP);
    HRESULT smb = set_int(work, GROUPPROP_PROTOCOLFLAGS, VT_I4, QM_PROTOCOL_SMB);
    HRESULT custom = set_int(work, GROUPPROP_PROTOCOLFLAGS, VT_I4, QM_PROTOCOL_CUSTOM);
    /* Shows QM_PROTOCOL_HTTP QM_PROTOCOL_FTP QM_PROTOCOL_SMB QM_PROTOCOL_CUSTOM
     * GROUPPROP_PROTOCOLFLAGS */
    report(65, http == S_OK && FAILED(ftp) && FAILED(smb) && FAILED(custom),
           "SetProp(PROTOCOLFLAGS): HTTP 0x%08lx, FTP 0x%08lx, SMB 0x%08lx, CUSTOM 0x%08lx", http,
           ftp, smb, custom);
    HRESULT text = set_text(work, GROUPPROP_PRIORITY, L"1");
    HRESULT number = set_int(work, GROUPPROP_DISPLAYNAME, VT_I4, 1);
    /* Shows IBackgroundCopyGroup::SetProp.E_INVALIDARG */
    report(66, text == E_INVALIDARG && number == E_INVALIDARG,
           "PRIORITY as text 0x%08lx, DISPLAYNAME as number 0x%08lx", text, number);
    if (!target->is_ours)
        return;
    for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++)
        rejected += set_int(work, GROUPPROP_NOTIFYFLAGS, refused[i], 0) == E_INVALIDARG;
    /* Shows IBackgroundCopyGroup::GROUPPROP.integer-means-vt */
    report_decision("sec6", rejected == sizeof refused / sizeof refused[0],
                    "NOTIFYFLAGS: %u of %u other types are E_INVALIDARG", rejected,
                    (unsigned)(sizeof refused / sizeof refused[0]));
    /* Shows QM_PROTOCOL_FTP QM_PROTOCOL_SMB QM_PROTOCOL_CUSTOM
     * IBackgroundCopyGroup::GetProp.propid-outside-0
     * IBackgroundCopyGroup::GetProgress.other-value */
    report_decision("D12",
                    two == E_NOTIMPL && ftp == E_NOTIMPL && smb == E_NOTIMPL && custom == E_NOTIMPL,
                    "unsupported values are E_NOTIMPL");
    /* Shows IBackgroundCopyGroup::GROUPPROP.integer-means-vt */
    report_decision("D14",
                    has_int(work, GROUPPROP_PRIORITY, 1) &&
                        has_int(work, GROUPPROP_PROTOCOLFLAGS, 1) &&
                        has_int(work, GROUPPROP_NOTIFYFLAGS, 0),
                    "integer properties come as VT_I4; defaults 1, 1 and 0");
}

static void check_unsupported(struct work *work)
{
    static const GROUPPROP props[] = {GROUPPROP_REMOTEUSERID, GROUPPROP_REMOTEUSERPWD,
                                      GROUPPROP_LOCALUSERID,  GROUPPROP_LOCALUSERPWD,
                                      GROUPPROP_PROGRESSSIZE, GROUPPROP_PROGRESSPERCENT,
                                      GROUPPROP_PROGRESSTIME};
    unsigned get = 0, set = 0;
    for (unsigned i = 0; i < 7; i++) {
        VARIANT v;
        VariantInit(&v);
        get += IBackgroundCopyGroup_GetProp(work->group, props[i], &v) == E_NOTIMPL &&
               V_VT(&v) == VT_EMPTY;
        set += set_int(work, props[i], VT_I4, 1) == E_NOTIMPL &&
               set_text(work, props[i], L"x") == E_NOTIMPL;
    }
    /* Shows GROUPPROP_REMOTEUSERID GROUPPROP_REMOTEUSERPWD GROUPPROP_LOCALUSERID
     * GROUPPROP_LOCALUSERPWD GROUPPROP_PROGRESSSIZE GROUPPROP_PROGRESSPERCENT
     * GROUPPROP_PROGRESSTIME IBackgroundCopyGroup::GetProp.E_NOTIMPL
     * IBackgroundCopyGroup::SetProp.E_NOTIMPL */
    report(67, get == 7 && set == 7,
           "E_NOTIMPL from GetProp for %u and from SetProp for %u of 7 properties", get, set);
}

static void check_texts(struct target *target, struct work *work)
{
    static wchar_t text[1100];
    wmemset(text, L'\x00e9', 1026);
    text[257] = 0;
    HRESULT longer = set_text(work, GROUPPROP_DISPLAYNAME, text);
    text[256] = 0;
    HRESULT longest = set_text(work, GROUPPROP_DISPLAYNAME, text);
    /* Shows GROUPPROP_DISPLAYNAME IBackgroundCopyGroup::GetProp.S_OK
     * IBackgroundCopyGroup::SetProp.S_OK .text-too-long */
    report(68, longest == S_OK && FAILED(longer) && has_text(work, GROUPPROP_DISPLAYNAME, text),
           "DISPLAYNAME of 256 characters 0x%08lx and back, of 257 0x%08lx", longest, longer);
    wmemset(text, L'\x4e2d', 1026);
    text[1025] = 0;
    longer = set_text(work, GROUPPROP_DESCRIPTION, text);
    text[1024] = 0;
    longest = set_text(work, GROUPPROP_DESCRIPTION, text);
    /* Shows GROUPPROP_DESCRIPTION IBackgroundCopyGroup::SetProp.text-too-long */
    report(69, longest == S_OK && FAILED(longer) && has_text(work, GROUPPROP_DESCRIPTION, text),
           "DESCRIPTION of 1,024 characters 0x%08lx and back, of 1,025 0x%08lx", longest, longer);
    HRESULT clsid = set_text(work, GROUPPROP_NOTIFYCLSID, callback_clsid());
    /* Shows GROUPPROP_NOTIFYCLSID IBackgroundCopyGroup::SetProp.S_OK */
    report(70, clsid == S_OK && has_text(work, GROUPPROP_NOTIFYCLSID, callback_clsid()),
           "NOTIFYCLSID: 0x%08lx and back", clsid);
    if (!target->is_ours)
        return;
    HRESULT name_null = set_text(work, GROUPPROP_DISPLAYNAME, NULL);
    report_decision("D26", name_null == S_OK && has_text(work, GROUPPROP_DISPLAYNAME, L""),
                    "DISPLAYNAME NULL: 0x%08lx, empty", name_null);
    HRESULT bad = set_text(work, GROUPPROP_NOTIFYCLSID, L"not a CLSID");
    bool is_kept = has_text(work, GROUPPROP_NOTIFYCLSID, callback_clsid());
    HRESULT clear = set_text(work, GROUPPROP_NOTIFYCLSID, L"");
    /* Shows GROUPPROP_NOTIFYCLSID */
    report_decision("D25",
                    FAILED(bad) && is_kept && clear == S_OK &&
                        has_text(work, GROUPPROP_NOTIFYCLSID, L""),
                    "NOTIFYCLSID that is none: 0x%08lx, the old one kept; empty clears it: 0x%08lx",
                    bad, clear);
    HRESULT done = set_int(work, GROUPPROP_NOTIFYFLAGS, VT_I4, 0x44),
            file = set_int(work, GROUPPROP_NOTIFYFLAGS, VT_I4, 1);
    /* Shows QM_NOTIFY_FILE_DONE GROUPPROP_NOTIFYFLAGS */
    report_decision("D24",
                    done == S_OK && file == E_NOTIMPL && has_int(work, GROUPPROP_NOTIFYFLAGS, 0x44),
                    "NOTIFYFLAGS 0x44: 0x%08lx, FILE_DONE: 0x%08lx", done, file);
    VARIANT v;
    VariantInit(&v);
    HRESULT beyond = IBackgroundCopyGroup_GetProp(work->group, (GROUPPROP)13, &v);
    report_decision("D12", beyond == E_NOTIMPL, "property 13: 0x%08lx", beyond);
}

void check_props(struct target *target)
{
    struct work work;
    DWORD value = 0;
    if (!work_begin(target, &work))
        return;
    HRESULT cancel = IBackgroundCopyJob1_CancelJob(work.job),
            foreground = IBackgroundCopyJob1_SwitchToForeground(work.job);
    /* Shows IBackgroundCopyJob1.only-group-can IBackgroundCopyJob1::CancelJob.E_NOTIMPL */
    report(60, cancel == E_NOTIMPL, "CancelJob: 0x%08lx", cancel);
    /* Shows IBackgroundCopyJob1.only-group-can IBackgroundCopyJob1::SwitchToForeground.E_NOTIMPL */
    report(61, foreground == E_NOTIMPL, "the job's SwitchToForeground: 0x%08lx", foreground);
    HRESULT time = IBackgroundCopyGroup_GetProgress(work.group, QM_PROGRESS_TIME_DONE, &value);
    /* Shows QM_PROGRESS_TIME_DONE IBackgroundCopyGroup::GetProgress.E_NOTIMPL */
    report(43, time == E_NOTIMPL, "the group's GetProgress(TIME_DONE): 0x%08lx", time);
    time = IBackgroundCopyJob1_GetProgress(work.job, QM_PROGRESS_TIME_DONE, &value);
    /* Shows QM_PROGRESS_TIME_DONE IBackgroundCopyJob1::GetProgress.E_NOTIMPL */
    report(44, time == E_NOTIMPL, "the job's GetProgress(TIME_DONE): 0x%08lx", time);
    HRESULT null = IBackgroundCopyGroup_get_Size(work.group, NULL);
    /* Shows all.null-output */
    report(81, null == (HRESULT)0x800706F4, "get_Size(NULL) through the proxy: 0x%08lx", null);
    if (target->is_ours) {
        HRESULT other = IBackgroundCopyGroup_GetProgress(work.group, 17, &value);
        report_decision("D12", other == E_NOTIMPL, "GetProgress(17): 0x%08lx", other);
    }
    check_integers(target, &work);
    check_unsupported(&work);
    check_texts(target, &work);
    work_end(&work);
}
