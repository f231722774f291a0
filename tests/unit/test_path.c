/* test_path.c - service/core/path.c */
#include "test_unit.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_path.h"

/* In UTF-8: one unit in two bytes, one in three, two in four. */
#define E_ACUTE "\xc3\xa9"
#define EURO "\xe2\x82\xac"
#define EMOJI "\xf0\x9f\x98\x80"

static const char *const windows_names[] = {
    "C:\\file.txt",
    "c:\\file",
    "Z:/file.txt",
    "C:\\folder\\file.txt",
    "C:/folder/sub/file.txt",
    "C:\\folder/sub\\file.txt",
    "C:\\\\folder\\\\\\file.txt",
    "C:\\Program Files (x86)\\My App\\setup 1.0.exe",
    "C:\\a.b.c\\.hidden",
    "C:\\...a",
    "C:\\ leading",
    "C:\\$&'()+,-;=@[]^_`{}~!#%",
    "C:\\" E_ACUTE "\\" EURO "\\" EMOJI ".txt",
    "C:\\x\x7f",
    "\\\\server\\share\\file",
    "//server/share/file",
    "/\\server\\share\\file", /* a network name, also where POSIX paths are allowed */
    "\\\\server\\share\\folder\\file.txt",
    "\\\\192.0.2.1\\C$\\file",
    "\\\\server@SSL@8443\\DavWWWRoot\\file",
    "\\\\server\\share\\\\file",
    /* nearly device names */
    "C:\\CONS",
    "C:\\xCON",
    "C:\\CON-1.txt",
    "C:\\COM",
    "C:\\COM10",
    "C:\\COMa",
    "C:\\COM\xc2\xb4", /* U+00B4 is no superscript digit */
    "C:\\LPT",
    "C:\\LPT1x",
    "C:\\NULL",
    "C:\\AUXILIARY",
    "C:\\a.con",
    "C:\\CONIN",
    "C:\\CONIN$x",
    "C:\\C" E_ACUTE "N",
};

static void path__of_windows__is_accepted(void **state)
{
    struct oq_error err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(windows_names); i++) {
        oq_error_init(&err);
        if (oq_path_check(windows_names[i], false, &err) != OQ_OK)
            fail_msg("%s: %s", windows_names[i], err.text);
        assert_string_equal(err.text, "");
        assert_int_equal(oq_path_check(windows_names[i], true, NULL), OQ_OK);
    }
}

