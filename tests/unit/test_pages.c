/* test_pages.c - docs/states.md and docs/config.md against the tables that they describe. They are
 * read where the sources are at hand. */
#include "test_unit.h"

#include "oq_config.h"
#include "oq_group_machine.h"
#include "oq_progress.h"

#include <stdlib.h>

#define CELLS_MAX 4

/* A row of a table: the text between the bars, without blanks and backquotes around it. */
struct row {
    char cells[CELLS_MAX][160];
};

struct table {
    struct row rows[64];
    unsigned count;
};

static char *read_page(const char *name)
{
    const char *source = getenv("OQ_SOURCE_DIR");
    char path[1000];
    if (!source)
        return NULL;
    snprintf(path, sizeof path, "%s/docs/%s", source, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    static char text[65536];
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

static void read_row(const char *line, struct row *row)
{
    memset(row, 0, sizeof *row);
    for (unsigned i = 0; i < CELLS_MAX; i++) {
        const char *start = line + 1, *end = strchr(start, '|');
        if (!end)
            return;
        line = end;
        while (start < end && (*start == ' ' || *start == '`'))
            start++;
        while (end > start && (end[-1] == ' ' || end[-1] == '`'))
            end--;
        snprintf(row->cells[i], sizeof row->cells[i], "%.*s", (int)(end - start), start);
    }
}

/* The first table of the section, without its head; the section ends with the next heading. Skips
 * the test where the sources are not at hand. */
static void read_table(const char *page_name, const char *heading, struct table *table)
{
    char *page = read_page(page_name);
    char wanted[100];
    table->count = 0;
    if (!page) {
        print_message("skipped: OQ_SOURCE_DIR does not lead to docs/%s\n", page_name);
        skip();
    }
    snprintf(wanted, sizeof wanted, "\n## %s\n", heading);
    char *at = strstr(page, wanted);
    assert_non_null(at);
    at += strlen(wanted);
    char *end = strstr(at, "\n## ");
    if (end)
        *end = '\0';
    at = strstr(at, "\n|---");
    assert_non_null(at);
    for (at = strchr(at + 1, '\n'); at && at[1] == '|'; at = strchr(at + 1, '\n')) {
        assert_true(table->count < COUNT_OF(table->rows));
        read_row(at + 1, &table->rows[table->count++]);
    }
}

/* --- docs/states.md --------------------------------------------------------------------------- */

static const char *const group_names[] = {
#define OQ_GROUP_STATE(name, text, is_final) #name,
#include "oq_states.def"
#undef OQ_GROUP_STATE
};

static const char *const file_names[] = {
#define OQ_FILE_STATE(name, text, is_final) #name,
#include "oq_states.def"
#undef OQ_FILE_STATE
};

static void states_page__states__are_those_of_the_list(void **state)
{
    (void)state;
    static struct table table;
    read_table("states.md", "States of a group", &table);
    assert_int_equal(table.count, OQ_GROUP_STATE_COUNT);
    for (unsigned i = 0; i < OQ_GROUP_STATE_COUNT; i++) {
        assert_string_equal(table.rows[i].cells[0], group_names[i]);
        assert_string_equal(table.rows[i].cells[1], oq_group_state_text((enum oq_group_state)i));
        assert_true(strlen(table.rows[i].cells[2]) > 10);
    }
    read_table("states.md", "States of a file", &table);
    assert_int_equal(table.count, OQ_FILE_STATE_COUNT);
    for (unsigned i = 0; i < OQ_FILE_STATE_COUNT; i++) {
        assert_string_equal(table.rows[i].cells[0], file_names[i]);
        assert_string_equal(table.rows[i].cells[1], oq_file_state_text((enum oq_file_state)i));
    }
}

/* "SCHEDULE, CLEAR_ERROR" */
static void print_effects(unsigned effects, char text[160])
{
    static const struct {
        unsigned effect;
        const char *name;
    } names[] = {
        {OQ_DO_SCHEDULE, "SCHEDULE"},
        {OQ_DO_STOP_TRANSFERS, "STOP_TRANSFERS"},
        {OQ_DO_COMMIT_FILES, "COMMIT_FILES"},
        {OQ_DO_DISCARD, "DISCARD"},
        {OQ_DO_EVENT_COMPLETE, "EVENT_COMPLETE"},
        {OQ_DO_EVENT_ERROR, "EVENT_ERROR"},
        {OQ_DO_CLEAR_ERROR, "CLEAR_ERROR"},
    };
    text[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!(effects & names[i].effect))
            continue;
        strcat(text, text[0] ? ", " : "");
        strcat(text, names[i].name);
        effects &= ~names[i].effect;
    }
    assert_int_equal(effects, 0); /* a new one has no name here yet */
    if (!text[0])
        strcpy(text, "none");
}

static void states_page__transitions__are_those_of_the_table(void **state)
{
    (void)state;
    static struct table table;
    unsigned row = 0;
    read_table("states.md", "Transitions of a group", &table);
    for (unsigned s = 0; s < OQ_GROUP_STATE_COUNT; s++) {
        for (unsigned e = 0; e < OQ_GROUP_EVENT_COUNT; e++) {
            struct oq_transition transition;
            char effects[160];
            if (oq_group_transition((enum oq_group_state)s, (enum oq_group_event)e, &transition) !=
                OQ_OK)
                continue;
            assert_true(row < table.count);
            print_effects(transition.effects, effects);
            assert_string_equal(table.rows[row].cells[0], group_names[s]);
            assert_string_equal(table.rows[row].cells[1],
                                oq_group_event_name((enum oq_group_event)e));
            assert_string_equal(table.rows[row].cells[2], group_names[transition.next]);
            assert_string_equal(table.rows[row].cells[3], effects);
            row++;
        }
    }
    assert_int_equal(row, table.count);
}

static void states_page__bits__are_those_that_clients_see(void **state)
{
    (void)state;
    static struct table table;
    read_table("states.md", "What a client sees", &table);
    assert_int_equal(table.count, OQ_GROUP_STATE_COUNT - 1); /* nobody sees CANCELLING */
    for (unsigned i = 0; i < table.count; i++) {
        enum oq_group_state s = (enum oq_group_state)i;
        assert_string_equal(table.rows[i].cells[0], group_names[i]);
        assert_int_equal(strtoul(table.rows[i].cells[1], NULL, 16),
                         oq_progress_group_bits(s, false));
        assert_int_equal(strtoul(table.rows[i].cells[2], NULL, 16),
                         oq_progress_group_bits(s, true));
        assert_int_equal(strtoul(table.rows[i].cells[3], NULL, 16), oq_progress_job_bits(s));
    }
}

/* --- docs/config.md --------------------------------------------------------------------------- */

static void config_page__numbers__are_those_of_the_list(void **state)
{
    (void)state;
    static struct table table;
    size_t count = 0;
    const struct oq_config_item *items = oq_config_items(&count);
    read_table("config.md", "Numbers", &table);
    assert_int_equal(table.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &table.rows[i];
        char range[80];
        snprintf(range, sizeof range, "%lld to %lld", (long long)items[i].lowest,
                 (long long)items[i].highest);
        assert_string_equal(row->cells[0], items[i].name);
        assert_true(strtoll(row->cells[1], NULL, 10) == items[i].standard);
        assert_string_equal(row->cells[2], range);
        assert_string_equal(row->cells[3], items[i].meaning);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_page__states__are_those_of_the_list),
        cmocka_unit_test(states_page__transitions__are_those_of_the_table),
        cmocka_unit_test(states_page__bits__are_those_that_clients_see),
        cmocka_unit_test(config_page__numbers__are_those_of_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
