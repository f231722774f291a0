/* test_files.c - service/win/files.c on a real disk, as the user who runs the test. */
#include "test_win.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_path.h"
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

/* Makes a symbolic link; skips the test, aloud, where the system does not let us. */
static void link_or_skip(const char *at, const char *to, bool is_folder)
{
    if (!CreateSymbolicLinkW(wide(at), wide(to), is_folder ? SYMBOLIC_LINK_FLAG_DIRECTORY : 0)) {
        print_message("skipped: no symbolic links here (%lu)\n", GetLastError());
        skip();
    }
    if (attributes_of(at) == INVALID_FILE_ATTRIBUTES ||
        !(attributes_of(at) & FILE_ATTRIBUTE_REPARSE_POINT)) {
        print_message("skipped: the system follows links without showing them\n");
        skip();
    }
}

/* --- open ------------------------------------------------------------------------------------- */

/* Shows IBackgroundCopyGroup.until-then-each */
static void open__new_file__is_empty_and_hidden(void **state)
{
    (void)state;
    struct oq_fhandle *file = create(in(TEMP));
    DWORD attributes = attributes_of(in(TEMP));
    assert_true(attributes != INVALID_FILE_ATTRIBUTES);
    assert_true(attributes & FILE_ATTRIBUTE_HIDDEN);
    port->close(NULL, file);
}

static void open__new_file_that_exists__says_so_and_leaves_it_alone(void **state)
{
    struct oq_fhandle *file = NULL;
    uint64_t size = 77;
    (void)state;
    put_file(in(TEMP), "kept");
    assert_status(OQ_E_EXISTS, port->open(NULL, self, in(TEMP), OQ_OPEN_CREATE, &file, &size, &err),
                  &err);
    assert_null(file);
    assert_true(size == 77);
    assert_true(err.win32 == ERROR_FILE_EXISTS || err.win32 == ERROR_ALREADY_EXISTS);
    assert_string_equal(get_file(in(TEMP)), "kept");
}

static void open__existing_file__goes_on_where_it_ended(void **state)
{
    struct oq_fhandle *file = NULL;
    uint64_t size = 0;
    (void)state;
    put_temp(in(TEMP), "0123456789");
    assert_status(OQ_OK, port->open(NULL, self, in(TEMP), OQ_OPEN_EXISTING, &file, &size, &err),
                  &err);
    assert_true(size == 10);
    assert_status(OQ_OK, port->write(NULL, file, 10, "abc", 3, &err), &err);
    port->close(NULL, file);
    assert_string_equal(get_file(in(TEMP)), "0123456789abc");
}

static void open__existing_file_that_is_gone__is_missing(void **state)
{
    struct oq_fhandle *file = NULL;
    uint64_t size = 0;
    (void)state;
    assert_status(OQ_E_FILE_MISSING,
                  port->open(NULL, self, in(TEMP), OQ_OPEN_EXISTING, &file, &size, &err), &err);
    assert_int_equal(err.win32, ERROR_FILE_NOT_FOUND);
}

static void open__missing_folder__is_missing(void **state)
{
    struct oq_fhandle *file = NULL;
    uint64_t size = 0;
    (void)state;
    assert_status(OQ_E_FILE_MISSING,
                  port->open(NULL, self, in("nowhere\\" TEMP), OQ_OPEN_CREATE, &file, &size, &err),
                  &err);
    assert_int_equal(err.win32, ERROR_PATH_NOT_FOUND);
}

static void open__second_writer__is_locked_out(void **state)
{
    struct oq_fhandle *file = create(in(TEMP)), *second = NULL;
    uint64_t size = 0;
    (void)state;
    assert_status(OQ_E_FILE_LOCKED,
                  port->open(NULL, self, in(TEMP), OQ_OPEN_EXISTING, &second, &size, &err), &err);
    assert_int_equal(err.win32, ERROR_SHARING_VIOLATION);
    port->close(NULL, file);
}

/* Shows IOpenQmgrGroup::GetFile.pbstrTemporaryName */
static void open__reader_that_shares_writing__sees_the_bytes_so_far(void **state)
{
    struct oq_fhandle *file = create(in(TEMP));
    (void)state;
    assert_status(OQ_OK, port->write(NULL, file, 0, "so far", 6, &err), &err);
    assert_string_equal(get_file(in(TEMP)), "so far");
    port->close(NULL, file);
}

