/* config_int.h - reading one key, so that tests can use a key of their own. For config.c and
 * tests/win/test_config.c. */
#ifndef CONFIG_INT_H
#define CONFIG_INT_H

#include "oq_win_config.h"

#include <windows.h>

/* Reads root\path over what settings holds. A key that does not exist is OQ_OK. */
OQ_MUST_CHECK enum oq_status oq_win_settings_read(HKEY root, const wchar_t *path,
                                                  struct oq_win_settings *settings,
                                                  struct oq_error *err);

#endif
