/* test_args.c - cli/args.c */
#include "test_unit.h"

#include "args_int.h"
#include "oq_alloc.h"

static char message[OQ_ARGS_MESSAGE];

/* Parses a line of words separated by blanks. Arguments are kept for the asserts on borrowed
 * strings. */
static enum oq_status parse(const char *line, struct oq_args *args)
{
    static char text[2048];
    static char *words[128];
    int count = 0;

    snprintf(text, sizeof text, "qmgrctl %s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
    memset(args, 0x5a, sizeof *args);
    memset(message, 0x5a, sizeof message);
    return oq_args_parse(count, words, args, message);
}

static void assert_refused(const char *line, const char *part)
{
    struct oq_args args, nonsense;

    assert_int_equal(parse(line, &args), OQ_E_INVALID_ARG);
    assert_non_null(memchr(message, 0, sizeof message));
    if (!strstr(message, part))
        fail_msg("'%s' gives '%s', which lacks '%s'", line, message, part);
    memset(&nonsense, 0x5a, sizeof nonsense);
    assert_memory_equal(&args, &nonsense, sizeof args);
}

static void args__get_with_everything__is_read(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(
        parse("get --quiet --foreground --stall-timeout 7 --max-time 2h http://h/a?b=* C:\\a.bin",
              &args),
        OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_GET);
    assert_int_equal(args.url_count, 1);
    assert_string_equal(args.urls[0], "http://h/a?b=*");
    assert_string_equal(args.file, "C:\\a.bin");
    assert_true(args.is_quiet);
    assert_true(args.is_foreground);
    assert_false(args.is_detached);
    assert_int_equal(args.stall_timeout_ms, 7000);
    assert_int_equal(args.max_time_ms, 7200000);
    assert_false(args.has_clsid);
}

static void args__get_alone__has_defaults(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("get http://h/a", &args), OQ_OK);
    assert_null(args.file);
    assert_false(args.is_quiet);
    assert_false(args.is_foreground);
    assert_int_equal(args.stall_timeout_ms, -1);
    assert_int_equal(args.max_time_ms, -1);
    assert_int_equal(args.existing, OQ_EXISTING_REFUSED);
}

static void args__options_behind_the_words__count(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("get http://h/a f --no-wait -q", &args), OQ_OK);
    assert_true(args.is_detached);
    assert_true(args.is_quiet);
    assert_string_equal(args.file, "f");
}

static void args__several_urls__are_several_files(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("get http://h/a HTTPS://m/b http://n/c folder", &args), OQ_OK);
    assert_int_equal(args.url_count, 3);
    assert_int_equal(args.mirror_count, 0);
    assert_string_equal(args.urls[2], "http://n/c");
    assert_string_equal(args.file, "folder");
    assert_int_equal(parse("get http://h/a http://m/a", &args), OQ_OK);
    assert_int_equal(args.url_count, 2);
    assert_null(args.file);
    assert_int_equal(parse("get ftp://h/a f", &args), OQ_OK); /* for the service to refuse */
    assert_int_equal(args.url_count, 1);
    assert_refused("get http://h/a f g", "usage: qmgrctl get URL [FILE]");
    assert_refused("get http://h/a f http://m/a", "usage: qmgrctl get URL [FILE]");
    assert_refused("get -o f http://h/a http://m/a", "--output is for one URL");
    assert_refused("get -o f http://h/a g", "FILE is given twice");
}

static void args__mirrors__are_said_as_such(void **state)
{
    (void)state;
    struct oq_args args;
    char line[1024] = "get http://h/0";
    assert_int_equal(parse("get --mirror http://m/a http://h/a --mirror http://n/a f", &args),
                     OQ_OK);
    assert_int_equal(args.mirror_count, 2);
    assert_string_equal(args.mirrors[1], "http://n/a");
    assert_string_equal(args.urls[0], "http://h/a");
    assert_refused("get --mirror http://m/a http://h/a http://h/b", "--mirror is for one URL");
    for (int i = 1; i < OQ_SOURCES_MAX; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), " --mirror http://h/%d", i);
    assert_int_equal(parse(line, &args), OQ_OK);
    assert_int_equal(args.mirror_count, OQ_SOURCES_MAX - 1);
    snprintf(line + strlen(line), sizeof line - strlen(line), " --mirror http://h/x");
    assert_refused(line, "at most 31 mirrors");
}

