/* test_url.c - service/core/url.c */
#include "test_unit.h"

#include "oq_alloc.h"
#include "oq_fault.h"
#include "oq_url.h"

#include <locale.h>

static enum oq_status check(const char *url, struct oq_error *err)
{
    oq_error_init(err);
    return oq_url_check(url, err);
}

/* Shows IBackgroundCopyJob1::FILESETINFO.bstrRemoteFile */
static void url__legal__is_accepted(void **state)
{
    (void)state;
    static const char *const legal[] = {
        "http://server/path/file.ext",
        "https://server/path/file.ext",
        "HTTP://server/",
        "hTTpS://SERVER",
        "http://a",
        "http://a.",
        "http://a?x",
        "http://server:80/f",
        "http://server:1/f",
        "http://server:65535/f",
        "http://server:00080/f",
        "http://server:/f", /* an empty port is the scheme's own (RFC 3986, 3.2.3) */
        "http://127.0.0.1/f",
        "http://0.0.0.0:8080/f",
        "http://255.255.255.255/f",
        "http://1.2.3.4x/f",
        "http://3com.example/f",
        "http://my_host-1.example/f",
        "http://xn--mnchen-3ya.example/f",
        "http://[::1]/f",
        "http://[::]/f",
        "http://[1::]/f",
        "http://[2001:db8::7]:8080/f",
        "http://[1:2:3:4:5:6:7:8]/f",
        "http://[1:2:3:4:5:6:7::]/f",
        "http://[::2:3:4:5:6:7:8]/f",
        "http://[::ffff:192.0.2.1]/f",
        "http://[1:2:3:4:5:6:192.0.2.1]/f",
        "http://[2001:DB8::ABCD]",
        "http://user@server/f",
        "http://user:password@server:8080/f",
        "http://us%40er:p%3Aw!$&'()*+,;=:x@server/f",
        "http://@server/f",
        "http://server/a%20b/%C3%A9%7e",
        "http://server/%00", /* what it means is the server's business */
        "http://server//a///b/./../c",
        "http://server/*", /* legal in RFC 3986, and not a wildcard to anyone */
        "http://server/a:b@c!$&'()*+,;=-._~",
        "http://server/f?",
        "http://server/f?a=b&c=d/e?f:@!$'()*+,;",
        "http://server/f?sig=%2B%2F%3D",
        "http://server?x=1",
    };
    struct oq_error err;

    for (size_t i = 0; i < COUNT_OF(legal); i++) {
        if (check(legal[i], &err) != OQ_OK)
            fail_msg("%s: %s", legal[i], err.text);
        assert_string_equal(err.text, "");
    }
}