static void open__name_that_is_not_ours__is_a_bug(void **state)
{
    static const char *const names[] = {"setup.exe", "BIT.tmp", "BIT0123456789abcdef.tmp.exe",
                                        "BIT0123456789ABCDEF.tmp"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct oq_fhandle *file = NULL;
        uint64_t size = 0;
        assert_status(OQ_E_BUG,
                      port->open(NULL, self, in(names[i]), OQ_OPEN_CREATE, &file, &size, &err),
                      &err);
    }
    assert_int_equal(count_entries(tmp_path("files")), 0);
}

static void open__link_in_the_files_place__is_refused(void **state)
{
    struct oq_fhandle *file = NULL;
    uint64_t size = 0;
    (void)state;
    put_file(in("victim"), "untouched");
    link_or_skip(in(TEMP), in("victim"), false);
    assert_status(OQ_E_ACCESS_DENIED,
                  port->open(NULL, self, in(TEMP), OQ_OPEN_EXISTING, &file, &size, &err), &err);
    assert_null(file);
    assert_status(OQ_E_EXISTS, port->open(NULL, self, in(TEMP), OQ_OPEN_CREATE, &file, &size, &err),
                  &err);
    assert_string_equal(get_file(in("victim")), "untouched");
}

static void open__folder_in_the_files_place__is_refused(void **state)
{
    struct oq_fhandle *file = NULL;
    uint64_t size = 0;
    (void)state;
    fresh_folder(in(TEMP));
    enum oq_status status = port->open(NULL, self, in(TEMP), OQ_OPEN_EXISTING, &file, &size, &err);
    assert_status(OQ_E_ACCESS_DENIED, status, &err);
    assert_null(file);
}

static void open__nobody_to_act_as__is_refused(void **state)
{
    struct oq_fhandle *file = NULL;
    uint64_t size = 0;
    (void)state;
    assert_status(OQ_E_ACCESS_DENIED,
                  port->open(NULL, NULL, in(TEMP), OQ_OPEN_CREATE, &file, &size, &err), &err);
    assert_int_equal(count_entries(tmp_path("files")), 0);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void write__beyond_4_gb__lands_at_its_offset(void **state)
{
    const uint64_t offset = (5ull << 30) + 7;
    struct oq_fhandle *file = create(in(TEMP));
    struct oq_file_facts facts;
    char back[4] = {0};
    (void)state;
    assert_status(OQ_OK, port->write(NULL, file, offset, "far", 3, &err), &err);
    assert_status(OQ_OK, port->read(NULL, file, offset, back, 3, &err), &err);
    assert_string_equal(back, "far");
    port->close(NULL, file);
    assert_status(OQ_OK, port->stat(NULL, self, in(TEMP), &facts, &err), &err);
    assert_true(facts.size_bytes == offset + 3);
}

static void read__beyond_the_end__fails(void **state)
{
    struct oq_fhandle *file = create(in(TEMP));
    char back[8];
    (void)state;
    assert_status(OQ_OK, port->write(NULL, file, 0, "12345", 5, &err), &err);
    assert_status(OQ_E_IO, port->read(NULL, file, 0, back, 6, &err), &err);
    assert_int_equal(err.win32, ERROR_HANDLE_EOF);
    assert_status(OQ_E_IO, port->read(NULL, file, 5, back, 1, &err), &err);
    assert_status(OQ_OK, port->read(NULL, file, 5, back, 0, &err), &err);
    port->close(NULL, file);
}

static void set_size__smaller_and_larger__cuts_and_extends(void **state)
{
    struct oq_fhandle *file = create(in(TEMP));
    char back[4];
    (void)state;
    assert_status(OQ_OK, port->write(NULL, file, 0, "123456", 6, &err), &err);
    assert_status(OQ_OK, port->set_size(NULL, file, 2, &err), &err);
    assert_status(OQ_OK, port->set_size(NULL, file, 4, &err), &err);
    assert_status(OQ_OK, port->read(NULL, file, 0, back, 4, &err), &err);
    assert_memory_equal(back, "12\0\0", 4);
    assert_status(OQ_OK, port->flush(NULL, file, &err), &err);
    port->close(NULL, file);
}

/* --- finish ----------------------------------------------------------------------------------- */

static int64_t time_of(const char *path, bool is_creation)
{
    WIN32_FILE_ATTRIBUTE_DATA data;
    assert_true(GetFileAttributesExW(wide(path), GetFileExInfoStandard, &data));
    FILETIME time = is_creation ? data.ftCreationTime : data.ftLastWriteTime;
    return (int64_t)((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime) / 10000 -
           11644473600000;
}

static void finish__complete_file__gets_its_name_and_times_and_is_visible(void **state)
{
    const int64_t modified_at_ms = 1234567890000; /* 2009-02-13T23:31:30Z */
    (void)state;
    put_temp(in(TEMP), "content");
    assert_status(OQ_OK,
                  port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), modified_at_ms, &err),
                  &err);
    assert_int_equal(count_entries(tmp_path("files")), 1);
    assert_string_equal(get_file(in("final.txt")), "content");
    assert_false(attributes_of(in("final.txt")) & FILE_ATTRIBUTE_HIDDEN);
    assert_true(time_of(in("final.txt"), false) == modified_at_ms);
}

