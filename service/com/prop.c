/* prop.c - the thirteen properties of a group as one table (contract section 6; D12, D14, D23 to
 * D26).
 *
 * Owns nothing: the values are the engine's. Any thread, within a call.
 */
#include "com_int.h"

#include "oq_alloc.h"

enum kind {
    PROP_UNSUPPORTED, /* E_NOTIMPL, whatever the type */
    PROP_FIXED,       /* a number with one allowed value */
    PROP_FLAGS,       /* a number: NOTIFYFLAGS */
    PROP_TEXT,        /* free text */
    PROP_CLASS_ID,    /* text: empty or a braced CLSID */
};

struct prop {
    enum kind kind;
    uint32_t fixed;         /* PROP_FIXED: the value */
    enum oq_text_prop text; /* PROP_TEXT and PROP_CLASS_ID */
    size_t max_units;       /* PROP_TEXT and PROP_CLASS_ID: UTF-16 units */
    const char *what;       /* for messages */
};

#define CLASS_ID_UNITS (OQ_GUID_TEXT - 1)

/* clang-format off */
static const struct prop props[] = {
    [GROUPPROP_PRIORITY]        = {.kind = PROP_FIXED, .fixed = 1, .what = "the priority"},
    [GROUPPROP_REMOTEUSERID]    = {.kind = PROP_UNSUPPORTED},
    [GROUPPROP_REMOTEUSERPWD]   = {.kind = PROP_UNSUPPORTED},
    [GROUPPROP_LOCALUSERID]     = {.kind = PROP_UNSUPPORTED},
    [GROUPPROP_LOCALUSERPWD]    = {.kind = PROP_UNSUPPORTED},
    [GROUPPROP_PROTOCOLFLAGS]   = {.kind = PROP_FIXED, .fixed = QM_PROTOCOL_HTTP,
                                   .what = "the protocol"},
    [GROUPPROP_NOTIFYFLAGS]     = {.kind = PROP_FLAGS},
    [GROUPPROP_NOTIFYCLSID]     = {.kind = PROP_CLASS_ID, .text = OQ_TEXT_NOTIFY_CLSID,
                                   .max_units = CLASS_ID_UNITS, .what = "the class to notify"},
    [GROUPPROP_PROGRESSSIZE]    = {.kind = PROP_UNSUPPORTED},
    [GROUPPROP_PROGRESSPERCENT] = {.kind = PROP_UNSUPPORTED},
    [GROUPPROP_PROGRESSTIME]    = {.kind = PROP_UNSUPPORTED},
    [GROUPPROP_DISPLAYNAME]     = {.kind = PROP_TEXT, .text = OQ_TEXT_DISPLAY_NAME,
                                   .max_units = 256, .what = "the display name"},
    [GROUPPROP_DESCRIPTION]     = {.kind = PROP_TEXT, .text = OQ_TEXT_DESCRIPTION,
                                   .max_units = 1024, .what = "the description"},
};
/* clang-format on */

static const struct prop *find_prop(GROUPPROP prop)
{
    static const struct prop unknown = {.kind = PROP_UNSUPPORTED};
    return (unsigned)prop < ARRAYSIZE(props) ? &props[prop] : &unknown;
}

static enum oq_status get_text(struct oq_call *call, int64_t group_id, const struct prop *prop,
                               VARIANT *value)
{
    char *text = NULL;
    BSTR outside = NULL;
    enum oq_status status =
        oq_engine_get_text(call->engine, call->caller, group_id, prop->text, &text, &call->err);
    if (status == OQ_OK)
        status = oq_convert_to_bstr(text, &outside);
    if (status == OQ_OK) {
        V_VT(value) = VT_BSTR;
        V_BSTR(value) = outside;
    }
    oq_free(text);
    return status;
}

enum oq_status oq_prop_get(struct oq_call *call, int64_t group_id, GROUPPROP id, VARIANT *value)
{
    const struct prop *prop = find_prop(id);
    if (prop->kind == PROP_UNSUPPORTED)
        return oq_error_set(&call->err, OQ_E_NOT_SUPPORTED, "property %d is not supported",
                            (int)id);
    if (prop->kind == PROP_TEXT || prop->kind == PROP_CLASS_ID)
        return get_text(call, group_id, prop, value);

    struct oq_group_view view;
    enum oq_status status =
        oq_engine_view_group(call->engine, call->caller, group_id, &view, &call->err);
    if (status == OQ_OK) {
        V_VT(value) = VT_I4;
        V_I4(value) = (LONG)(prop->kind == PROP_FIXED ? prop->fixed : view.notify_flags);
    }
    return status;
}

/* There is nothing to store, but the rules about whose group it is, and that it still exists, hold
 * as well. */
static enum oq_status set_fixed(struct oq_call *call, int64_t group_id, const struct prop *prop,
                                uint32_t number)
{
    struct oq_group_view view;
    if (number != prop->fixed)
        return oq_error_set(&call->err, OQ_E_NOT_SUPPORTED, "%s can only be %u", prop->what,
                            (unsigned)prop->fixed);
    enum oq_status status =
        oq_engine_view_group(call->engine, call->caller, group_id, &view, &call->err);
    if (status == OQ_OK && view.is_gone)
        return oq_error_set(&call->err, OQ_E_INVALID_STATE, "the group is no longer in the queue");
    return status;
}

static enum oq_status set_text(struct oq_call *call, int64_t group_id, const struct prop *prop,
                               const VARIANT *value)
{
    char *text = NULL;
    enum oq_status status =
        oq_convert_variant_text(value, prop->max_units, prop->what, &text, &call->err);
    if (status != OQ_OK)
        return status;

    bool is_class = prop->kind == PROP_CLASS_ID;
    struct oq_guid guid;
    if (is_class && text[0] != '\0' && (text[0] != '{' || oq_guid_parse(text, &guid) != OQ_OK))
        status = oq_error_set(&call->err, OQ_E_INVALID_ARG,
                              "the class to notify is no {class identifier}");
    if (status == OQ_OK)
        status =
            oq_engine_set_text(call->engine, call->caller, group_id, prop->text, text, &call->err);
    if (status == OQ_OK && is_class && text[0] == '\0')
        oq_notify_clear(call->context->notify,
                        group_id); /* D25: the empty text clears the object too */
    oq_free(text);
    return status;
}

enum oq_status oq_prop_set(struct oq_call *call, int64_t group_id, GROUPPROP id,
                           const VARIANT *value)
{
    const struct prop *prop = find_prop(id);
    if (prop->kind == PROP_UNSUPPORTED)
        return oq_error_set(&call->err, OQ_E_NOT_SUPPORTED, "property %d is not supported",
                            (int)id);
    if (prop->kind == PROP_TEXT || prop->kind == PROP_CLASS_ID)
        return set_text(call, group_id, prop, value);

    uint32_t number = 0;
    enum oq_status status = oq_convert_variant_number(value, &number, &call->err);
    if (status != OQ_OK)
        return status;
    if (prop->kind == PROP_FIXED)
        return set_fixed(call, group_id, prop, number);
    return oq_engine_set_notify_flags(call->engine, call->caller, group_id, number, &call->err);
}