static void args__list_of_urls__takes_the_place_of_the_urls(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("get -i urls.txt -d folder", &args), OQ_OK);
    assert_string_equal(args.input, "urls.txt");
    assert_string_equal(args.folder, "folder");
    assert_int_equal(parse("get -i - folder", &args), OQ_OK);
    assert_string_equal(args.file, "folder");
    assert_int_equal(args.url_count, 0);
    assert_int_equal(parse("get -i - http://h/a", &args), OQ_OK);
    assert_int_equal(args.url_count, 1);
    assert_refused("get -i - -o f", "--input and --output cannot be combined");
}

static void args__rates__are_read_as_other_programs_do(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes_per_s;
    } rows[] = {{"2M", 2097152},    {"500k", 512000},      {"1.5M", 1572864},
                {"1g", 1073741824}, {"8000kbit", 1000000}, {"10Mbit", 1250000},
                {"800", 100000},    {"0.5k", 512},         {"100000000", 12500000000}};
    static const char *const nonsense[] = {"",
                                           "k",
                                           "0",
                                           "0k",
                                           "-1",
                                           "1.",
                                           ".5",
                                           "1.k",
                                           "5x",
                                           "2MB",
                                           "1e3",
                                           "100000001",
                                           "99999999999999999999999",
                                           "2 M"};
    uint64_t rate;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rate = 77;
        if (!oq_args_parse_rate(rows[i].text, &rate) || rate != rows[i].bytes_per_s)
            fail_msg("%s gives %llu", rows[i].text, (unsigned long long)rate);
    }
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        if (oq_args_parse_rate(nonsense[i], &rate))
            fail_msg("%s is taken", nonsense[i]);
    }
}

static void args__sets__are_read(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("cancel 16f4 disk.iso", &args), OQ_OK);
    assert_int_equal(args.group_count, 2);
    assert_string_equal(args.groups[1], "disk.iso");
    assert_int_equal(parse("cancel --failed --match *.iso", &args), OQ_OK);
    assert_true(args.is_failed && !args.is_all && oq_args_has_set(&args));
    assert_string_equal(args.match, "*.iso");
    assert_int_equal(parse("list --state waiting,failed --sort rate", &args), OQ_OK);
    assert_int_equal(args.states, 1u << 5 | 1u << 7);
    assert_int_equal(args.sort, OQ_SORT_RATE);
    assert_refused("cancel --all 16f4", "cannot be combined");
    assert_refused("list --state lost", "lost");
    assert_refused("list --sort luck", "--sort");
}

