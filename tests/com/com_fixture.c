/* com_fixture.c - see com_fixture.h */
#include "com_fixture.h"

#include "oq_alloc.h"

const GUID group_guid = {
    0x11111111, 0x2222, 0x3333, {0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb}};
const GUID job_guid = {
    0x99999999, 0x8888, 0x7777, {0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0xff}};
const GUID other_guid = {0x12345678, 0x9abc, 0xdef0, {1, 2, 3, 4, 5, 6, 7, 8}};

/* --- impersonation ---------------------------------------------------------------------------- */

struct fake_impersonation impersonation;

static HRESULT fake_begin(void)
{
    impersonation.begun++;
    assert_false(impersonation.is_on);
    impersonation.is_on = SUCCEEDED(impersonation.begin);
    return impersonation.begin;
}

static HRESULT fake_end(void)
{
    impersonation.ended++;
    assert_true(impersonation.is_on);
    impersonation.is_on = false;
    return impersonation.end;
}

static bool fake_is_wine(void)
{
    return impersonation.is_wine;
}

static void fake_die(void)
{
    impersonation.died++;
}

const struct oq_impersonation scripted_impersonation = {
    .begin = fake_begin, .end = fake_end, .is_wine = fake_is_wine, .die = fake_die};

/* --- identity port ---------------------------------------------------------------------------- */

static enum oq_status fake_capture(void *ctx, struct oq_caller_buffer *out, struct oq_error *err)
{
    struct fake_identity *identity = ctx;
    identity->captures++;
    if (identity->status != OQ_OK)
        return oq_error_set(err, identity->status, "scripted");
    strcpy(out->sid, FAKE_SID);
    out->caller.sid = out->sid;
    out->caller.rights = (struct oq_rights){.is_admin = !identity->is_user, .integrity = 0x2000};
    out->caller.identity = (struct oq_identity *)identity;
    identity->refs++;
    return OQ_OK;
}

static struct oq_identity *fake_ref(void *ctx, struct oq_identity *one)
{
    struct fake_identity *identity = ctx;
    if (one)
        identity->refs++;
    return one;
}

static void fake_unref(void *ctx, struct oq_identity *one)
{
    struct fake_identity *identity = ctx;
    if (one)
        identity->refs--;
}

/* --- the fixture ------------------------------------------------------------------------------ */

void fixture_reset(struct fixture *fixture)
{
    fixture->engine = (struct oq_engine){0};
    fixture->engine.view.guid = oq_convert_guid(&group_guid);
    fixture->engine.view.state = OQ_GROUP_SUSPENDED;
    fixture->engine.view.has_job = true;
    fixture->engine.view.job_guid = oq_convert_guid(&job_guid);
    fixture->engine.view.error_file = OQ_NO_FILE;
    fixture->engine.file_remote = "http://server/file";
    fixture->engine.file_local = "C:\\folder\\file";
    fixture->engine.text = "text";
    fixture->engine.first_file = "file";
    fixture->settings = (struct fake_settings){0};
    fixture->identity.status = OQ_OK;
    fixture->identity.captures = 0;
    fixture->identity.is_user = false;
    impersonation = (struct fake_impersonation){0};
}

static enum oq_status fake_read_settings(void *ctx, struct oq_settings_view *view,
                                         struct oq_error *err)
{
    struct fake_settings *settings = ctx;
    settings->reads++;
    if (settings->status != OQ_OK)
        return oq_error_win32(err, settings->status, settings->win32, "scripted failure");
    char *schedule = oq_strdup("mon-fri 8-18 2000");
    if (!schedule)
        return OQ_E_NOMEM;
    *view = (struct oq_settings_view){.version = "1.2.3",
                                      .database = "C:\\data\\queue.db",
                                      .log = "C:\\data\\service.log",
                                      .schedule = schedule,
                                      .is_limit_enforced = settings->is_limit_enforced,
                                      .is_pause_enforced = settings->is_pause_enforced};
    return OQ_OK;
}

static enum oq_status fake_set(void *ctx, const char *name, int64_t value, struct oq_error *err)
{
    struct fake_settings *settings = ctx;
    assert_false(impersonation.is_on);
    settings->sets++;
    snprintf(settings->name, sizeof settings->name, "%s", name);
    settings->value = value;
    return settings->status == OQ_OK
               ? OQ_OK
               : oq_error_win32(err, settings->status, settings->win32, "scripted failure");
}

int fixture_open(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->port.ctx = &fixture->identity;
    fixture->port.capture = fake_capture;
    fixture->port.ref = fake_ref;
    fixture->port.unref = fake_unref;
    fixture->settings_port = (struct oq_settings_port){
        .ctx = &fixture->settings, .read = fake_read_settings, .set = fake_set};
    fixture_reset(fixture);

    struct oq_com_options options = {.engine = &fixture->engine,
                                     .identity = &fixture->port,
                                     .settings = &fixture->settings_port};
    if (oq_context_new(&options, &scripted_impersonation, &fixture->context) != OQ_OK ||
        oq_qmgr_new(fixture->context, &fixture->qmgr) != OQ_OK ||
        oq_group_new(fixture->context, &group_guid, &fixture->group) != OQ_OK ||
        oq_job_new(fixture->context, FAKE_GROUP, &job_guid, &fixture->job) != OQ_OK)
        return -1;
    oq_group_set_id(fixture->group, FAKE_GROUP);
    *state = fixture;
    return 0;
}

int fixture_close(void **state)
{
    struct fixture *fixture = *state;
    IBackgroundCopyJob1_Release(fixture->job);
    IBackgroundCopyGroup_Release(fixture->group);
    IBackgroundCopyQMgr_Release(fixture->qmgr);

    bool is_clean = true;
    if (fixture->context->live != 0 || fixture->context->objects) {
        print_error("%u objects are left\n", (unsigned)fixture->context->live);
        is_clean = false;
    }
    if (fixture->context->calls != 0) {
        print_error("%u calls are left\n", (unsigned)fixture->context->calls);
        is_clean = false;
    }
    if (fixture->identity.refs != 0) {
        print_error("%d identities are left\n", fixture->identity.refs);
        is_clean = false;
    }
    if (atomic_load(&fixture->context->refs) != 1) {
        print_error("the context has %u references\n", atomic_load(&fixture->context->refs));
        is_clean = false;
    }
    if (is_clean)
        oq_context_unref(fixture->context);
    free(fixture);
    return is_clean ? 0 : -1;
}

BSTR new_bstr(const WCHAR *text)
{
    BSTR bstr = SysAllocString(text);
    assert_non_null(bstr);
    return bstr;
}
