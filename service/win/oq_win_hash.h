/* oq_win_hash.h - the hash port over CNG, Windows' cryptography (bcrypt.dll). */
#ifndef OQ_WIN_HASH_H
#define OQ_WIN_HASH_H

#include "oq_hash.h"

/* Static; its providers are opened at first use and stay open. */
const struct oq_hash_port *oq_win_hash_port(void);

#endif