static const struct {
    const char *path, *words;
} refused[] = {
    {"", "missing"},
    {"file.txt", "full path"},
    {"folder\\file.txt", "full path"},
    {"..\\file.txt", "full path"},
    {"\\file.txt", "full path"},
    {"\\??\\C:\\file.txt", "full path"},
    {"1:\\file", "full path"},
    {":\\file", "full path"},
    {E_ACUTE ":\\file", "full path"},
    {"http://server/file", "full path"},
    {"C", "full path"},
    {"C:", "backslash"},
    {"C:file.txt", "backslash"},
    {"C:..\\file.txt", "backslash"},
    {"C:\\", "end in the name"},
    {"C:/", "end in the name"},
    {"C:\\folder\\", "end in the name"},
    {"C:\\folder/", "end in the name"},
    {"C:\\folder\\\\", "end in the name"},
    {"\\", "full path"},
    {"\\\\", "network name"},
    {"\\\\\\", "network name"},
    {"\\\\server", "network name"},
    {"\\\\server\\", "network name"},
    {"\\\\server\\share", "network name"},
    {"\\\\server\\share\\", "end in the name"},
    {"\\\\server\\\\file", "network name"},
    {"\\\\server\\\\share\\file", "network name"},
    {"\\\\\\share\\file", "network name"},
    {"//server/share", "network name"},
    {"\\\\?\\C:\\file", "\\\\?\\"},
    {"\\\\.\\C:\\file", "\\\\?\\"},
    {"//?/C:/file", "\\\\?\\"},
    {"//./pipe/x", "\\\\?\\"},
    {"\\/?\\UNC\\server\\share\\x", "\\\\?\\"},
    {"\\\\?", "\\\\?\\"},
    {"\\\\.", "\\\\?\\"},
    {"\\\\..\\share\\file", "'..'"},
    {"\\\\server\\..\\file", "'..'"},
    {"\\\\ser?ver\\share\\file", "wildcards"},
    {"\\\\server\\sha*re\\file", "wildcards"},
    {"\\\\server\\C:\\file", "colon"},
    {"\\\\C:\\share\\file", "colon"},
    {"C:\\*.txt", "wildcards"},
    {"C:\\file?.txt", "wildcards"},
    {"C:\\fol*der\\file", "wildcards"},
    {"C:\\file.txt:stream", "colon"},
    {"C:\\file.txt::$DATA", "colon"},
    {"C:\\folder:x\\file", "colon"},
    {"C:\\C:\\file", "colon"},
    {"C:\\a<b", "does not allow"},
    {"C:\\a>b", "does not allow"},
    {"C:\\a\"b", "does not allow"},
    {"C:\\a|b", "does not allow"},
    {"C:\\a\x01", "control"},
    {"C:\\a\tb", "control"},
    {"C:\\a\nb", "control"},
    {"C:\\a\x1f\\b", "control"},
    {"C:\\.", "'.'"},
    {"C:\\..", "'..'"},
    {"C:\\.\\file", "'.'"},
    {"C:\\folder\\..\\file", "'..'"},
    {"C:/folder/../file", "'..'"},
    {"C:\\...", "dot or a space"},
    {"C:\\file.", "dot or a space"},
    {"C:\\file ", "dot or a space"},
    {"C:\\file. ", "dot or a space"},
    {"C:\\folder.\\file", "dot or a space"},
    {"C:\\folder \\file", "dot or a space"},
    {"C:\\ ", "dot or a space"},
    {"\\\\server \\share\\file", "dot or a space"},
    {"C:\\CON", "devices"},
    {"C:\\con", "devices"},
    {"C:\\PRN", "devices"},
    {"C:\\AUX", "devices"},
    {"C:\\NUL", "devices"},
    {"C:\\Nul.txt", "devices"},
    {"C:\\nul.tar.gz", "devices"},
    {"C:\\NUL .txt", "devices"},
    {"C:\\NUL  .x", "devices"},
    {"C:\\folder\\com1", "devices"},
    {"C:\\COM9.log", "devices"},
    {"C:\\COM0", "devices"},
    {"C:\\COM\xc2\xb9", "devices"},
    {"C:\\COM\xc2\xb2.txt", "devices"},
    {"C:\\lpt\xc2\xb3", "devices"},
    {"C:\\LPT1", "devices"},
    {"C:\\LPT9.x", "devices"},
    {"C:\\CONIN$", "devices"},
    {"C:\\conout$", "devices"},
    {"C:\\aux\\file", "devices"},
    {"\\\\server\\share\\nul", "devices"},
    {"C:\\\xff", "Unicode"},
    {"C:\\\xc3", "Unicode"},
    {"C:\\\xc0\xaf", "Unicode"},
    {"C:\\\xed\xa0\x80", "Unicode"},
    {"\xef\xbb\xbf"
     "C:\\file",
     "full path"},
    {"/tmp/file", "full path"},
    {"/", "full path"},
};

static void path__that_breaks_a_rule__is_refused_with_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct oq_error err;

        oq_error_init(&err);
        if (oq_path_check(refused[i].path, false, &err) != OQ_E_INVALID_ARG)
            fail_msg("accepted: %s", refused[i].path);
        if (!strstr(err.text, refused[i].words))
            fail_msg("%s: wanted '%s', is: %s", refused[i].path, refused[i].words, err.text);
        assert_int_equal(err.status, OQ_E_INVALID_ARG);
        assert_int_equal(oq_path_check(refused[i].path, false, NULL), OQ_E_INVALID_ARG);
    }
}

