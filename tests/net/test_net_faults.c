/* test_net_faults.c - every fault of tests/support/faults.py at once, through a native engine: each
 * file is byte for byte what it should be in the end, or its group is in ERROR with the documented
 * codes; and the log says one useful sentence about it.
 */
#include "engine_fixture.h"
#include "oq_engine_sources.h"

#include "oq_alloc.h"
#include "oq_log.h"
#include "oq_proxy.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define ROWS_MAX 300
#define LIMIT_S 90 /* everything takes about 15 s on an idle computer */

struct row {
    char name[64], url[256], outcome[16], words[96];
    unsigned long long size_bytes; /* what the client says; 0 = nothing */
    uint32_t win32, http;
    int64_t group;
    bool is_over, was_said;
    char lines[1500]; /* what the log said of it, for a row that is not as documented */
    struct oq_group_view view;
};

static struct fixture f;
static struct row rows[ROWS_MAX];
static unsigned count;
static pid_t server;
static char ca_file[300], proxy_servers[300];

/* --- the log ---------------------------------------------------------------------------------- */

/* Engine thread: looks for the words of the row that the line is about. */
static void look_at_line(void *ctx, enum oq_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    unsigned number = 0;
    if (sscanf(line, "group {%8x-", &number) != 1 || number == 0 || number > count)
        return;
    struct row *row = &rows[number - 1];
    if (strstr(line, row->words))
        __atomic_store_n(&row->was_said, true, __ATOMIC_RELEASE);
    size_t length = strlen(row->lines);
    (void)snprintf(row->lines + length, sizeof row->lines - length, "  %s\n", line);
}

/* --- the server and its table ----------------------------------------------------------------- */

static void start_faultd(void)
{
    char script[512], table[400];
    int64_t start_ms = 0;
    FILE *file = NULL;
    const char *source = getenv("OQ_SOURCE_DIR");
    snprintf(script, sizeof script, "%s/tests/support/faultd.py", source ? source : ".");
    snprintf(table, sizeof table, "%s/table.tsv", f.folder);
    snprintf(ca_file, sizeof ca_file, "%s/ca/ca.pem", f.folder);
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        freopen("/dev/null", "w", stdout);
        execlp("python3", "python3", script, "--dir", f.folder, (char *)NULL);
        _exit(127);
    }
    while (!(file = fopen(table, "r")))
        assert_true(fixture_patience(&start_ms, 60));
    while (count < ROWS_MAX &&
           fscanf(file, "%63[^\t]\t%255[^\t]\t%llu\t%15[^\t]\t%x\t%u\t%95[^\n]\n", rows[count].name,
                  rows[count].url, &rows[count].size_bytes, rows[count].outcome, &rows[count].win32,
                  &rows[count].http, rows[count].words) == 7)
        count++;
    assert_true(feof(file));
    fclose(file);
    snprintf(table, sizeof table, "%s/proxy", f.folder);
    file = fopen(table, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%299s", proxy_servers), 1);
    fclose(file);
}

static enum oq_status find_proxy(void *ctx, const char *url, struct oq_identity *as,
                                 uint32_t attempt, char **proxy, struct oq_error *err)
{
    char text[OQ_PROXY_MAX + 1];
    (void)ctx;
    (void)as;
    enum oq_status status =
        oq_proxy_choose(proxy_servers, "nosuchhost.invalid", url, attempt, text);
    if (status == OQ_OK)
        *proxy = oq_strdup(text);
    return status == OQ_OK ? OQ_OK : oq_error_set(err, status, "no proxy");
}

static enum oq_status prepare(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err)
{
    (void)ctx;
    (void)url;
    (void)as;
    if (curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) != CURLE_OK)
        return oq_error_set(err, OQ_E_NET, "the test's certificates cannot be set");
    return OQ_OK;
}

static const struct oq_network_port network = {.find_proxy = find_proxy, .prepare = prepare};

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    start_faultd();
    f.network = &network;
    f.config.background_groups = 64;
    f.config.connections_per_host = 64;
    f.config.retry_longest_ms = 1000;
    f.config.no_progress_ms = 9000;
    /* As in tests/e2e/faults.py: rows are silent for longer, but not for twice as long. */
    f.config.stall_timeout_ms = 3000;
    f.config.connect_timeout_ms = 2000;
    oq_log_set_sink(look_at_line, NULL);
    fixture_start(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    fixture_close(&f);
    oq_log_set_sink(NULL, NULL);
    return 0;
}