static void args__near_misses__are_told(void **state)
{
    (void)state;
    struct oq_args args;
    assert_refused("lits", "did you mean list?");
    assert_refused("cancle 16f4", "did you mean cancel?");
    assert_refused("download http://h/a", "did you mean get?");
    assert_refused("get --forground http://h/a", "did you mean --foreground?");
    assert_refused("get --timeout 5 http://h/a", "did you mean --stall-timeout?");
    assert_refused("get -O f http://h/a", "did you mean --output?");
    assert_refused("xyzzy", "unknown command xyzzy");
    assert_null(strstr(message, "mean"));
    assert_int_equal(parse("LIST", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_LIST);
    assert_int_equal(parse("get /?", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_HELP);
    assert_int_equal(args.help_of, OQ_COMMAND_GET);
    assert_int_equal(parse("help wait", &args), OQ_OK);
    assert_int_equal(args.help_of, OQ_COMMAND_WAIT);
    assert_int_equal(parse("help", &args), OQ_OK);
    assert_int_equal(args.help_of, OQ_COMMAND_COUNT);
}

static void args__pattern__fits_whole_names(void **state)
{
    (void)state;
    assert_true(oq_args_pattern_fits("*.ISO", "disk.iso"));
    assert_true(oq_args_pattern_fits("d?sk*", "disk"));
    assert_true(oq_args_pattern_fits("?.bin", "\xc3\xbc.bin"));
    assert_true(oq_args_pattern_fits("*a*b*", "xxaxxbaxbx"));
    assert_false(oq_args_pattern_fits("disk", "disk.iso"));
    assert_false(oq_args_pattern_fits("*.iso", "disk.iso.tmp"));
    assert_false(oq_args_pattern_fits("??.bin", "\xc3\xbc.bin"));
}

static void args__sha256__is_read_or_refused(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(
        parse("get --sha256 "
              "E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 http://h/a",
              &args),
        OQ_OK);
    assert_true(args.has_sha256);
    assert_int_equal(args.sha256[0], 0xe3);
    assert_int_equal(args.sha256[31], 0x55);
    assert_refused("get --sha256 e3b0 http://h/a", "64");
    assert_refused("get --sha256 sha256:e3b0 http://h/a", "64");
    assert_int_equal(parse("get --sha256 sums/SHA256SUMS http://h/a", &args), OQ_OK);
    assert_false(args.has_sha256);
    assert_string_equal(args.sha256_file, "sums/SHA256SUMS");
    assert_int_equal(
        parse("get --sha256 "
              "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 http://h/a",
              &args),
        OQ_OK);
    assert_true(args.has_sha256);
    assert_refused("list --sha256 "
                   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                   "--sha256");
}

static void args__metalink__takes_the_place_of_the_urls(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("get --metalink m.meta4", &args), OQ_OK);
    assert_string_equal(args.metalink, "m.meta4");
    assert_int_equal(args.url_count, 0);
    assert_null(args.file);
    assert_int_equal(parse("get --metalink m.meta4 folder", &args), OQ_OK);
    assert_string_equal(args.file, "folder");
    assert_refused("get --metalink m.meta4 http://h/a",
                   "usage: qmgrctl get --metalink DOCUMENT [FILE]");
    assert_refused("get --metalink m.meta4 a b", "usage: qmgrctl get --metalink DOCUMENT [FILE]");
    assert_refused("get --metalink m.meta4 --sha256 "
                   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                   "cannot be combined");
}

static void args__set_url__has_a_group_perhaps_a_number_and_a_url(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("set-url 16f4 http://h/a", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_SET_URL);
    assert_string_equal(args.group, "16f4");
    assert_string_equal(args.urls[0], "http://h/a");
    assert_int_equal(args.file_index, 0);
    assert_int_equal(parse("set-url 16f4 17 http://h/a", &args), OQ_OK);
    assert_int_equal(args.file_index, 17);
    assert_refused("set-url 16f4", "usage: qmgrctl set-url GROUP [INDEX] URL");
    assert_refused("set-url 16f4 x http://h/a", "number");
    assert_refused("set-url 16f4 4294967295 http://h/a", "number");
}

static void args__export__has_perhaps_a_file_and_groups(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("export", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_EXPORT);
    assert_null(args.file);
    assert_int_equal(args.group_count, 0);
    assert_int_equal(parse("export --quiet - 16f4 {01234567-89ab-cdef-0123-456789abcdef}", &args),
                     OQ_OK);
    assert_true(args.is_quiet);
    assert_string_equal(args.file, "-");
    assert_int_equal(args.group_count, 2);
    assert_string_equal(args.groups[0], "16f4");
    assert_refused("export --foreground", "--foreground");
}

static void args__import__has_perhaps_a_file(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("import", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_IMPORT);
    assert_null(args.file);
    assert_int_equal(parse("import q.jsonl", &args), OQ_OK);
    assert_string_equal(args.file, "q.jsonl");
    assert_refused("import a b", "usage: qmgrctl import [FILE]");
}

static void args__two_dashes__end_the_options(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("get -- http://h/a --quiet", &args), OQ_OK);
    assert_string_equal(args.file, "--quiet");
    assert_false(args.is_quiet);
}

