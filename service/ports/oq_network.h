/* oq_network.h - port: what the operating system knows about the network.
 *
 * prepare is called on the engine thread and must not block; find_proxy on a disk worker, and may.
 */
#ifndef OQ_NETWORK_H
#define OQ_NETWORK_H

#include "oq_identity.h"

struct oq_network_port {
    void *ctx;
    /* Which proxy leads to that URL for the user `as`: a new string (oq_free) for curl, "" for
     * none. Of several the attempt-th is taken (0, 1, ...). May be NULL: then curl looks into the
     * environment, as for every status but OQ_OK; *proxy is not written then. */
    enum oq_status (*find_proxy)(void *ctx, const char *url, struct oq_identity *as,
                                 uint32_t attempt, char **proxy, struct oq_error *err);
    /* Sets on a curl easy handle (CURL *, passed as void * so that ports stay free of curl) what
     * depends on the system: root certificates, revocation. Called before each transfer starts. */
    enum oq_status (*prepare)(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err);
};

#endif
