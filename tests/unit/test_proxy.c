/* test_proxy.c - service/core/proxy.c: the lists that Windows and NO_PROXY know. */
#include "test_unit.h"

#include "oq_proxy.h"

static const char *choose(const char *servers, const char *bypass, const char *url,
                          uint32_t attempt)
{
    static char proxy[OQ_PROXY_MAX + 1];
    memset(proxy, 'x', sizeof proxy - 1);
    assert_int_equal(oq_proxy_choose(servers, bypass, url, attempt, proxy), OQ_OK);
    return proxy;
}

static void proxy__in_each_form__is_a_url(void **state)
{
    static const char *const rows[][2] = {
        {"proxy:8080", "http://proxy:8080"},
        {"http://proxy:8080", "http://proxy:8080"},
        {"HTTP://Proxy:8080", "http://Proxy:8080"},
        {"https://proxy:443", "https://proxy:443"},
        {"socks5h://proxy", "socks5h://proxy"},
        {"http=proxy:8080;https=other:8081", "http://proxy:8080"},
        {"https=other:8081;http=http://proxy:1", "http://proxy:1"},
        {"https=other:8081", ""},
        {"all=proxy:3", "http://proxy:3"},
        {" ; proxy:1 ", "http://proxy:1"},
        {"http://user:pass=word@proxy:1", "http://user:pass=word@proxy:1"},
        {"direct", ""},
        {"DIRECT", ""},
        {"", ""},
        {NULL, ""},
        {"ftp://proxy:21", ""},
        {"http://", ""},
        {"ftp=proxy:21", ""},
        {"http://\x7f\x01", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(choose(rows[i][0], NULL, "http://server/", 0), rows[i][1]);
    assert_string_equal(choose("http=a:1;https=b:2", NULL, "HTTPS://server/", 0), "http://b:2");
}

static void proxies__several__are_tried_in_order(void **state)
{
    static const char list[] = "one:1;two:2 three:3";
    (void)state;
    assert_string_equal(choose(list, "", "http://server/", 0), "http://one:1");
    assert_string_equal(choose(list, "", "http://server/", 1), "http://two:2");
    assert_string_equal(choose(list, "", "http://server/", 2), "http://three:3");
    assert_string_equal(choose(list, "", "http://server/", 3), "http://one:1");
    assert_string_equal(choose("one:1;direct", "", "http://server/", 1), "");
}

static void bypass__each_form__holds_for_its_hosts_only(void **state)
{
    static const struct {
        const char *bypass, *url;
        bool is_direct;
    } rows[] = {
        {"", "http://server/", false},
        {NULL, "http://server/", false},
        {"server", "http://server/", true},
        {"SERVER", "http://server/", true},
        {"serve", "http://server/", false},
        {"a;b,server c", "http://server/", true},
        {"server:80", "http://server/", true},
        {"server:443", "https://server/", true},
        {"server:8080", "http://server/", false},
        {"<local>", "http://server/", true},
        {"<local>", "http://server.example/", false},
        {"<local>", "http://[fe80::1]/", false},
        {"*.example", "http://www.example/", true},
        {"*.example", "http://example/", false},
        {".example", "http://www.example/", true},
        {".example", "http://example/", true},
        {"example", "http://www.example/", true},
        {"example", "http://wwwexample/", false},
        {"10.*", "http://10.1.2.3/", true},
        {"10.*", "http://110.1.2.3/", false},
        {"2.3", "http://10.1.2.3/", false},
        {"10.1.2.3", "http://10.1.2.3:8080/", true},
        {"[fe80::1]", "http://[fe80::1]:8080/", true},
        {"fe80::1", "http://[FE80::1]/", true},
        {"[fe80::1]:81", "http://[fe80::1]/", false},
        {"*", "http://anything.example/", true},
        {"a*b*c", "http://axxbyyc/", true},
        {"a*b*c", "http://axxbyy/", false},
        {"", "http://localhost/", true},
        {"", "http://127.0.0.1:99/", true},
        {"", "http://[::1]/", true},
        {"", "http://127.example/", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((choose("p:1", rows[i].bypass, rows[i].url, 0)[0] == '\0') != rows[i].is_direct)
            fail_msg("%s for %s", rows[i].bypass, rows[i].url);
    }
}

static void choose__no_url__is_refused_and_writes_nothing(void **state)
{
    char proxy[OQ_PROXY_MAX + 1] = "before";
    (void)state;
    assert_int_equal(oq_proxy_choose("p:1", "", "ftp://x/", 0, proxy), OQ_E_INVALID_ARG);
    assert_string_equal(proxy, "before");
}

static void proxy__too_long__does_not_count(void **state)
{
    char list[2 * OQ_PROXY_MAX];
    (void)state;
    memset(list, 'a', sizeof list - 1);
    list[sizeof list - 1] = '\0';
    assert_string_equal(choose(list, "", "http://server/", 0), "");
    memcpy(list + sizeof list - 8, ";b:1", 5);
    assert_string_equal(choose(list, "", "http://server/", 0), "http://b:1");
}

static void user__of_a_proxy__has_a_name(void **state)
{
    (void)state;
    assert_true(oq_proxy_has_user("http://user:word@proxy:1"));
    assert_true(oq_proxy_has_user("http://user@proxy:1"));
    assert_false(oq_proxy_has_user("http://:word@proxy:1"));
    assert_false(oq_proxy_has_user("http://:@proxy:1"));
    assert_false(oq_proxy_has_user("http://@proxy:1"));
    assert_false(oq_proxy_has_user("http://proxy:1"));
    assert_false(oq_proxy_has_user("http://server/name@version"));
    assert_false(oq_proxy_has_user(""));
}

static void list__of_hosts__has_those_that_are_written_there(void **state)
{
    (void)state;
    const char *list = "*.corp.example; build:8080 .near.example,LOCALHOST";
    assert_true(oq_proxy_is_listed(list, "https://a.corp.example/x"));
    assert_true(oq_proxy_is_listed(list, "http://build:8080/"));
    assert_true(oq_proxy_is_listed(list, "http://build:8080"));
    assert_false(oq_proxy_is_listed(list, "http://build/"));
    assert_true(oq_proxy_is_listed(list, "http://near.example/"));
    assert_true(oq_proxy_is_listed(list, "http://localhost:81/"));
    assert_false(oq_proxy_is_listed(list, "http://127.0.0.1/"));
    assert_false(oq_proxy_is_listed(list, "http://corp.example.evil/"));
    assert_false(oq_proxy_is_listed(list, "http://evil/?a.corp.example"));
    assert_false(oq_proxy_is_listed(list, "http://a.corp.example@evil/"));
    assert_false(oq_proxy_is_listed("127.0.0.1", "socks5://127.0.0.1:1"));
    assert_false(oq_proxy_is_listed("*", ""));
    assert_false(oq_proxy_is_listed("", "http://localhost/"));
    assert_false(oq_proxy_is_listed(NULL, "http://localhost/"));
}

static void person__accounts_of_the_system__are_none(void **state)
{
    (void)state;
    assert_true(oq_proxy_is_person("S-1-5-21-1-2-3-1001"));
    assert_true(oq_proxy_is_person("S-1-12-1-1-2-3-4"));
    assert_false(oq_proxy_is_person("S-1-5-18"));
    assert_false(oq_proxy_is_person("S-1-5-19"));
    assert_false(oq_proxy_is_person("S-1-5-20"));
    assert_false(oq_proxy_is_person("S-1-5-80-1-2-3"));
    assert_false(oq_proxy_is_person(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxy__in_each_form__is_a_url),
        cmocka_unit_test(proxies__several__are_tried_in_order),
        cmocka_unit_test(bypass__each_form__holds_for_its_hosts_only),
        cmocka_unit_test(choose__no_url__is_refused_and_writes_nothing),
        cmocka_unit_test(proxy__too_long__does_not_count),
        cmocka_unit_test(user__of_a_proxy__has_a_name),
        cmocka_unit_test(list__of_hosts__has_those_that_are_written_there),
        cmocka_unit_test(person__accounts_of_the_system__are_none),
    };
    return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
