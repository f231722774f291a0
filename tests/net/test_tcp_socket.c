/* test_tcp_socket.c - service/net/tcp_socket.c: what connections are made with. */
#include "tcp_socket_int.h"

#include "oq_window_controller.h"
#include "test_unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listening socket at 127.0.0.n. */
static int listen_at(unsigned n, int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + n)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* What a background connection to there is made with, and that its buffer is at least as large. */
static uint64_t made_with(struct oq_tcp_sockets *sockets, unsigned n, int port)
{
    char url[64];
    int buffer = 0;
    socklen_t size = sizeof buffer;
    CURL *easy = curl_easy_init();
    snprintf(url, sizeof url, "http://127.0.0.%u:%d/", n, port);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_URL, url), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_PROXY, ""), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L), CURLE_OK);
    assert_true(oq_tcp_socket_prepare(easy, sockets, true));
    assert_int_equal(curl_easy_perform(easy), CURLE_OK);
    int64_t found = oq_tcp_socket_find(sockets, easy);
    assert_true(found >= 0);
    assert_int_equal(getsockopt((int)found, SOL_SOCKET, SO_RCVBUF, &buffer, &size), 0);
    uint64_t made = oq_tcp_sockets_made_with(sockets, found);
    print_message("made with %u, buffer %d\n", (unsigned)made, buffer);
    curl_easy_cleanup(easy);
    return made;
}

static void background_connection__to_a_far_peer__is_made_with_a_larger_window(void **state)
{
    (void)state;
    int ports[2], listening[2] = {listen_at(1, &ports[0]), listen_at(2, &ports[1])};
    struct oq_tcp_sockets *sockets = oq_tcp_sockets_new();
    assert_int_equal(made_with(sockets, 1, ports[0]), OQ_WINDOW_MOST);
    oq_tcp_sockets_set_background(sockets, "127.0.0.1", OQ_WINDOW_FAR_MOST);
    assert_int_equal(made_with(sockets, 1, ports[0]), OQ_WINDOW_FAR_MOST);
    assert_int_equal(made_with(sockets, 2, ports[1]), OQ_WINDOW_MOST); /* another one's as before */
    /* Windows are not set any more: no connection is made with much. */
    oq_tcp_sockets_set_background(sockets, NULL, OQ_WINDOW_BEGIN(OQ_WINDOW_MOST));
    assert_int_equal(made_with(sockets, 1, ports[0]), OQ_WINDOW_BEGIN(OQ_WINDOW_MOST));
    assert_int_equal(made_with(sockets, 2, ports[1]), OQ_WINDOW_BEGIN(OQ_WINDOW_MOST));
    oq_tcp_sockets_free(sockets);
    close(listening[0]);
    close(listening[1]);
}

static void background_connections__to_more_peers_than_are_kept__the_last_ones_count(void **state)
{
    (void)state;
    int port = 0, listening = listen_at(1, &port);
    struct oq_tcp_sockets *sockets = oq_tcp_sockets_new();
    char address[32];
    oq_tcp_sockets_set_background(sockets, "127.0.0.1", OQ_WINDOW_FAR_MOST);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(address, sizeof address, "192.0.2.%u", i);
        oq_tcp_sockets_set_background(sockets, address, OQ_WINDOW_FAR_MOST);
    }
    assert_int_equal(made_with(sockets, 1, port), OQ_WINDOW_MOST);
    oq_tcp_sockets_set_background(sockets, "127.0.0.1", OQ_WINDOW_FAR_MOST);
    assert_int_equal(made_with(sockets, 1, port), OQ_WINDOW_FAR_MOST);
    oq_tcp_sockets_free(sockets);
    close(listening);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(background_connection__to_a_far_peer__is_made_with_a_larger_window),
        cmocka_unit_test(background_connections__to_more_peers_than_are_kept__the_last_ones_count),
    };
    return cmocka_run_group_tests_name("tcp_socket", tests, NULL, NULL);
}