static void args__abbreviated_option__is_understood(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("get --fore http://h/a", &args), OQ_OK);
    assert_true(args.is_foreground);
}

static void args__commands_with_a_group__read_it(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum oq_command command;
    } rows[] = {
        {"info 16f4", OQ_COMMAND_INFO},     {"suspend 16f4", OQ_COMMAND_SUSPEND},
        {"resume 16f4", OQ_COMMAND_RESUME}, {"cancel 16f4", OQ_COMMAND_CANCEL},
        {"wait 16f4", OQ_COMMAND_WAIT},     {"wait --remove 16f4", OQ_COMMAND_WAIT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct oq_args args;
        assert_int_equal(parse(rows[i].line, &args), OQ_OK);
        assert_int_equal(args.command, rows[i].command);
        assert_int_equal(args.group_count, 1);
        assert_string_equal(args.groups[0], "16f4");
        assert_int_equal(args.is_removing, strstr(rows[i].line, "--remove") != NULL);
    }
}

static void args__numbers__have_bounds(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("get --stall-timeout 1 http://h/a", &args), OQ_OK);
    assert_int_equal(args.stall_timeout_ms, 1000);
    assert_int_equal(parse("get --stall-timeout 31536000 http://h/a", &args), OQ_OK);
    assert_int_equal(args.stall_timeout_ms, 31536000000);
    assert_refused("get --stall-timeout 31536001 http://h/a", "--stall-timeout requires");
    assert_int_equal(parse("set-url 16f4 4294967294 http://h/a", &args), OQ_OK);
    assert_int_equal(args.file_index, 4294967294);
    assert_refused("set-url 16f4 18446744073709551616 http://h/a", "number");
}

static void args__legacy__is_read(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("list --legacy", &args), OQ_OK);
    assert_true(args.is_legacy);
    assert_int_equal(parse("list", &args), OQ_OK);
    assert_false(args.is_legacy || args.has_clsid);
}