/* {the URL, words of the sentence, the place in it (0: not looked at)} */
static const struct {
    const char *url, *words;
    unsigned at;
} illegal[] = {
    {"", "empty", 1},
    {"server/file", "http://", 1},
    {"//server/file", "http://", 1},
    {"http:/server/file", "http://", 1},
    {"http:server", "http://", 1},
    {"http", "http://", 1},
    {"ftp://server/file", "http://", 1},
    {"file:///C:/x", "http://", 1},
    {"javascript:alert(1)", "http://", 1},
    {"httpss://server/", "http://", 1},
    {"\\\\server\\share\\file", "http://", 1},
    {"C:\\file", "http://", 1},
    {" http://server/", "space", 1},
    {"http://", "host is missing", 8},
    {"https:///file", "host is missing", 9},
    {"http://?x", "host is missing", 8},
    {"http://:80/f", "host is missing", 8},
    {"http://user@/f", "host is missing", 13},
    {"http://user@:80/f", "host is missing", 13},
    {"http://.server/f", "dot", 8},
    {"http://a..b/f", "dot", 10},
    {"http://./f", "dot", 8},
    {"http://a../f", "dot", 10},
    {"http://ser%76er/f", "host name", 11},
    {"http://a,b/f", "host name", 9},
    {"http://*.example/f", "host name", 8},
    {"http://a\\b/f", "host name", 9},
    {"http://a|b/f", "host name", 9},
    {"http://a[::1]/f", "host name", 9},
    {"http://a@b@c/f", "host name", 11},
    {"http://us er@a/f", "space", 10},
    {"http://us%4@a/f", "percent", 10},
    {"http://us[er@a/f", "hexadecimal", 10},
    {"http://256.1.1.1/f", "IPv4", 8},
    {"http://1.2.3/f", "IPv4", 8},
    {"http://1.2.3.4.5/f", "IPv4", 8},
    {"http://1.2.3.4./f", "IPv4", 8},
    {"http://01.2.3.4/f", "IPv4", 8},
    {"http://1.2.3.0000/f", "IPv4", 8},
    {"http://12345/f", "IPv4", 8},
    {"http://a.1/f", "IPv4", 8},
    {"http://1.2.3.256/f", "IPv4", 8},
    {"http://0x7f000001/f", "IPv4", 8}, /* libcurl would go to 127.0.0.1 */
    {"http://0x7f.1/f", "IPv4", 8},
    {"http://0X7F.0x0.0x1/f", "IPv4", 8},
    {"http://[::1/f", "IPv6", 8},
    {"http://[]/f", "IPv6", 8},
    {"http://[:]/f", "IPv6", 8},
    {"http://[:1]/f", "IPv6", 8},
    {"http://[1:]/f", "IPv6", 8},
    {"http://[:::]/f", "IPv6", 8},
    {"http://[1:::2]/f", "IPv6", 8},
    {"http://[1::2::3]/f", "IPv6", 8},
    {"http://[1:2:3:4:5:6:7]/f", "IPv6", 8},
    {"http://[1:2:3:4:5:6:7:8:9]/f", "IPv6", 8},
    {"http://[1:2:3:4:5:6:7:8::]/f", "IPv6", 8},
    {"http://[::1:2:3:4:5:6:7:8]/f", "IPv6", 8},
    {"http://[1:2:3:4:5:6:7:1.2.3.4]/f", "IPv6", 8},
    {"http://[::1.2.3]/f", "IPv6", 8},
    {"http://[::1.2.3.4:5]/f", "IPv6", 8},
    {"http://[1.2.3.4]/f", "IPv6", 8},
    {"http://[12345::]/f", "IPv6", 8},
    {"http://[::g]/f", "IPv6", 8},
    {"http://[fe80::1%25eth0]/f", "IPv6", 8},
    {"http://[v1.x]/f", "IPv6", 8},
    {"http://[::1]x/f", "port", 8},
    {"http://[::1]80/f", "port", 8},
    {"http://[::1]@a/f", "hexadecimal", 8},
    {"http://server:0/f", "port", 8},
    {"http://server:000/f", "port", 8},
    {"http://server:65536/f", "port", 8},
    {"http://server:99999999999999999999999999/f", "port", 8},
    {"http://server:-1/f", "port", 8},
    {"http://server:8o/f", "port", 8},
    {"http://server:80:80/f", "port", 8},
    {"http://server:+80/f", "port", 8},
    {"http://server/a b", "space", 16},
    {"http://server/a\tb", "control", 16},
    {"http://server/a\r\nHost: x", "control", 16},
    {"http://server/a\x7f", "control", 16},
    {"http://server/\xc3\xa9", "ASCII", 15},
    {"http://\xc3\xa9/", "ASCII", 8},
    {"http://server/\"", "hexadecimal", 15},
    {"http://server/<", "hexadecimal", 15},
    {"http://server/>", "hexadecimal", 15},
    {"http://server/\\", "hexadecimal", 15},
    {"http://server/^", "hexadecimal", 15},
    {"http://server/`", "hexadecimal", 15},
    {"http://server/{", "hexadecimal", 15},
    {"http://server/|", "hexadecimal", 15},
    {"http://server/}", "hexadecimal", 15},
    {"http://server/[", "hexadecimal", 15},
    {"http://server/]", "hexadecimal", 15},
    {"http://server/f?a[0]=1", "hexadecimal", 18},
    {"http://server/%", "percent", 15},
    {"http://server/%4", "percent", 15},
    {"http://server/%4g", "percent", 15},
    {"http://server/%g4", "percent", 15},
    {"http://server/%%20", "percent", 15},
    {"http://server/50%/x", "percent", 17},
    {"http://server/f?a=%", "percent", 19},
    {"http://server/%2?x", "percent", 15},
    {"http://server/f#part", "#", 16},
    {"http://server/f?a#b", "#", 18},
    {"http://server#b", "#", 14},
};

static void url__illegal__is_refused_with_rule_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(illegal); i++) {
        struct oq_error err;
        char place[40];

        if (check(illegal[i].url, &err) != OQ_E_INVALID_ARG)
            fail_msg("accepted: %s", illegal[i].url);
        (void)snprintf(place, sizeof place, "(character %u)", illegal[i].at);
        if (!strstr(err.text, illegal[i].words) || !strstr(err.text, place))
            fail_msg("%s: wanted '%s' %s, is: %s", illegal[i].url, illegal[i].words, place,
                     err.text);
        assert_int_equal(err.status, OQ_E_INVALID_ARG);
        assert_int_equal(oq_url_check(illegal[i].url, NULL), OQ_E_INVALID_ARG);
    }
}