static void path__null__is_refused(void **state)
{
    (void)state;
    assert_int_equal(oq_path_check(NULL, true, NULL), OQ_E_INVALID_ARG);
    assert_false(oq_path_is_name(NULL));
    assert_false(oq_path_is_temp(NULL));
}

/* "C:\" and two names of that many times `letter`; the first at most 200 units. */
static const char *long_path(const char *letter, size_t units_of_letter, size_t units,
                             const char *last)
{
    static char path[2000];
    size_t at = 3, left = units - 3 - strlen(last);
    bool has_folder = false;

    strcpy(path, "C:\\");
    while (left >= units_of_letter) {
        if (!has_folder && left <= 100) {
            path[at++] = '\\';
            has_folder = true;
            left--;
            continue;
        }
        memcpy(path + at, letter, strlen(letter));
        at += strlen(letter);
        left -= units_of_letter;
    }
    memset(path + at, 'x', left);
    strcpy(path + at + left, last);
    return path;
}

/* Shows IBackgroundCopyJob1::FILESETINFO.bstrLocalFile */
static void path__of_259_units__is_accepted_and_of_260_refused(void **state)
{
    static const struct {
        const char *letter;
        size_t units;
    } letters[] = {{"a", 1}, {E_ACUTE, 1}, {EURO, 1}, {EMOJI, 2}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(letters); i++) {
        struct oq_error err;

        assert_int_equal(
            oq_path_check(long_path(letters[i].letter, letters[i].units, 259, ".t"), false, NULL),
            OQ_OK);
        oq_error_init(&err);
        assert_int_equal(
            oq_path_check(long_path(letters[i].letter, letters[i].units, 260, ".t"), false, &err),
            OQ_E_INVALID_ARG);
        assert_non_null(strstr(err.text, "259"));
    }
}

static void path__with_a_name_of_255_units__is_accepted_and_of_256_refused(void **state)
{
    char path[600];
    struct oq_error err;

    (void)state;
    memset(path, 'a', sizeof path);
    memcpy(path, "C:\\", 3);
    path[3 + 255] = '\0';
    assert_int_equal(oq_path_check(path, false, NULL), OQ_OK);
    path[3 + 255] = 'a';
    path[3 + 256] = '\0';
    oq_error_init(&err);
    assert_int_equal(oq_path_check(path, false, &err), OQ_E_INVALID_ARG);
    assert_non_null(strstr(err.text, "255"));

    /* 128 characters of two units */
    for (size_t i = 0; i < 128; i++)
        memcpy(path + 3 + i * 4, EMOJI, 4);
    path[3 + 4 * 127] = 'a';
    path[3 + 4 * 127 + 1] = '\0';
    assert_int_equal(oq_path_check(path, false, NULL), OQ_OK);
    memcpy(path + 3 + 4 * 127, EMOJI, 5);
    assert_int_equal(oq_path_check(path, false, NULL), OQ_E_INVALID_ARG);
}

static void path__of_posix__is_accepted_only_where_allowed(void **state)
{
    static const char *const good[] = {"/file", "/tmp/a/b", "/tmp//x", "/a:b*?",
                                       "/con",  "/x.",      "/...",    "/.x/..y"};
    static const char *const bad[] = {"/",     "/tmp/", "/tmp/..", "/../x", "/./x",
                                      "/a\\b", "tmp/x", "./x",     "/\xff", "//tmp/x"};
    char path[5000];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (oq_path_check(good[i], true, NULL) != OQ_OK)
            fail_msg("refused: %s", good[i]);
        assert_int_equal(oq_path_check(good[i], false, NULL), OQ_E_INVALID_ARG);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (oq_path_check(bad[i], true, NULL) != OQ_E_INVALID_ARG)
            fail_msg("accepted: %s", bad[i]);
    }
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[4095] = '\0';
    assert_int_equal(oq_path_check(path, true, NULL), OQ_OK);
    path[4095] = 'a';
    path[4096] = '\0';
    assert_int_equal(oq_path_check(path, true, NULL), OQ_E_INVALID_ARG);
}