static void args__limit_and_pause_all__read_what_is_set(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("limit 2000", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_LIMIT);
    assert_int_equal(args.bytes_per_s, 250000);
    assert_null(args.group);
    assert_int_equal(parse("limit none", &args), OQ_OK);
    assert_int_equal(args.bytes_per_s, 0);
    assert_int_equal(parse("limit --group 16f4 300", &args), OQ_OK);
    assert_non_null(args.group);
    assert_string_equal(args.group, "16f4");
    assert_int_equal(args.bytes_per_s, 300 * 125);
    assert_int_equal(parse("pause-all on", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_PAUSE_ALL);
    assert_true(args.is_on);
    assert_int_equal(parse("pause-all off", &args), OQ_OK);
    assert_false(args.is_on);
    assert_false(args.is_query);
    assert_int_equal(parse("limit 100000000", &args), OQ_OK);
    assert_int_equal(args.bytes_per_s, 12500000000);
    assert_int_equal(parse("limit 1", &args), OQ_OK);
    assert_false(args.is_query);
    assert_int_equal(parse("limit", &args), OQ_OK);
    assert_true(args.is_query);
    assert_int_equal(parse("limit --group 16f4", &args), OQ_OK);
    assert_true(args.is_query && args.group);
    assert_int_equal(parse("pause-all", &args), OQ_OK);
    assert_true(args.is_query);
    static const char *const nonsense[] = {"limit 0",
                                           "limit -1",
                                           "limit 5x",
                                           "limit 100000001",
                                           "limit 5 6",
                                           "limit --group 5 --group",
                                           "pause-all --group 16f4 on",
                                           "pause-all maybe",
                                           "pause-all on off",
                                           "limit 99999999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(nonsense); i++)
        assert_int_equal(parse(nonsense[i], &args), OQ_E_INVALID_ARG);
}

static void args__help_and_version__take_precedence(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("--help", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_HELP);
    assert_int_equal(args.help_of, OQ_COMMAND_COUNT);
    assert_int_equal(parse("get --help", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_HELP);
    assert_int_equal(args.help_of, OQ_COMMAND_GET);
    assert_int_equal(parse("cancel -h --quiet a b", &args), OQ_OK);
    assert_int_equal(args.help_of, OQ_COMMAND_CANCEL);
    assert_int_equal(parse("-V", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_VERSION);
    assert_int_equal(parse("-h -V", &args), OQ_OK);
    assert_int_equal(args.command, OQ_COMMAND_HELP);
}

static void args__clsid__is_read(void **state)
{
    (void)state;
    struct oq_args args;
    assert_int_equal(parse("--clsid {69ad4aee-51be-439b-a92c-86ae490e8b30} list", &args), OQ_OK);
    assert_true(args.has_clsid);
    assert_int_equal(args.clsid.data1, 0x69ad4aee);
}

static void args__what_is_not_understood__is_named(void **state)
{
    (void)state;
    assert_refused("", "command is missing");
    assert_refused("fetch http://h/a", "fetch");
    assert_refused("--bogus list", "--bogus");
    assert_refused("list -x", "-x");
    assert_refused("list extra", "usage: qmgrctl list");
    assert_refused("get", "usage: qmgrctl get URL [FILE]");
    assert_refused("get a b c", "usage: qmgrctl get URL [FILE]");
    assert_refused("list --quiet", "--quiet");
    assert_refused("get --remove http://h/a", "--remove");
    assert_refused("cancel", "usage: qmgrctl cancel GROUP");
    assert_refused("get http://h/a --stall-timeout", "--stall-timeout");
    assert_refused("get --stall-timeout 0 http://h/a", "--stall-timeout");
    assert_refused("get --stall-timeout 5d http://h/a", "--stall-timeout");
    assert_refused("get --stall-timeout -5 http://h/a", "--stall-timeout");
    assert_refused("get --stall-timeout 99999999999999999999 http://h/a", "--stall-timeout");
    assert_refused("get --no-wait --stall-timeout 5 http://h/a", "cannot be combined");
    assert_refused("--clsid nonsense list", "--clsid");
    assert_refused("--quiet=yes get http://h/a", "--quiet");
}

static void args__endless_words__do_not_overflow_the_complaint(void **state)
{
    (void)state;
    char line[480];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    assert_refused(line, "unknown command");
    memcpy(line, "--xxx", 5);
    assert_refused(line, "unknown option");
}

static const struct oq_guid sample = {
    0x16f41c69, 0x09f5, 0x41d2, {0x8c, 0xd8, 0x3c, 0x08, 0xc4, 0x7b, 0xc8, 0xa8}};

static void group_id__beginnings_of_a_guid__match_it(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "16f4",
        "16F41",
        "16f41c69",
        "16f41c69-",
        "16f41c6909f5",
        "16f41c69-09f5-41d2-8cd8-3c",
        "{16f41c69",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a8",
        "{16F41C69-09F5-41D2-8CD8-3C08C47BC8A8}",
        "16f41c6909f541d28cd83c08c47bc8a8",
        "{16f41c6909f541d28cd83c08c47bc8a8}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct oq_group_id id;
        memset(&id, 0x5a, sizeof id);
        assert_int_equal(oq_group_id_parse(texts[i], &id), OQ_OK);
        assert_true(oq_group_id_matches(&id, &sample));
    }
}

static void group_id__anything_else__is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "}",
        "{}",
        "-",
        "16f",
        "16f-41c69",
        "16g4",
        "16f4 ",
        " 16f4",
        "-16f4",
        "16f41c69--09f5",
        "16f4}",
        "{16f4}",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}",
        "{16f41c69-09f5-41d2-8cd8-3c08c47bc8a8}x",
        "16f41c69-09f5-41d2-8cd8-3c08c47bc8a80",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct oq_group_id id, before;
        memset(&id, 0x5a, sizeof id);
        before = id;
        assert_int_equal(oq_group_id_parse(texts[i], &id), OQ_E_INVALID_ARG);
        assert_memory_equal(&id, &before, sizeof id);
    }
}

