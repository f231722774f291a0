/* test_routes.c - several interfaces, no default route, and an interface that comes up later: in a
 * network namespace of its own, where only what the test makes is there. */
#include "engine_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SKIPPED 77

static int setup(void **state)
{
    static struct fixture f;
    fixture_open(&f);
    f.config.retry_first_ms = f.config.retry_longest_ms = 86400000;
    fixture_start(&f);
    fixture_serve(&f, "file.bin", 300000, 1);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static int64_t start(struct fixture *f, unsigned number, const char *address, const char *name)
{
    char url[100];
    struct oq_guid guid = fixture_guid(number), job = fixture_guid(number + 1000);
    struct oq_file_spec spec = {.remote = url, .local = fixture_out(f, name)};
    struct oq_error err;
    int64_t group = 0;
    oq_error_init(&err);
    snprintf(url, sizeof url, "http://%s:%d/file.bin", address, f->port);
    if (oq_engine_create_group(f->engine, &f->user, &guid, &group, &err) != OQ_OK ||
        oq_engine_create_job(f->engine, &f->user, group, &job, &err) != OQ_OK ||
        oq_engine_add_files(f->engine, &f->user, group, &spec, 1, &err) != OQ_OK ||
        oq_engine_resume(f->engine, &f->user, group, &err) != OQ_OK)
        fail_msg("%s: %s", url, err.text);
    return group;
}

static void interfaces__two_and_no_default_route__both_lead_to_servers(void **state)
{
    struct fixture *f = *state;
    int64_t one = start(f, 1, "10.77.1.1", "one"), two = start(f, 2, "10.77.2.1", "two");
    int64_t six = start(f, 3, "[fd77::1]", "six");
    fixture_wait(f, one, OQ_GROUP_COMPLETE);
    fixture_wait(f, two, OQ_GROUP_COMPLETE);
    fixture_wait(f, six, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "one", "file.bin"));
    assert_true(fixture_is_same(f, "two", "file.bin"));
    assert_true(fixture_is_same(f, "six", "file.bin"));
}

/* The next attempt would be a day later: it is the interface that makes it come now. */
static void interface__comes_up_later__is_used_at_once(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = 0, group = start(f, 1, "10.77.3.1", "file.bin");
    struct oq_group_view view = fixture_view(f, group);
    while (view.error_win32 == 0) {
        assert_true(fixture_patience(&start_ms, 30));
        view = fixture_view(f, group);
    }
    assert_int_equal(view.error_win32, 0x80200010);
    assert_int_equal(view.state, OQ_GROUP_ACTIVE);
    assert_non_null(strstr(view.error_text, "No network connection"));
    assert_int_equal(system("ip addr add 10.77.3.1/24 dev two"), 0);
    oq_engine_retry_now(f->engine);
    fixture_wait(f, group, OQ_GROUP_COMPLETE);
    assert_true(fixture_is_same(f, "file.bin", "file.bin"));
}

/* Two interfaces, no route beyond them. */
static bool make_network(void)
{
    return system("{ ip link set lo up && ip link add one type veth peer name two && "
                  "ip addr add 10.77.1.1/24 dev one && ip addr add 10.77.2.1/24 dev two && "
                  "ip addr add fd77::1/64 dev one nodad && ip link set one up && "
                  "ip link set two up && ! ip route | grep default; } >/dev/null 2>&1") == 0;
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(interfaces__two_and_no_default_route__both_lead_to_servers),
        TEST(interface__comes_up_later__is_used_at_once),
    };
    /* Once more, within a namespace. */
    if (argc == 1 && system("unshare -rn true 2>/dev/null") == 0)
        execlp("unshare", "unshare", "-rn", argv[0], "inside", (char *)NULL);
    if (argc == 1 || !make_network()) {
        puts(
            "skipped: no network namespace can be made here (user namespaces, or ip, are missing)");
        return SKIPPED;
    }
    setenv("OQ_TEST_SERVE", "::", 1);
    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