static void scheme__by_the_beginning__is_one_of_three(void **state)
{
    (void)state;
    assert_int_equal(oq_url_scheme("http://h"), OQ_URL_HTTP);
    assert_int_equal(oq_url_scheme("hTTpS://"), OQ_URL_HTTPS);
    assert_int_equal(oq_url_scheme("https:/h"), OQ_URL_OTHER);
    assert_int_equal(oq_url_scheme("httpx://h"), OQ_URL_OTHER);
    assert_int_equal(oq_url_scheme("C:\\http"), OQ_URL_OTHER);
    assert_int_equal(oq_url_scheme(""), OQ_URL_OTHER);
}

static void url__null__is_refused(void **state)
{
    struct oq_error err;
    char *text;

    (void)state;
    assert_int_equal(check(NULL, &err), OQ_E_INVALID_ARG);
    assert_string_not_equal(err.text, "");
    assert_null(oq_url_host_key(NULL));
    text = oq_url_redact(NULL);
    assert_string_equal(text, "(invalid URL)");
    oq_free(text);
    text = oq_url_file_name(NULL);
    assert_string_equal(text, "download");
    oq_free(text);
}

/* Every character by itself, in the four places where the sets differ. */
/* Shows IBackgroundCopyJob1::FILESETINFO.bstrRemoteFile */
static void url__every_character__is_legal_exactly_where_rfc_3986_says(void **state)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const struct {
        const char *format, *more;
    } places[] = {
        {"http://a%cb@h/", "!$&'()*+,;=:"},   /* user info */
        {"http://ha%cb/", ""},                /* host; ':' '/' '?' end it and are not tried */
        {"http://h/a%cb", "!$&'()*+,;=:@/?"}, /* path, and the start of the query */
        {"http://h/?a%cb", "!$&'()*+,;=:@/?"},
    };

    (void)state;
    for (size_t place = 0; place < COUNT_OF(places); place++) {
        for (int c = 1; c < 256; c++) {
            bool is_legal = strchr(unreserved, c) || strchr(places[place].more, c);
            char url[40];

            if (place < 2 && strchr("/?:@", c))
                continue;
            if (place == 0)
                (void)snprintf(url, sizeof url, "http://a%cb@h/", c);
            else if (place == 1)
                (void)snprintf(url, sizeof url, "http://ha%cb/", c);
            else if (place == 2)
                (void)snprintf(url, sizeof url, "http://h/a%cb", c);
            else
                (void)snprintf(url, sizeof url, "http://h/?a%cb", c);
            if ((oq_url_check(url, NULL) == OQ_OK) != is_legal)
                fail_msg("character %d in %s", c, places[place].format);
        }
    }
}

static char *url_of_length(size_t length)
{
    static char url[OQ_URL_MAX_CHARS + 10];

    memset(url, 'a', sizeof url);
    memcpy(url, "http://server/", 14);
    url[length] = '\0';
    return url;
}

static void url__of_2200_characters__is_accepted(void **state)
{
    (void)state;
    assert_int_equal(oq_url_check(url_of_length(2200), NULL), OQ_OK);
}

static void url__of_2201_characters__is_refused(void **state)
{
    struct oq_error err;

    (void)state;
    assert_int_equal(check(url_of_length(2201), &err), OQ_E_INVALID_ARG);
    assert_non_null(strstr(err.text, "2,200"));
}

static void host__at_the_lengths_of_dns__is_accepted_and_one_more_refused(void **state)
{
    char url[400], *host = url + 7;

    (void)state;
    strcpy(url, "http://");
    memset(host, 'a', 63);
    host[63] = '\0';
    assert_int_equal(oq_url_check(url, NULL), OQ_OK);
    strcpy(host + 63, ".b");
    assert_int_equal(oq_url_check(url, NULL), OQ_OK);
    strcpy(host + 63, "a");
    assert_int_equal(oq_url_check(url, NULL), OQ_E_INVALID_ARG);

    memset(host, 'a', 253);
    for (size_t i = 63; i < 253; i += 64)
        host[i] = '.';
    host[253] = '\0';
    assert_int_equal(oq_url_check(url, NULL), OQ_OK);
    strcpy(host + 253, ".");
    assert_int_equal(oq_url_check(url, NULL), OQ_OK);
    strcpy(host + 253, "a");
    assert_int_equal(oq_url_check(url, NULL), OQ_E_INVALID_ARG);
}

