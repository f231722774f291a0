/* methods.h - every method that asks the engine, called with good arguments, so that what holds for
 * all of them is shown for each: refusals, failures, missing memory, stop.
 */
#ifndef METHODS_H
#define METHODS_H

#include "com_fixture.h"

struct method {
    const char *name;
    /* Calls it with outputs full of nonsense. *is_empty: did all of them come back NULL, 0 or
     * VT_EMPTY? What they hold is released. */
    HRESULT (*call)(struct fixture *fixture, bool *is_empty);
    bool needs_memory;           /* allocates on our side, so that the n-th allocation can fail */
    enum fake_function engine;   /* the first thing it asks */
    bool answers_when_forgotten; /* get_GroupID and get_JobID: OQ_E_NOT_FOUND of the engine is no
                                    failure */
};

extern const struct method methods[];
extern const size_t method_count;

#endif
