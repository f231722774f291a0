/* test_help.c - cli/help.c, and docs/qmgrctl.md against the table of commands */
#include "test_unit.h"

#include "command_table_int.h"
#include "oq_alloc.h"

#include <stdlib.h>

/* The longest line of a text. */
static size_t columns_of(const char *text)
{
    size_t longest = 0;

    for (size_t length; *text; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        longest = length > longest ? length : longest;
    }
    return longest;
}

static void help__every_command_and_option__is_in_it(void **state)
{
    (void)state;
    char *help = oq_args_help(OQ_COMMAND_COUNT);
    char word[64];
    for (size_t i = 0; i < OQ_COMMAND_COUNT; i++) {
        snprintf(word, sizeof word, "\n  %s ", oq_commands[i].name);
        if (!strstr(help, word))
            fail_msg("'%s' is not in\n%s", word, help);
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        snprintf(word, sizeof word, " --%s ", oq_options[i].name);
        if (!strstr(help, word))
            fail_msg("'%s' is not in\n%s", word, help);
    }
    assert_non_null(strstr(help, "\n  -q, --quiet "));
    assert_non_null(strstr(help, "\nexit status:\n   0  done\n"));
    assert_non_null(strstr(help, "\n  13  the file exists"));
    assert_true(columns_of(help) <= 80);
    assert_int_equal(help[strlen(help) - 1], '\n');
    oq_free(help);
}

static void help__of_a_command__has_its_usage_options_and_examples(void **state)
{
    (void)state;
    char *help = oq_args_help(OQ_COMMAND_RESUME);
    assert_string_equal(
        help, "usage: qmgrctl resume GROUP ...\n"
              "       qmgrctl resume --all | --failed | --complete | --match PATTERN\n"
              "\n"
              "Resumes suspended downloads, and retries those that failed.\n"
              "\n"
              "options:\n"
              "      --foreground          do not yield to other network traffic\n"
              "      --all                 all downloads\n"
              "      --failed              those that have failed\n"
              "      --complete            those that are complete\n"
              "      --match PATTERN       those whose name fits, with * and ?\n"
              "      --clsid CLSID         use the service that is registered under this class\n"
              "      --legacy              use only the QMGR interfaces, not OpenQMGR's own:\n"
              "                            fewer details are shown, and an administrator\n"
              "                            becomes the owner of each download that is opened\n"
              "  -h, --help                show the help, or that of one command\n"
              "  -V, --version             show the version\n"
              "\n"
              "examples:\n"
              "  qmgrctl resume --foreground 16f41c69\n"
              "  qmgrctl resume --failed\n");
    oq_free(help);
    for (int command = 0; command < OQ_COMMAND_COUNT; command++) {
        help = oq_args_help((enum oq_command)command);
        if (columns_of(help) > 80)
            fail_msg("wider than 80 columns:\n%s", help);
        oq_free(help);
    }
}

/* Parses a line of words divided by blanks. */
static enum oq_status parse(char *line, struct oq_args *args, char message[OQ_ARGS_MESSAGE])
{
    char *words[32];
    int count = 0;

    for (char *word = strtok(line, " "); word && count < 31; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
    return oq_args_parse(count, words, args, message);
}

/* What help shows as an example has to work. */
static void help__every_example__is_understood(void **state)
{
    (void)state;
    for (int command = 0; command < OQ_COMMAND_COUNT; command++) {
        const char *example = oq_commands[command].examples;
        for (size_t length; *example; example += length + (example[length] == '\n')) {
            char line[256], message[OQ_ARGS_MESSAGE];
            struct oq_args args;
            length = strcspn(example, "\n");
            snprintf(line, sizeof line, "qmgrctl %.*s", (int)length, example);
            if (parse(line, &args, message) != OQ_OK)
                fail_msg("%s: %s", line, message);
            assert_int_equal(args.command, command);
        }
    }
}

static void completion__of_both_shells__has_every_command_and_option(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "powershell"};
    for (size_t i = 0; i < COUNT_OF(shells); i++) {
        char *script = oq_args_completion(shells[i]);
        for (int k = 0; k < OQ_COMMAND_COUNT; k++) {
            if (!strstr(script, oq_commands[k].name))
                fail_msg("%s is not in\n%s", oq_commands[k].name, script);
        }
        for (size_t k = 0; k < OPTION_COUNT; k++) {
            if (!strstr(script, oq_options[k].name))
                fail_msg("%s is not in\n%s", oq_options[k].name, script);
        }
        oq_free(script);
    }
}

/* A page of docs/. */
static char *read_page(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/docs/%s", getenv("OQ_SOURCE_DIR"), name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = oq_calloc(1, 1 << 20);
    assert_in_range(fread(text, 1, (1 << 20) - 1, file), 1000, (1 << 20) - 2);
    fclose(file);
    return text;
}

static void page__of_qmgrctl__has_every_exit_status(void **state)
{
    (void)state;
    char *page = read_page("qmgrctl.md"), row[256];
#define EXIT(ID, number, words)                                                                    \
    snprintf(row, sizeof row, "\n| %d | %s |\n", number, words);                                   \
    if (!strstr(page, row))                                                                        \
        fail_msg("docs/qmgrctl.md lacks '%s'", row);
#include "exits.def"
#undef EXIT
    oq_free(page);
}

static bool is_known_word(const char *word, size_t length)
{
    bool is_long = length > 2 && word[0] == '-' && word[1] == '-';

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct oq_option *option = &oq_options[i];
        if ((is_long && strlen(option->name) == length - 2 &&
             memcmp(option->name, word + 2, length - 2) == 0) ||
            (word[0] == '-' && length == 2 && option->letter == word[1]))
            return true;
    }
    for (size_t i = 0; word[0] != '-' && i < OQ_COMMAND_COUNT; i++) {
        if (strlen(oq_commands[i].name) == length && memcmp(oq_commands[i].name, word, length) == 0)
            return true;
    }
    /* settings and functions */
    return word[0] >= 'A' && word[0] <= 'Z';
}

/* What stands between backquotes in the right column begins with a command or an option. */
static void page__of_other_programs__names_what_there_is(void **state)
{
    (void)state;
    char *page = read_page("coming-from.md");
    unsigned found = 0;
    for (char *line = strtok(page, "\n"); line; line = strtok(NULL, "\n")) {
        char *cell = strncmp(line, "| ", 2) == 0 ? strstr(line + 2, " | ") : NULL;
        for (char *word = cell ? strchr(cell, '`') : NULL; word; word = strchr(word, '`')) {
            size_t length = strcspn(++word, " `");
            if (!is_known_word(word, length))
                fail_msg("%.*s is not known: %s", (int)length, word, line);
            found++;
            word = strchr(word, '`') + 1;
        }
    }
    assert_in_range(found, 80, 10000);
    oq_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help__every_command_and_option__is_in_it),
        cmocka_unit_test(help__of_a_command__has_its_usage_options_and_examples),
        cmocka_unit_test(help__every_example__is_understood),
        cmocka_unit_test(page__of_qmgrctl__has_every_exit_status),
        cmocka_unit_test(page__of_other_programs__names_what_there_is),
        cmocka_unit_test(completion__of_both_shells__has_every_command_and_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
