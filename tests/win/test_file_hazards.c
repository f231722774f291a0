/* test_file_hazards.c - service/win/files.c among the other programs of a Windows: storage services
 * that turn files into reparse points, scanners that hold them for a moment. */
#include "test_win.h"

#include "oq_win_ports.h"
#include "oq_win_identity.h"

#define TEMP "BIT0123456789abcdef.tmp"

static struct oq_win_identities *identities;
static struct oq_identity *self;
static const struct oq_file_port *port;
static struct oq_error err;

static int set_up_group(void **state)
{
    (void)state;
    port = oq_win_files_port();
    if (oq_win_identities_new(&identities, NULL) != OQ_OK)
        return -1;
    const struct oq_identity_port *who = oq_win_identities_port(identities);
    return who->acquire(who->ctx, oq_win_identities_own_sid(identities),
                        &(struct oq_rights){.is_admin = true, .integrity = 0x4000}, 0, &self,
                        NULL) == OQ_OK
               ? 0
               : -1;
}

static int tear_down_group(void **state)
{
    (void)state;
    oq_win_identities_port(identities)->unref(NULL, self);
    oq_win_identities_free(identities);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    oq_error_init(&err);
    fresh_folder(tmp_path("files"));
    return 0;
}

/* A path in the test's folder. */
static const char *in(const char *name)
{
    return tmp_path("files\\%s", name);
}

static struct oq_fhandle *create(const char *path)
{
    struct oq_fhandle *file = NULL;
    uint64_t size = UINT64_MAX;
    assert_status(OQ_OK, port->open(NULL, self, path, OQ_OPEN_CREATE, &file, &size, &err), &err);
    assert_non_null(file);
    assert_true(size == 0);
    return file;
}

static void put_temp(const char *path, const char *text)
{
    struct oq_fhandle *file = create(path);
    assert_status(OQ_OK, port->write(NULL, file, 0, text, strlen(text), &err), &err);
    port->close(NULL, file);
}

/* --- reparse points: Wine has links only, so the other tags are put onto a plain file here - */

static DWORD tag_seen; /* 0: as the system says */

typedef BOOL WINAPI get_information(HANDLE handle, BY_HANDLE_FILE_INFORMATION *info);
extern get_information *__real___imp_GetFileInformationByHandle;
static get_information tagged_information;
get_information *__wrap___imp_GetFileInformationByHandle = tagged_information;

static BOOL WINAPI tagged_information(HANDLE handle, BY_HANDLE_FILE_INFORMATION *info)
{
    BOOL is_done = __real___imp_GetFileInformationByHandle(handle, info);
    if (is_done && tag_seen)
        info->dwFileAttributes |= FILE_ATTRIBUTE_REPARSE_POINT;
    return is_done;
}

typedef BOOL WINAPI get_information_ex(HANDLE handle, FILE_INFO_BY_HANDLE_CLASS kind, void *out,
                                       DWORD size);
extern get_information_ex *__real___imp_GetFileInformationByHandleEx;
static get_information_ex tagged_information_ex;
get_information_ex *__wrap___imp_GetFileInformationByHandleEx = tagged_information_ex;

static BOOL WINAPI tagged_information_ex(HANDLE handle, FILE_INFO_BY_HANDLE_CLASS kind, void *out,
                                         DWORD size)
{
    if (kind != FileAttributeTagInfo || !tag_seen)
        return __real___imp_GetFileInformationByHandleEx(handle, kind, out, size);
    assert_int_equal(size, sizeof(FILE_ATTRIBUTE_TAG_INFO));
    ((FILE_ATTRIBUTE_TAG_INFO *)out)->ReparseTag = tag_seen;
    return TRUE;
}

/* Opens, finishes and removes a file with that tag. */
static void use_tagged(DWORD tag, enum oq_status wanted)
{
    struct oq_fhandle *file = NULL;
    struct oq_file_facts facts;
    uint64_t size = 0;
    put_temp(in(TEMP), "old");
    tag_seen = tag;
    assert_status(wanted, port->open(NULL, self, in(TEMP), OQ_OPEN_EXISTING, &file, &size, &err),
                  &err);
    port->close(NULL, file);
    assert_status(OQ_OK, port->stat(NULL, self, in(TEMP), &facts, &err), &err);
    assert_int_equal(facts.is_regular, wanted == OQ_OK);
    assert_status(wanted, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err),
                  &err);
    tag_seen = 0;
    if (wanted == OQ_OK)
        put_temp(in(TEMP), "old");
    tag_seen = tag;
    assert_status(wanted, port->remove(NULL, self, in(TEMP), NULL, &err), &err);
    tag_seen = 0;
}

static void reparse__deduplicated_or_moved_away__is_a_plain_file(void **state)
{
    (void)state;
    use_tagged(IO_REPARSE_TAG_DEDUP, OQ_OK);
    use_tagged(IO_REPARSE_TAG_HSM2, OQ_OK);
}

static void reparse__stands_for_another_file__is_refused(void **state)
{
    (void)state;
    use_tagged(IO_REPARSE_TAG_SYMLINK, OQ_E_ACCESS_DENIED);
    set_up(state);
    use_tagged(IO_REPARSE_TAG_MOUNT_POINT, OQ_E_ACCESS_DENIED);
}

/* --- scanners --------------------------------------------------------------------------------- */

/* A scanner that holds the file for a moment. */
static DWORD WINAPI let_go_soon(void *handle)
{
    Sleep(300);
    CloseHandle(handle);
    return 0;
}

static HANDLE hold_for_a_moment(const char *path)
{
    HANDLE held =
        CreateFileW(wide(path), GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    assert_true(held != INVALID_HANDLE_VALUE);
    HANDLE thread = CreateThread(NULL, 0, let_go_soon, held, 0, NULL);
    assert_non_null(thread);
    return thread;
}

static void wait_for(HANDLE thread)
{
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

static void finish__scanner_holds_the_target__tries_again(void **state)
{
    (void)state;
    put_file(in("final.txt"), "old");
    put_temp(in(TEMP), "new");
    HANDLE scanner = hold_for_a_moment(in("final.txt"));
    assert_status(OQ_OK, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    wait_for(scanner);
    assert_string_equal(get_file(in("final.txt")), "new");
}

static void finish__scanner_holds_the_temporary_file__tries_again(void **state)
{
    (void)state;
    put_temp(in(TEMP), "new");
    HANDLE scanner = hold_for_a_moment(in(TEMP));
    assert_status(OQ_OK, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    wait_for(scanner);
    assert_string_equal(get_file(in("final.txt")), "new");
}

static void remove__scanner_holds_the_file__tries_again(void **state)
{
    (void)state;
    put_temp(in(TEMP), "old");
    HANDLE scanner = hold_for_a_moment(in(TEMP));
    assert_status(OQ_OK, port->remove(NULL, self, in(TEMP), NULL, &err), &err);
    wait_for(scanner);
    assert_int_equal(count_entries(tmp_path("files")), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(reparse__deduplicated_or_moved_away__is_a_plain_file),
        TEST(reparse__stands_for_another_file__is_refused),
        TEST(finish__scanner_holds_the_target__tries_again),
        TEST(finish__scanner_holds_the_temporary_file__tries_again),
        TEST(remove__scanner_holds_the_file__tries_again),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