/* --- the test --------------------------------------------------------------------------------- */

static void start_row(unsigned i)
{
    struct oq_error err;
    struct oq_guid guid = fixture_guid(i + 1), job = fixture_guid(i + 1000001);
    struct oq_file_spec spec = {.remote = rows[i].url, .local = fixture_out(&f, rows[i].name)};
    oq_error_init(&err);
    if (oq_engine_create_group(f.engine, &f.admin, &guid, &rows[i].group, &err) != OQ_OK ||
        oq_engine_create_job(f.engine, &f.admin, rows[i].group, &job, &err) != OQ_OK ||
        oq_engine_add_files(f.engine, &f.admin, rows[i].group, &spec, 1, &err) != OQ_OK ||
        (rows[i].size_bytes && oq_engine_set_hash(f.engine, &f.admin, rows[i].group, 0, NULL,
                                                  rows[i].size_bytes, &err) != OQ_OK) ||
        oq_engine_resume(f.engine, &f.admin, rows[i].group, &err) != OQ_OK)
        fail_msg("%s: %s", rows[i].name, err.text);
}

static unsigned look_at_rows(void)
{
    unsigned open = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!rows[i].is_over) {
            rows[i].view = fixture_view(&f, rows[i].group);
            rows[i].is_over =
                rows[i].view.state == OQ_GROUP_COMPLETE || rows[i].view.state == OQ_GROUP_ERROR;
        }
        open += !rows[i].is_over;
    }
    return open;
}

/* Is it as the table says? Complains if not. */
static bool is_right(const struct row *row)
{
    const struct oq_group_view *view = &row->view;
    bool must_be_whole = strcmp(row->outcome, "complete") == 0;
    bool is_whole = view->state == OQ_GROUP_COMPLETE && fixture_is_same(&f, row->name, row->name);
    bool has_failed = view->state == OQ_GROUP_ERROR && view->error_win32 == row->win32 &&
                      view->error_http == row->http && view->error_text[0] &&
                      !fixture_out_exists(&f, row->name);
    bool was_said = __atomic_load_n(&row->was_said, __ATOMIC_ACQUIRE);
    if ((must_be_whole ? is_whole : has_failed) && was_said)
        return true;
    print_error("%s: wanted %s %x %u, is %s %x %u%s: %s%s%s%s\n", row->name, row->outcome,
                row->win32, row->http, oq_group_state_text(view->state), view->error_win32,
                view->error_http,
                view->state == OQ_GROUP_COMPLETE && !is_whole ? " and another file" : "",
                view->error_text, was_said ? "" : "; the log never said \"",
                was_said ? "" : row->words, was_said ? "" : "\"");
    print_error("%s", row->lines);
    return false;
}

static void download__every_fault_at_once__arrives_or_fails_as_documented(void **state)
{
    (void)state;
    int64_t start_ms = 0;
    unsigned wrong = 0;
    assert_true(count >= 60);
    for (unsigned i = 0; i < count; i++)
        start_row(i);
    while (look_at_rows() > 0 && fixture_patience(&start_ms, LIMIT_S))
        ;
    for (unsigned i = 0; i < count; i++)
        wrong += !is_right(&rows[i]);
    print_message("%u faults, %u not as documented\n", count, wrong);
    assert_int_equal(wrong, 0);
}

static void download__after_every_fault__leaves_no_temporary_file_once_cancelled(void **state)
{
    (void)state;
    struct oq_error err;
    for (unsigned i = 0; i < count; i++) {
        oq_error_init(&err);
        if (rows[i].view.state == OQ_GROUP_COMPLETE)
            continue;
        if (oq_engine_cancel(f.engine, &f.admin, rows[i].group, &err) != OQ_OK)
            fail_msg("%s: %s", rows[i].name, err.text);
    }
    assert_int_equal(fixture_temp_count(&f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(download__every_fault_at_once__arrives_or_fails_as_documented),
        cmocka_unit_test(download__after_every_fault__leaves_no_temporary_file_once_cancelled),
    };
    return cmocka_run_group_tests_name("net_faults", tests, setup, teardown);
}