static void name__by_itself__obeys_the_rules_of_a_segment(void **state)
{
    (void)state;
    assert_true(oq_path_is_name("setup 1.0.exe"));
    assert_true(oq_path_is_name(EMOJI));
    assert_true(oq_path_is_name(".profile"));
    assert_false(oq_path_is_name(""));
    assert_false(oq_path_is_name("."));
    assert_false(oq_path_is_name(".."));
    assert_false(oq_path_is_name("a\\b"));
    assert_false(oq_path_is_name("a/b"));
    assert_false(oq_path_is_name("/"));
    assert_false(oq_path_is_name("a:b"));
    assert_false(oq_path_is_name("a*"));
    assert_false(oq_path_is_name("a."));
    assert_false(oq_path_is_name("nul"));
    assert_false(oq_path_is_name("\xff"));
}

static void assert_text(char *text, const char *wanted)
{
    assert_non_null(text);
    assert_string_equal(text, wanted);
    oq_free(text);
}

static void folder__of_a_path__is_what_stands_before_the_name(void **state)
{
    (void)state;
    assert_text(oq_path_folder("C:\\folder\\sub\\file"), "C:\\folder\\sub");
    assert_text(oq_path_folder("C:/folder/file"), "C:/folder");
    assert_text(oq_path_folder("C:\\folder/file"), "C:\\folder");
    assert_text(oq_path_folder("C:\\folder\\\\file"), "C:\\folder");
    assert_text(oq_path_folder("C:\\file"), "C:\\");
    assert_text(oq_path_folder("C:/file"), "C:/");
    assert_text(oq_path_folder("C:\\\\file"), "C:\\");
    assert_text(oq_path_folder("\\\\server\\share\\file"), "\\\\server\\share");
    assert_text(oq_path_folder("//server/share/a/file"), "//server/share/a");
    assert_text(oq_path_folder("/file"), "/");
    assert_text(oq_path_folder("/tmp/file"), "/tmp");
    assert_text(oq_path_folder("file"), "");
    assert_text(oq_path_folder(""), "");
}

static void same__names_of_one_file__whatever_their_case_and_separators(void **state)
{
    static const char *const same[][2] = {
        {"C:\\a\\disc.bin", "C:\\a\\disc.bin"},
        {"C:\\a\\disc.bin", "c:\\A\\DISC.bin"},
        {"C:\\a\\disc.bin", "C:/a//disc.bin"},
        {"C:\\\xc3\xa4.bin", "C:\\\xc3\x84.BIN"},         /* a with diaeresis */
        {"C:\\\xce\xb1", "C:\\\xce\x91"},                 /* alpha */
        {"C:\\\xd1\x8f\xd1\x90", "C:\\\xd0\xaf\xd0\x80"}, /* ya, ie with grave */
    };
    static const char *const other[][2] = {
        {"C:\\a\\disc.bin", "C:\\a\\disc.bi"},
        {"C:\\a\\disc.bin", "C:\\adisc.bin"},
        {"C:\\a\\disc.bin", "D:\\a\\disc.bin"},
        {"C:\\\xc3\xa4", "C:\\\xc3\xa5"},
        {"C:\\\xc3\x97", "C:\\\xc3\xb7"}, /* the signs of multiplication and division */
        {"", "C:\\a"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(same); i++)
        assert_true(oq_path_is_same(same[i][0], same[i][1]) &&
                    oq_path_is_same(same[i][1], same[i][0]));
    for (size_t i = 0; i < COUNT_OF(other); i++)
        assert_false(oq_path_is_same(other[i][0], other[i][1]) ||
                     oq_path_is_same(other[i][1], other[i][0]));
}

static void temp__of_a_path__is_a_name_in_the_same_folder(void **state)
{
    (void)state;
    assert_text(oq_path_temp("C:\\folder\\file.txt", 0), "C:\\folder\\BIT0000000000000000.tmp");
    assert_text(oq_path_temp("C:/folder/file.txt", UINT64_MAX),
                "C:/folder/BITffffffffffffffff.tmp");
    assert_text(oq_path_temp("\\\\server\\share\\x", UINT64_C(0x0123456789ABCDEF)),
                "\\\\server\\share\\BIT0123456789abcdef.tmp");
    assert_text(oq_path_temp("C:\\x", 1), "C:\\BIT0000000000000001.tmp");
    assert_text(oq_path_temp("/x", 0xa), "/BIT000000000000000a.tmp");
}

static void temp__of_any_path__is_recognised_and_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(windows_names); i++) {
        char *temp = oq_path_temp(windows_names[i], UINT64_C(0xfedcba9876543210) * (i + 1));

        assert_non_null(temp);
        assert_true(oq_path_is_temp(temp));
        assert_false(oq_path_is_temp(windows_names[i]));
        assert_int_equal(oq_path_check(temp, false, NULL), OQ_OK);
        oq_free(temp);
    }
}