typedef char *make(const char *url);

static void assert_makes(make *function, const char *url, const char *wanted)
{
    char *text = function(url);

    if (!text || strcmp(text, wanted) != 0)
        fail_msg("%s: wanted %s, is %s", url, wanted, text ? text : "NULL");
    oq_free(text);
}

static void redact__of_a_url__leaves_out_user_query_and_nothing_else(void **state)
{
    (void)state;
    assert_makes(oq_url_redact, "http://server/a/b.zip", "http://server/a/b.zip");
    assert_makes(oq_url_redact, "HTTPS://me:secret@Server:8443/a?token=secret",
                 "https://Server:8443/a");
    assert_makes(oq_url_redact, "http://me@server?secret", "http://server/");
    assert_makes(oq_url_redact, "http://secret:@[::1]:/x?", "http://[::1]/x");
    assert_makes(oq_url_redact, "http://secret%40@s/%20?a/b?c", "http://s/%20");
    assert_makes(oq_url_redact, "http://s/a/./../b", "http://s/a/./../b");
}

static void redact__of_an_invalid_url__shows_nothing_of_it(void **state)
{
    (void)state;
    assert_makes(oq_url_redact, "ftp://me:secret@server/", "(invalid URL)");
    assert_makes(oq_url_redact, "http://me:secret@server/ x", "(invalid URL)");
    for (size_t i = 0; i < COUNT_OF(illegal); i++)
        assert_makes(oq_url_redact, illegal[i].url, "(invalid URL)");
}

static void host_key__of_a_url__is_lower_case_with_port(void **state)
{
    (void)state;
    assert_makes(oq_url_host_key, "http://Server/A", "server:80");
    assert_makes(oq_url_host_key, "HTTPS://me:x@SERVER.example", "server.example:443");
    assert_makes(oq_url_host_key, "http://server:8080?x", "server:8080");
    assert_makes(oq_url_host_key, "http://server:00080/", "server:80");
    assert_makes(oq_url_host_key, "https://server:/", "server:443");
    assert_makes(oq_url_host_key, "https://[2001:DB8::A]/", "[2001:db8::a]:443");
    assert_makes(oq_url_host_key, "http://[::1]:81/", "[::1]:81");
}

static void host_key__of_an_invalid_url__is_null(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(illegal); i++)
        assert_null(oq_url_host_key(illegal[i].url));
}

static void file_name__of_a_safe_segment__is_that_decoded(void **state)
{
    (void)state;
    assert_makes(oq_url_file_name, "http://s/a/setup.exe", "setup.exe");
    assert_makes(oq_url_file_name, "http://s/setup.exe?v=1/2", "setup.exe");
    assert_makes(oq_url_file_name, "http://s/a%20b%c3%A9.zip", "a b\xc3\xa9.zip");
    assert_makes(oq_url_file_name, "http://s/100%25.txt", "100%.txt");
    assert_makes(oq_url_file_name, "http://s/.profile", ".profile");
    assert_makes(oq_url_file_name, "http://s/x;v=1", "x;v=1");
}

static void file_name__that_is_none__is_download(void **state)
{
    static const char *const none[] = {"http://s", "http://s/", "http://s/a/", "http://s?x=y.zip",
                                       "not a url"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(none); i++)
        assert_makes(oq_url_file_name, none[i], "download");
}

/* Two of them on one server do not replace each other. */
static void file_name__that_windows_would_not_take__is_one_like_it(void **state)
{
    static const struct {
        const char *url, *name;
    } unsafe[] = {
        {"http://s/..", "._"},
        {"http://s/%2e%2e", "._"},
        {"http://s/.", "_"},
        {"http://s/dir%2Fone.bin", "dir_one.bin"},
        {"http://s/a%5Cb", "a_b"},
        {"http://s/..%5c..%5cx", ".._.._x"},
        {"http://s/two%3A2.bin", "two_2.bin"},
        {"http://s/a%00.txt", "a_.txt"},
        {"http://s/%00", "_"},
        {"http://s/a%0Ab", "a_b"},
        {"http://s/CON", "_CON"},
        {"http://s/aux.c", "_aux.c"},
        {"http://s/com1", "_com1"},
        {"http://s/a.", "a_"},
        {"http://s/a%20", "a_"},
        {"http://s/%20", "_"},
        {"http://s/a*", "a_"},
        {"http://s/%3Cx%3E%7C%22", "_x___"},
        {"http://s/a%ff", "a_"},
        {"http://s/%C0%AF", "__"},
        {"http://s/C%3Ax", "C_x"},
    };
    char url[400], name[201];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(unsafe); i++)
        assert_makes(oq_url_file_name, unsafe[i].url, unsafe[i].name);
    memset(url, 'a', sizeof url);
    memcpy(url, "http://s/", 9);
    url[9 + 255] = '\0';
    assert_makes(oq_url_file_name, url, url + 9);
    memcpy(url + 9 + 252, ".bin", 5);
    memset(name, 'a', 196);
    memcpy(name + 196, ".bin", 5);
    assert_makes(oq_url_file_name, url, name);
}

