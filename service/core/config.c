/* config.c - defaults and ranges. Pure. */
#include "oq_config.h"

#include "oq_ascii.h"

#include <inttypes.h>
#include <string.h>

static const struct oq_config_item items[] = {
#define ITEM(field, name, standard, lowest, highest, meaning)                                      \
    {name, standard, lowest, highest, meaning},
    OQ_CONFIG_NUMBERS(ITEM)
#undef ITEM
};

#define ITEM_COUNT (sizeof items / sizeof items[0])

/* Positions in `items`: both come from the one list. */
enum item_index {
#define INDEX(field, name, standard, lowest, highest, meaning) INDEX_##field,
    OQ_CONFIG_NUMBERS(INDEX)
#undef INDEX
};

static int64_t *field_at(struct oq_config *config, size_t index)
{
    switch (index) {
#define FIELD(field, name, standard, lowest, highest, meaning)                                     \
    case INDEX_##field:                                                                            \
        return &config->field;
        OQ_CONFIG_NUMBERS(FIELD)
#undef FIELD
    default:
        return NULL;
    }
}

void oq_config_init(struct oq_config *config)
{
    for (size_t i = 0; i < ITEM_COUNT; i++)
        *field_at(config, i) = items[i].standard;
}

enum oq_status oq_config_set(struct oq_config *config, const char *name, int64_t value,
                             struct oq_error *err)
{
    for (size_t i = 0; name && i < ITEM_COUNT; i++) {
        const struct oq_config_item *item = &items[i];
        if (!oq_ascii_is_word(name, strlen(name), item->name))
            continue;
        if (value < item->lowest || value > item->highest)
            return oq_error_set(err, OQ_E_INVALID_ARG,
                                "%s must be from %" PRId64 " to %" PRId64 ", not %" PRId64,
                                item->name, item->lowest, item->highest, value);
        *field_at(config, i) = value;
        return OQ_OK;
    }
    return oq_error_set(err, OQ_E_NOT_FOUND, "there is no setting called \"%s\"", name ? name : "");
}

const struct oq_config_item *oq_config_items(size_t *count)
{
    *count = ITEM_COUNT;
    return items;
}