static void is_temp__of_nearly_such_a_name__is_false(void **state)
{
    static const char *const others[] = {
        "",
        "C:\\folder\\file.tmp",
        "C:\\BIT0000000000000000.tmp\\file",
        "C:\\BIT000000000000000.tmp",
        "C:\\BIT00000000000000000.tmp",
        "C:\\BIT000000000000000g.tmp",
        "C:\\BIT000000000000000A.tmp",
        "C:\\bit0000000000000000.tmp",
        "C:\\BIT0000000000000000.TMP",
        "C:\\BIT0000000000000000.tmp ",
        "C:\\xBIT0000000000000000.tmp",
        "C:\\BIT0000000000000000_tmp",
        "C:\\BIT0000000000000000.tmp\\",
        "C:\\BITE7A1.tmp", /* Windows' own BITS */
    };

    (void)state;
    assert_true(oq_path_is_temp("C:\\BIT0000000000000000.tmp"));
    assert_true(oq_path_is_temp("BIT0123456789abcdef.tmp"));
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (oq_path_is_temp(others[i]))
            fail_msg("%s", others[i]);
    }
}

#ifdef OQ_FAULT_INJECTION
static void path__without_memory__gives_null(void **state)
{
    (void)state;
    oq_fault_arm(OQ_FAULT_ALLOC, 1, true);
    char *folder = oq_path_folder("C:\\x\\y");
    char *temp = oq_path_temp("C:\\x\\y", 1);
    oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
    assert_null(folder);
    assert_null(temp);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path__of_windows__is_accepted),
        cmocka_unit_test(path__that_breaks_a_rule__is_refused_with_it),
        cmocka_unit_test(path__null__is_refused),
        cmocka_unit_test(path__of_259_units__is_accepted_and_of_260_refused),
        cmocka_unit_test(path__with_a_name_of_255_units__is_accepted_and_of_256_refused),
        cmocka_unit_test(path__of_posix__is_accepted_only_where_allowed),
        cmocka_unit_test(name__by_itself__obeys_the_rules_of_a_segment),
        cmocka_unit_test(folder__of_a_path__is_what_stands_before_the_name),
        cmocka_unit_test(same__names_of_one_file__whatever_their_case_and_separators),
        cmocka_unit_test(temp__of_a_path__is_a_name_in_the_same_folder),
        cmocka_unit_test(temp__of_any_path__is_recognised_and_allowed),
        cmocka_unit_test(is_temp__of_nearly_such_a_name__is_false),
#ifdef OQ_FAULT_INJECTION
        cmocka_unit_test(path__without_memory__gives_null),
#endif
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