static void normalize__of_what_people_paste__can_be_requested(void **state)
{
    static const struct {
        const char *text, *url;
    } rows[] = {
        {"http://h/a", "http://h/a"},
        {" http://h/a\r\n", "http://h/a"},
        {"\thttps://h:1/a?b=c&d=%20 ", "https://h:1/a?b=c&d=%20"},
        {"<http://h/a>", "http://h/a"},
        {"http://h/a#part", "http://h/a"},
        {"http://h#part", "http://h"},
        {"http://h/a b c.bin", "http://h/a%20b%20c.bin"},
        {"http://h/[x]{y}|z^`\"\\<>", "http://h/%5Bx%5D%7By%7D%7Cz%5E%60%22%5C%3C%3E"},
        {"http://h/\xc3\xbc?\xc3\xa4=1 2", "http://h/%C3%BC?%C3%A4=1%202"},
        {"http://h/100%.txt", "http://h/100%25.txt"},
        {"http://h/%4", "http://h/%254"},
        {"http://h/%41%zz", "http://h/%41%25zz"},
        {"http://u:p@h?x[]=1", "http://u:p@h?x%5B%5D=1"},
        {"http://[::1]:80/[", "http://[::1]:80/%5B"},
        {"http://b\xc3\xbc"
         "cher.example/\xc3\xa4",
         "http://xn--bcher-kva.example/%C3%A4"},
    };

    (void)state;
#ifndef _WIN32
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8")); /* libidn2 goes by it */
#endif
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_makes(oq_url_normalize, rows[i].text, rows[i].url);
        assert_makes(oq_url_normalize, rows[i].url, rows[i].url);
        assert_int_equal(oq_url_check(rows[i].url, NULL), OQ_OK);
    }
    assert_makes(oq_url_normalize, "", "");
    assert_makes(oq_url_normalize, "  ", "");
    assert_makes(oq_url_normalize, " C:\\a#b ", "C:\\a#b"); /* none, and not made one */
    assert_makes(oq_url_normalize, "http://", "http://");
    assert_makes(oq_url_normalize, "http://h a/b c", "http://h a/b%20c"); /* stays refused */
}

#ifdef OQ_FAULT_INJECTION
static void url__without_memory__gives_null_and_loses_none(void **state)
{
    static make *const functions[] = {oq_url_redact, oq_url_host_key, oq_url_file_name,
                                      oq_url_normalize};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        oq_fault_arm(OQ_FAULT_ALLOC, 1, true);
        char *text = functions[i]("http://s/CON");
        oq_fault_arm(OQ_FAULT_ALLOC, 0, false);
        assert_null(text);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url__legal__is_accepted),
        cmocka_unit_test(url__illegal__is_refused_with_rule_and_place),
        cmocka_unit_test(scheme__by_the_beginning__is_one_of_three),
        cmocka_unit_test(url__null__is_refused),
        cmocka_unit_test(url__every_character__is_legal_exactly_where_rfc_3986_says),
        cmocka_unit_test(url__of_2200_characters__is_accepted),
        cmocka_unit_test(url__of_2201_characters__is_refused),
        cmocka_unit_test(host__at_the_lengths_of_dns__is_accepted_and_one_more_refused),
        cmocka_unit_test(redact__of_a_url__leaves_out_user_query_and_nothing_else),
        cmocka_unit_test(redact__of_an_invalid_url__shows_nothing_of_it),
        cmocka_unit_test(host_key__of_a_url__is_lower_case_with_port),
        cmocka_unit_test(host_key__of_an_invalid_url__is_null),
        cmocka_unit_test(file_name__of_a_safe_segment__is_that_decoded),
        cmocka_unit_test(file_name__that_is_none__is_download),
        cmocka_unit_test(file_name__that_windows_would_not_take__is_one_like_it),
        cmocka_unit_test(normalize__of_what_people_paste__can_be_requested),
#ifdef OQ_FAULT_INJECTION
        cmocka_unit_test(url__without_memory__gives_null_and_loses_none),
#endif
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
