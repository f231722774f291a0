/* fuzz_path.c - libFuzzer on the rules for local names: no crash, and what holds for every text. */
#include "fuzz.h"
#include "oq_alloc.h"
#include "oq_path.h"
#include "oq_utf.h"

static void check_allowed(const char *path, const char *folder, const char *temp)
{
    size_t length = strlen(path);
    size_t name = length;

    MUST(oq_utf8_units(path) <= OQ_PATH_MAX_UNITS);
    MUST(path[length - 1] != '\\' && path[length - 1] != '/');
    MUST(!strpbrk(path, "*?<>|\""));
    MUST(!strchr(path + 2, ':'));
    MUST(!strstr(path, "\\..") || !strstr(path, "\\..\\"));
    while (path[name - 1] != '\\' && path[name - 1] != '/')
        name--;
    MUST(oq_path_is_name(path + name));
    MUST(strncmp(path, folder, strlen(folder)) == 0 && strlen(folder) <= name);
    MUST(strncmp(path, temp, name) == 0);
    if (oq_utf8_units(path + name) >= oq_utf8_units(temp + name)) /* the limit counts units */
        MUST(oq_path_check(temp, false, NULL) == OQ_OK);
    /* Whatever Windows allows here, it allows in test builds too. */
    MUST(oq_path_check(path, true, NULL) == OQ_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = malloc(size + 1);
    char *folder, *temp;
    struct oq_error err;

    if (!path)
        return 0;
    if (size > 0)
        memcpy(path, data, size);
    path[size] = '\0';
    oq_error_init(&err);
    enum oq_status status = oq_path_check(path, false, &err);
    folder = oq_path_folder(path);
    temp = oq_path_temp(path, (uint64_t)size * UINT64_C(0x9E3779B97F4A7C15));
    MUST(folder && temp && oq_path_is_temp(temp));
    (void)oq_path_is_temp(path);
    (void)oq_path_is_name(path);
    if (status == OQ_OK)
        check_allowed(path, folder, temp);
    else
        MUST(status == OQ_E_INVALID_ARG && err.text[0] != '\0');
    if (oq_path_check(path, true, NULL) == OQ_OK && status != OQ_OK)
        MUST(path[0] == '/' && path[1] != '/' && !strchr(path, '\\'));
    oq_free(folder);
    oq_free(temp);
    free(path);
    return 0;
}
