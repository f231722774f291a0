/* oq_network.h - port: what the operating system knows about the network.
 *
 * Called on the engine thread; must not block.
 */
#ifndef OQ_NETWORK_H
#define OQ_NETWORK_H

#include "oq_identity.h"

struct oq_network_port {
    void *ctx;
    /* Sets on a curl easy handle (CURL *, passed as void * so that ports stay free of curl) what
     * depends on the system: root certificates, revocation, proxy. Called before each transfer
     * starts. */
    enum oq_status (*prepare)(void *ctx, void *easy, const char *url, struct oq_identity *as,
                              struct oq_error *err);
};

#endif