static void finish__on_windows__sets_the_creation_time_too(void **state)
{
    (void)state;
    put_temp(in(TEMP), "content");
    assert_status(OQ_OK,
                  port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), 1234567890000, &err),
                  &err);
    if (time_of(in("final.txt"), true) != 1234567890000) {
        if (!GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version"))
            fail_msg("the creation time is not the modification time");
        print_message("skipped: Wine on Linux cannot store creation times\n");
        skip();
    }
}

static void finish__time_unknown__keeps_the_files_own(void **state)
{
    int64_t before;
    (void)state;
    put_temp(in(TEMP), "content");
    before = time_of(in(TEMP), false);
    assert_status(OQ_OK, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_true(time_of(in("final.txt"), false) == before);
}

static void finish__target_exists__is_replaced(void **state)
{
    (void)state;
    put_file(in("final.txt"), "older and longer");
    put_temp(in(TEMP), "new");
    assert_status(OQ_OK, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_string_equal(get_file(in("final.txt")), "new");
    assert_int_equal(count_entries(tmp_path("files")), 1);
}

static void finish__repeated__finds_the_temporary_file_missing(void **state)
{
    (void)state;
    put_temp(in(TEMP), "content");
    assert_status(OQ_OK, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_status(OQ_E_FILE_MISSING,
                  port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_string_equal(get_file(in("final.txt")), "content");
}

static void finish__target_open_elsewhere__is_locked_and_can_be_repeated(void **state)
{
    (void)state;
    put_file(in("final.txt"), "in use");
    put_temp(in(TEMP), "new");
    HANDLE user = CreateFileW(wide(in("final.txt")), GENERIC_READ, FILE_SHARE_READ, NULL,
                              OPEN_EXISTING, 0, NULL);
    assert_true(user != INVALID_HANDLE_VALUE);
    assert_status(OQ_E_FILE_LOCKED,
                  port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_int_equal(err.win32, ERROR_SHARING_VIOLATION);
    assert_true(attributes_of(in(TEMP)) &
                FILE_ATTRIBUTE_HIDDEN); /* hidden again until the next attempt */
    CloseHandle(user);
    assert_string_equal(get_file(in("final.txt")), "in use");
    assert_status(OQ_OK, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_string_equal(get_file(in("final.txt")), "new");
}

static void finish__target_is_a_folder__is_denied(void **state)
{
    (void)state;
    fresh_folder(in("final.txt"));
    put_temp(in(TEMP), "new");
    assert_status(OQ_E_ACCESS_DENIED,
                  port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_string_equal(get_file(in(TEMP)), "new");
}

static void finish__target_is_a_link__replaces_the_link_and_not_what_it_leads_to(void **state)
{
    (void)state;
    put_file(in("victim"), "untouched");
    link_or_skip(in("final.txt"), in("victim"), false);
    put_temp(in(TEMP), "new");
    assert_status(OQ_OK, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_string_equal(get_file(in("victim")), "untouched");
    assert_string_equal(get_file(in("final.txt")), "new");
    assert_false(attributes_of(in("final.txt")) & FILE_ATTRIBUTE_REPARSE_POINT);
}

static void finish__link_in_the_temporary_files_place__is_refused(void **state)
{
    (void)state;
    put_file(in("victim"), "untouched");
    link_or_skip(in(TEMP), in("victim"), false);
    assert_status(OQ_E_ACCESS_DENIED,
                  port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    assert_string_equal(get_file(in("victim")), "untouched");
    assert_null(get_file(in("final.txt")));
}

static void finish__while_the_file_is_still_open__works(void **state)
{
    struct oq_fhandle *file = create(in(TEMP));
    (void)state;
    assert_status(OQ_OK, port->write(NULL, file, 0, "open", 4, &err), &err);
    assert_status(OQ_OK, port->finish(NULL, self, in(TEMP), NULL, in("final.txt"), -1, &err), &err);
    port->close(NULL, file);
    assert_string_equal(get_file(in("final.txt")), "open");
}

static void finish__name_that_is_not_ours__is_a_bug(void **state)
{
    (void)state;
    put_file(in("private.key"), "kept");
    assert_status(OQ_E_BUG,
                  port->finish(NULL, self, in("private.key"), NULL, in("public"), -1, &err), &err);
    assert_string_equal(get_file(in("private.key")), "kept");
}

/* --- remove ----------------------------------------------------------------------------------- */

static void remove__temporary_file__is_gone(void **state)
{
    (void)state;
    put_temp(in(TEMP), "content");
    assert_status(OQ_OK, port->remove(NULL, self, in(TEMP), NULL, &err), &err);
    assert_int_equal(count_entries(tmp_path("files")), 0);
    assert_status(OQ_OK, port->remove(NULL, self, in(TEMP), NULL, &err), &err);
    assert_status(OQ_OK, port->remove(NULL, self, in("no such folder\\" TEMP), NULL, &err), &err);
}

static void remove__any_other_name__is_a_bug_and_removes_nothing(void **state)
{
    (void)state;
    put_file(in("thesis.doc"), "kept");
    assert_status(OQ_E_BUG, port->remove(NULL, self, in("thesis.doc"), NULL, &err), &err);
    assert_string_equal(get_file(in("thesis.doc")), "kept");
}

static void remove__link_in_the_files_place__removes_neither(void **state)
{
    (void)state;
    put_file(in("victim"), "untouched");
    link_or_skip(in(TEMP), in("victim"), false);
    assert_status(OQ_E_ACCESS_DENIED, port->remove(NULL, self, in(TEMP), NULL, &err), &err);
    assert_string_equal(get_file(in("victim")), "untouched");
}

static void remove__folder_in_the_files_place__is_refused(void **state)
{
    (void)state;
    fresh_folder(in(TEMP));
    assert_status(OQ_E_ACCESS_DENIED, port->remove(NULL, self, in(TEMP), NULL, &err), &err);
    assert_int_equal(count_entries(tmp_path("files")), 1);
}

/* --- questions -------------------------------------------------------------------------------- */

static void stat__file_folder_link_and_nothing__are_told_apart(void **state)
{
    struct oq_file_facts facts;
    (void)state;
    put_file(in("file"), "12345");
    fresh_folder(in("folder"));
    fill_with_nonsense(facts);
    assert_status(OQ_OK, port->stat(NULL, self, in("file"), &facts, &err), &err);
    assert_true(facts.exists && facts.is_regular && facts.size_bytes == 5);
    assert_true(facts.modified_at_ms == time_of(in("file"), false));
    assert_status(OQ_OK, port->stat(NULL, self, in("folder"), &facts, &err), &err);
    assert_true(facts.exists && !facts.is_regular);
    fill_with_nonsense(facts);
    assert_status(OQ_OK, port->stat(NULL, self, in("nothing"), &facts, &err), &err);
    assert_false(facts.exists);
    assert_status(OQ_OK, port->stat(NULL, self, in("no folder\\nothing"), &facts, &err), &err);
    assert_false(facts.exists);
    link_or_skip(in("link"), in("file"), false);
    assert_status(OQ_OK, port->stat(NULL, self, in("link"), &facts, &err), &err);
    assert_true(facts.exists && !facts.is_regular);
}

static void check_folder__writable_folder__leaves_nothing_behind(void **state)
{
    (void)state;
    assert_status(OQ_OK, port->check_folder(NULL, self, in("final.txt"), &err), &err);
    assert_int_equal(count_entries(tmp_path("files")), 0);
}

static void check_folder__missing_folder__is_missing(void **state)
{
    (void)state;
    assert_status(OQ_E_FILE_MISSING, port->check_folder(NULL, self, in("nowhere\\final.txt"), &err),
                  &err);
    put_file(in("file"), "");
    assert_status(OQ_E_FILE_MISSING, port->check_folder(NULL, self, in("file\\final.txt"), &err),
                  &err);
    assert_status(OQ_E_FILE_MISSING, port->check_folder(NULL, self, "Q:\\nowhere\\final.txt", &err),
                  &err);
}

static void check_folder__name_of_a_folder__is_denied(void **state)
{
    (void)state;
    fresh_folder(in("final.txt"));
    assert_status(OQ_E_ACCESS_DENIED, port->check_folder(NULL, self, in("final.txt"), &err), &err);
}

/* Shows IBackgroundCopyJob1::AddFiles.E_ACCESSDENIED */
static void check_folder__folder_nobody_may_write_to__is_denied(void **state)
{
    (void)state;
    /* Windows: the system's own; Wine: a file system of Linux that takes no files, even from root.
     */
    const char *path = "Z:\\proc\\final.txt";
    if (GetFileAttributesW(L"Z:\\proc") == INVALID_FILE_ATTRIBUTES)
        path = "C:\\System Volume Information\\final.txt";
    enum oq_status status = port->check_folder(NULL, self, path, &err);
    assert_true(status == OQ_E_ACCESS_DENIED || status == OQ_E_FILE_MISSING);
    assert_true(err.win32 != 0);
}

static void check_folder__file_system_that_is_read_only__is_denied(void **state)
{
    (void)state;
    if (GetFileAttributesW(L"Z:\\sys\\kernel") == INVALID_FILE_ATTRIBUTES) {
        print_message("skipped: there is no /sys here\n");
        skip();
    }
    assert_status(OQ_E_ACCESS_DENIED,
                  port->check_folder(NULL, self, "Z:\\sys\\kernel\\final.txt", &err), &err);
}

static void free_space__existing_folder__is_the_volumes(void **state)
{
    ULARGE_INTEGER wanted;
    uint64_t bytes = UINT64_MAX;
    (void)state;
    assert_true(GetDiskFreeSpaceExW(wide(tmp_path("files")), &wanted, NULL, NULL));
    assert_status(OQ_OK, port->free_space(NULL, self, in("not there yet"), &bytes, &err), &err);
    /* Somebody else may be writing at the same time. */
    assert_true(bytes < wanted.QuadPart + (1ull << 30) && bytes + (1ull << 30) > wanted.QuadPart);
    assert_status(OQ_E_FILE_MISSING, port->free_space(NULL, self, "Q:\\x", &bytes, &err), &err);
}

static void reserve__more_than_there_is__keeps_the_size_and_the_bytes(void **state)
{
    BY_HANDLE_FILE_INFORMATION info;
    struct oq_fhandle *file = create(in(TEMP));
    (void)state;
    assert_status(OQ_OK, port->write(NULL, file, 0, "abc", 3, &err), &err);
    enum oq_status status = port->reserve(NULL, file, 4u << 20, &err);
    if (status != OQ_E_NOT_SUPPORTED) /* Wine, and file systems that cannot */
        assert_status(OQ_OK, status, &err);
    assert_status(OQ_OK, port->write(NULL, file, 3, "def", 3, &err), &err);
    port->close(NULL, file);
    assert_string_equal(get_file(in(TEMP)), "abcdef");
    HANDLE handle = CreateFileW(wide(in(TEMP)), 0, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    assert_true(GetFileInformationByHandle(handle, &info));
    CloseHandle(handle);
    assert_int_equal(info.nFileSizeLow, 6);
}

static void reserve__more_than_any_disk_has__fails_and_keeps_the_bytes(void **state)
{
    struct oq_fhandle *file = create(in(TEMP));
    (void)state;
    assert_status(OQ_OK, port->write(NULL, file, 0, "abc", 3, &err), &err);
    enum oq_status status = port->reserve(NULL, file, 1ull << 60, &err);
    assert_true(status == OQ_E_DISK_FULL || status == OQ_E_NOT_SUPPORTED);
    port->close(NULL, file);
    assert_string_equal(get_file(in(TEMP)), "abc");
}

/* --- names ------------------------------------------------------------------------------------ */

/* The whole life of a file under that final name. */
static void live(const char *final)
{
    struct oq_file_facts facts;
    char *temp = oq_path_temp(final, 0x1122334455667788);
    assert_non_null(temp);
    assert_status(OQ_OK, oq_path_check(final, false, &err), &err);
    assert_status(OQ_OK, port->check_folder(NULL, self, final, &err), &err);
    put_temp(temp, "life");
    assert_status(OQ_OK, port->finish(NULL, self, temp, NULL, final, 1000000000000, &err), &err);
    assert_status(OQ_OK, port->stat(NULL, self, final, &facts, &err), &err);
    assert_true(facts.is_regular && facts.size_bytes == 4 && facts.modified_at_ms == 1000000000000);
    assert_string_equal(get_file(final), "life");
    oq_free(temp);
}

static void names__spaces_and_other_scripts__work(void **state)
{
    (void)state;
    live(in("two words.bin"));
    live(in("Größe \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xe6\x97\xa5\xe6\x9c\xac.bin"));
    live(in("\xf0\x9f\x9a\x80.bin")); /* beyond the first 65,536 characters */
    fresh_folder(in("\xc3\xa9t\xc3\xa9"));
    live(in("\xc3\xa9t\xc3\xa9\\x"));
}

static void names__forward_slashes__work(void **state)
{
    char path[600];
    (void)state;
    snprintf(path, sizeof path, "%s", in("slashes.bin"));
    for (char *c = path; *c; c++)
        if (*c == '\\')
            *c = '/';
    live(path);
}

/* Builds nested folders until a file name completes the path to exactly `units`. */
static const char *path_of_length(size_t units)
{
    static char path[700];
    snprintf(path, sizeof path, "%s", tmp_path("files"));
    while (units - strlen(path) > 60) {
        strcat(path, "\\fffffffffffffffffffffffffffffffffffffff");
        fresh_folder(path);
    }
    strcat(path, "\\");
    while (strlen(path) < units)
        strcat(path, "n");
    return path;
}

/* Shows IBackgroundCopyJob1::FILESETINFO.bstrLocalFile */
static void names__259_characters__work(void **state)
{
    (void)state;
    const char *path = path_of_length(259);
    assert_int_equal(strlen(path), 259);
    live(path);
}

static void names__short_name_in_a_deep_folder__has_a_temporary_name_beyond_259(void **state)
{
    char path[700];
    (void)state;
    /* X in a folder of 257: the temporary file beside it needs 280. */
    snprintf(path, sizeof path, "%s", path_of_length(257));
    fresh_folder(path);
    strcat(path, "\\X");
    assert_int_equal(strlen(path), 259);
    live(path);
}

static void names__relative_path__is_refused(void **state)
{
    struct oq_file_facts facts;
    (void)state;
    assert_status(OQ_E_INVALID_ARG, port->stat(NULL, self, "file.txt", &facts, &err), &err);
    assert_status(OQ_E_INVALID_ARG, port->stat(NULL, self, "C:file.txt", &facts, &err), &err);
    assert_status(OQ_E_INVALID_ARG, port->stat(NULL, self, "\\file.txt", &facts, &err), &err);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void fault__armed__makes_each_call_fail_once(void **state)
{
    (void)state;
#ifdef OQ_FAULT_INJECTION
    struct oq_fhandle *file = create(in(TEMP));
    struct oq_fhandle *other = NULL;
    struct oq_file_facts facts;
    uint64_t number = 0;
    char byte = 0;
    for (int call = 0; call < 11; call++) {
        enum oq_status status = OQ_OK;
        oq_error_init(&err);
        oq_fault_arm(OQ_FAULT_FILE, 1, false);
        switch (call) {
        case 0:
            status = port->open(NULL, self, in(TEMP), OQ_OPEN_EXISTING, &other, &number, &err);
            break;
        case 1:
            status = port->write(NULL, file, 0, "x", 1, &err);
            break;
        case 2:
            status = port->read(NULL, file, 0, &byte, 1, &err);
            break;
        case 3:
            status = port->set_size(NULL, file, 0, &err);
            break;
        case 4:
            status = port->flush(NULL, file, &err);
            break;
        case 5:
            status = port->finish(NULL, self, in(TEMP), NULL, in("x"), -1, &err);
            break;
        case 6:
            status = port->remove(NULL, self, in(TEMP), NULL, &err);
            break;
        case 7:
            status = port->stat(NULL, self, in(TEMP), &facts, &err);
            break;
        case 8:
            status = port->check_folder(NULL, self, in(TEMP), &err);
            break;
        case 9:
            status = port->reserve(NULL, file, 100, &err);
            break;
        default:
            status = port->free_space(NULL, self, in(TEMP), &number, &err);
            break;
        }
        assert_status(OQ_E_IO, status, &err);
        assert_int_equal(err.win32, ERROR_IO_DEVICE);
    }
    oq_fault_arm(OQ_FAULT_FILE, 0, false);
    port->close(NULL, file);
    assert_string_equal(get_file(in(TEMP)), ""); /* nothing was done */
#else
    print_message("skipped: this tree has no fault seam\n");
    skip();
#endif
}

static void fault__no_memory__fails_and_leaves_nothing_open(void **state)
{
    (void)state;
#ifdef OQ_FAULT_INJECTION
    for (uint64_t n = 1; n < 20; n++) {
        struct oq_fhandle *file = NULL;
        uint64_t size = 0;
        oq_fault_arm(OQ_FAULT_ALLOC, n, false);
        enum oq_status status =
            port->open(NULL, self, in(TEMP), OQ_OPEN_CREATE, &file, &size, &err);
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        if (status == OQ_OK) {
            port->close(NULL, file);
            assert_true(n > 1);
            return;
        }
        assert_status(OQ_E_NOMEM, status, &err);
        assert_int_equal(count_entries(tmp_path("files")), 0);
    }
    fail_msg("opening a file takes more allocations than expected");
#else
    print_message("skipped: this tree has no fault seam\n");
    skip();
#endif
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(open__new_file__is_empty_and_hidden),
        TEST(open__new_file_that_exists__says_so_and_leaves_it_alone),
        TEST(open__existing_file__goes_on_where_it_ended),
        TEST(open__existing_file_that_is_gone__is_missing),
        TEST(open__missing_folder__is_missing),
        TEST(open__second_writer__is_locked_out),
        TEST(open__reader_that_shares_writing__sees_the_bytes_so_far),
        TEST(open__name_that_is_not_ours__is_a_bug),
        TEST(open__link_in_the_files_place__is_refused),
        TEST(open__folder_in_the_files_place__is_refused),
        TEST(open__nobody_to_act_as__is_refused),
        TEST(write__beyond_4_gb__lands_at_its_offset),
        TEST(read__beyond_the_end__fails),
        TEST(set_size__smaller_and_larger__cuts_and_extends),
        TEST(finish__complete_file__gets_its_name_and_times_and_is_visible),
        TEST(finish__on_windows__sets_the_creation_time_too),
        TEST(finish__time_unknown__keeps_the_files_own),
        TEST(finish__target_exists__is_replaced),
        TEST(finish__repeated__finds_the_temporary_file_missing),
        TEST(finish__target_open_elsewhere__is_locked_and_can_be_repeated),
        TEST(finish__target_is_a_folder__is_denied),
        TEST(finish__target_is_a_link__replaces_the_link_and_not_what_it_leads_to),
        TEST(finish__link_in_the_temporary_files_place__is_refused),
        TEST(finish__while_the_file_is_still_open__works),
        TEST(finish__name_that_is_not_ours__is_a_bug),
        TEST(remove__temporary_file__is_gone),
        TEST(remove__any_other_name__is_a_bug_and_removes_nothing),
        TEST(remove__link_in_the_files_place__removes_neither),
        TEST(remove__folder_in_the_files_place__is_refused),
        TEST(stat__file_folder_link_and_nothing__are_told_apart),
        TEST(check_folder__writable_folder__leaves_nothing_behind),
        TEST(check_folder__missing_folder__is_missing),
        TEST(check_folder__name_of_a_folder__is_denied),
        TEST(check_folder__folder_nobody_may_write_to__is_denied),
        TEST(check_folder__file_system_that_is_read_only__is_denied),
        TEST(free_space__existing_folder__is_the_volumes),
        TEST(reserve__more_than_there_is__keeps_the_size_and_the_bytes),
        TEST(reserve__more_than_any_disk_has__fails_and_keeps_the_bytes),
        TEST(names__spaces_and_other_scripts__work),
        TEST(names__forward_slashes__work),
        TEST(names__259_characters__work),
        TEST(names__short_name_in_a_deep_folder__has_a_temporary_name_beyond_259),
        TEST(names__relative_path__is_refused),
        TEST(fault__armed__makes_each_call_fail_once),
        TEST(fault__no_memory__fails_and_leaves_nothing_open),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