static void group_id__whole_guid__goes_there_and_back(void **state)
{
    (void)state;
    struct oq_group_id id;
    struct oq_guid guid;
    assert_int_equal(oq_group_id_parse("16f41c69-09f5-41d2-8cd8-3c08c47bc8a8", &id), OQ_OK);
    assert_true(oq_group_id_is_whole(&id));
    memset(&guid, 0x5a, sizeof guid);
    oq_group_id_to_guid(&id, &guid);
    assert_true(oq_guid_is_equal(&guid, &sample));
    assert_int_equal(oq_group_id_parse("16f41c69", &id), OQ_OK);
    assert_false(oq_group_id_is_whole(&id));
}

static void group_id__other_guid__does_not_match(void **state)
{
    (void)state;
    struct oq_group_id id;
    struct oq_guid other = sample;
    other.data4[7] ^= 1;
    assert_int_equal(oq_group_id_parse("16f41c6909f541d28cd83c08c47bc8a8", &id), OQ_OK);
    assert_false(oq_group_id_matches(&id, &other));
    assert_int_equal(oq_group_id_parse("16f41c6909f541d28cd83c08c47bc8", &id), OQ_OK);
    assert_true(oq_group_id_matches(&id, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(args__get_with_everything__is_read),
        cmocka_unit_test(args__get_alone__has_defaults),
        cmocka_unit_test(args__options_behind_the_words__count),
        cmocka_unit_test(args__several_urls__are_several_files),
        cmocka_unit_test(args__mirrors__are_said_as_such),
        cmocka_unit_test(args__list_of_urls__takes_the_place_of_the_urls),
        cmocka_unit_test(args__rates__are_read_as_other_programs_do),
        cmocka_unit_test(args__sets__are_read),
        cmocka_unit_test(args__near_misses__are_told),
        cmocka_unit_test(args__pattern__fits_whole_names),
        cmocka_unit_test(args__sha256__is_read_or_refused),
        cmocka_unit_test(args__metalink__takes_the_place_of_the_urls),
        cmocka_unit_test(args__set_url__has_a_group_perhaps_a_number_and_a_url),
        cmocka_unit_test(args__export__has_perhaps_a_file_and_groups),
        cmocka_unit_test(args__import__has_perhaps_a_file),
        cmocka_unit_test(args__two_dashes__end_the_options),
        cmocka_unit_test(args__abbreviated_option__is_understood),
        cmocka_unit_test(args__commands_with_a_group__read_it),
        cmocka_unit_test(args__numbers__have_bounds),
        cmocka_unit_test(args__legacy__is_read),
        cmocka_unit_test(args__limit_and_pause_all__read_what_is_set),
        cmocka_unit_test(args__help_and_version__take_precedence),
        cmocka_unit_test(args__clsid__is_read),
        cmocka_unit_test(args__what_is_not_understood__is_named),
        cmocka_unit_test(args__endless_words__do_not_overflow_the_complaint),
        cmocka_unit_test(group_id__beginnings_of_a_guid__match_it),
        cmocka_unit_test(group_id__anything_else__is_refused),
        cmocka_unit_test(group_id__whole_guid__goes_there_and_back),
        cmocka_unit_test(group_id__other_guid__does_not_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
