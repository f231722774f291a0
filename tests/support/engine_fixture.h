/* engine_fixture.h - a native engine on real files, a real database and a real web server, for
 * tests/engine and tests/fault.
 *
 * fixture_open makes an own folder with www/ (what the server serves), out/ (destinations) and
 * queue.db, and starts tests/support/httpd.py. Everything waits with a limit and fails the test
 * when it is reached.
 */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include "oq_engine.h"

#include <sys/types.h>

struct fixture {
    char folder[256];
    pid_t server;
    int port;
    struct oq_config config;      /* short delays; change it before fixture_start */
    const struct oq_clock *clock; /* the system's, unless a test turns it */
    const struct oq_file_port *files;
    const struct oq_network_port *network;   /* NULL, unless a test has certificates or names */
    const struct oq_identity_port *identity; /* NULL: nobody has rights of their own */
    const char *auth_hosts;                  /* or NULL */
    const char *vfs;
    const struct oq_link_port *link; /* NULL: nothing to throttle */
    int64_t backup_ms;               /* between two backup copies; 0 = as in the service */
    struct oq_engine *engine;
    struct oq_caller user, other, admin;
};

void fixture_open(struct fixture *f);  /* folder and server, no engine yet */
void fixture_close(struct fixture *f); /* stops all, removes the folder */
void fixture_start(struct fixture *f); /* engine on the folder's database */
void fixture_stop(struct fixture *f);  /* orderly; the database stays */
enum oq_status fixture_try_start(struct fixture *f, struct oq_error *err);

/* www/<name> with `size` bytes that depend on `seed`. */
void fixture_serve(struct fixture *f, const char *name, uint64_t size, unsigned seed);
/* http://127.0.0.1:port/<rest>; static buffer of 8. */
const char *fixture_url(struct fixture *f, const char *rest);
/* folder/out/<name>; static buffer of 8. */
const char *fixture_out(struct fixture *f, const char *name);
/* Is out/<name> byte for byte www/<served>? */
bool fixture_is_same(struct fixture *f, const char *name, const char *served);
bool fixture_out_exists(struct fixture *f, const char *name);
/* Files in out/ that look like temporary ones. */
unsigned fixture_temp_count(struct fixture *f);
/* Requests in the server's log that contain both words. */
unsigned fixture_requests(struct fixture *f, const char *word, const char *other);
/* There are `count` of them: waits for that, as the server logs a request when it is over, which
 * can be after its bytes have arrived. */
void fixture_expect_requests(struct fixture *f, const char *word, const char *other,
                             unsigned count);

struct oq_guid fixture_guid(unsigned number);
/* Group with a job and one file per (rest of URL, name in out/); returns its id. */
int64_t fixture_group(struct fixture *f, unsigned number, unsigned count,
                      const char *const (*files)[2]);
struct oq_group_view fixture_view(struct fixture *f, int64_t group);
/* Until the group is in that state; fails the test after 30 s, or at once if it is in ERROR and
 * that was not asked for. */
struct oq_group_view fixture_wait(struct fixture *f, int64_t group, enum oq_group_state state);
/* Until at least so many bytes have arrived. */
struct oq_group_view fixture_wait_bytes(struct fixture *f, int64_t group, uint64_t bytes);
/* True every few milliseconds until `seconds` have passed since the first call with *start_ms == 0.
 */
bool fixture_patience(int64_t *start_ms, int seconds);

#endif
