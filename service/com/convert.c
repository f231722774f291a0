/* convert.c - between the types of COM and those inside: BSTR, VARIANT, GUID, FILESETINFO. Nothing
 * else in the service knows a BSTR or frees one.
 *
 * Owns nothing; any thread.
 */
#include "com_int.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_utf.h"

#include <string.h>

struct oq_guid oq_convert_guid(const GUID *guid)
{
    struct oq_guid inside;
    memcpy(&inside, guid, sizeof inside);
    return inside;
}

GUID oq_convert_to_guid(const struct oq_guid *guid)
{
    GUID outside;
    memcpy(&outside, guid, sizeof outside);
    return outside;
}

enum oq_status oq_convert_bstr(BSTR text, size_t max_units, const char *what, char **out,
                               struct oq_error *err)
{
    size_t units = SysStringLen(text);
    if (units > max_units)
        return oq_error_set(err, OQ_E_INVALID_ARG, "%s has %zu characters, %zu are allowed", what,
                            units, max_units);
    char *inside = NULL;
    if (units == 0) {
        inside = oq_strdup("");
        if (!inside)
            return OQ_E_NOMEM;
    } else {
        enum oq_status status = oq_utf16_to_8(text, units, &inside);
        if (status == OQ_E_INVALID_ARG)
            return oq_error_set(err, status, "%s holds a NUL or half a surrogate pair", what);
        if (status != OQ_OK)
            return status;
    }
    *out = inside;
    return OQ_OK;
}

enum oq_status oq_convert_to_bstr(const char *text, BSTR *out)
{
    uint16_t *wide = NULL;
    size_t units = 0;
    enum oq_status status = oq_utf8_to_16(text ? text : "", &wide, &units);
    if (status != OQ_OK) /* what is inside is valid UTF-8 */
        return status == OQ_E_INVALID_ARG ? OQ_E_BUG : status;
    BSTR outside = oq_fault_hit(OQ_FAULT_ALLOC) ? NULL : SysAllocStringLen(wide, (UINT)units);
    oq_free(wide);
    if (!outside)
        return OQ_E_NOMEM;
    *out = outside;
    return OQ_OK;
}

enum oq_status oq_convert_to_array(const char *text, WCHAR *out, size_t room)
{
    uint16_t *wide = NULL;
    size_t units = 0;
    enum oq_status status = oq_utf8_to_16(text, &wide, &units);
    if (status != OQ_OK) /* what is inside is valid UTF-8 */
        return status == OQ_E_INVALID_ARG ? OQ_E_BUG : status;
    if (units >= room) {
        units = room - 1;
        if (IS_HIGH_SURROGATE(wide[units - 1]))
            units--;
    }
    memcpy(out, wide, units * sizeof *out);
    memset(out + units, 0, (room - units) * sizeof *out);
    oq_free(wide);
    return OQ_OK;
}

enum oq_status oq_convert_to_bytes(const void *bytes, size_t length, BSTR *out)
{
    BSTR outside = length > UINT32_MAX / 2 || oq_fault_hit(OQ_FAULT_ALLOC)
                       ? NULL
                       : SysAllocStringByteLen(NULL, (UINT)length);
    if (!outside)
        return OQ_E_NOMEM;
    if (bytes && length > 0)
        memcpy(outside, bytes, length);
    else
        memset(outside, 0, length);
    *out = outside;
    return OQ_OK;
}

enum oq_status oq_convert_variant_number(const VARIANT *value, uint32_t *out, struct oq_error *err)
{
    switch (V_VT(value)) {
    case VT_I4:
        *out = (uint32_t)V_I4(value);
        return OQ_OK;
    case VT_I2:
        *out = (uint32_t)(int32_t)V_I2(value);
        return OQ_OK;
    case VT_UI4:
        *out = V_UI4(value);
        return OQ_OK;
    case VT_UI2:
        *out = V_UI2(value);
        return OQ_OK;
    case VT_INT:
        *out = (uint32_t)V_INT(value);
        return OQ_OK;
    case VT_UINT:
        *out = V_UINT(value);
        return OQ_OK;
    default:
        return oq_error_set(err, OQ_E_INVALID_ARG,
                            "the property is a number, not of VARIANT type 0x%x",
                            (unsigned)V_VT(value));
    }
}

enum oq_status oq_convert_variant_text(const VARIANT *value, size_t max_units, const char *what,
                                       char **out, struct oq_error *err)
{
    if (V_VT(value) != VT_BSTR)
        return oq_error_set(err, OQ_E_INVALID_ARG,
                            "the property is a text, not of VARIANT type 0x%x",
                            (unsigned)V_VT(value));
    return oq_convert_bstr(V_BSTR(value), max_units, what, out, err);
}

void oq_convert_files_free(struct oq_file_spec *specs, ULONG count)
{
    if (!specs)
        return;
    for (ULONG i = 0; i < count; i++) {
        oq_free((char *)(uintptr_t)specs[i].remote);
        oq_free((char *)(uintptr_t)specs[i].local);
    }
    oq_free(specs);
}

static enum oq_status convert_name(BSTR text, const char *what, ULONG index, const char **out,
                                   struct oq_error *err)
{
    if (SysStringLen(text) == 0)
        return oq_error_set(err, OQ_E_INVALID_ARG, "%s of file %lu is empty", what,
                            (unsigned long)index);
    char *name = NULL;
    enum oq_status status = oq_convert_bstr(text, UINT32_MAX, what, &name, err);
    if (status == OQ_OK)
        *out = name;
    return status;
}

enum oq_status oq_convert_files(ULONG count, FILESETINFO *const *files, struct oq_file_spec **out,
                                struct oq_error *err)
{
    if (count == 0)
        return oq_error_set(err, OQ_E_INVALID_ARG, "there is no file to add");
    struct oq_file_spec *specs = oq_calloc(count, sizeof *specs);
    if (!specs)
        return OQ_E_NOMEM;

    enum oq_status status = OQ_OK;
    for (ULONG i = 0; i < count && status == OQ_OK; i++) {
        if (!files[i]) {
            status = oq_error_set(err, OQ_E_INVALID_ARG, "file %lu is missing", (unsigned long)i);
        } else {
            status =
                convert_name(files[i]->bstrRemoteFile, "the remote name", i, &specs[i].remote, err);
            if (status == OQ_OK)
                status = convert_name(files[i]->bstrLocalFile, "the local name", i, &specs[i].local,
                                      err);
        }
        if (status != OQ_OK && err)
            err->file_index = i;
    }
    if (status != OQ_OK) {
        oq_convert_files_free(specs, count);
        return status;
    }
    *out = specs;
    return OQ_OK;
}
