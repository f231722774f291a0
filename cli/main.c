/* main.c - qmgrctl: reads its arguments and starts the command. */
#include "commands_int.h"

#include "console_int.h"
#include "oq_alloc.h"
#include "oq_utf.h"
#include "oq_version.h"

#include <shellapi.h>

#include <string.h>

struct words {
    char **list; /* with a NULL behind the last one */
    int count;
};

static void release_words(struct words *words)
{
    for (int i = 0; i < words->count; i++)
        oq_free(words->list[i]);
    oq_free(words->list);
    memset(words, 0, sizeof *words);
}

/* The arguments as UTF-8, read from the command line and not from main: the C library would give
 * them in the code page of the day, and would take the '?' of a URL for a wildcard. */
static bool read_words(struct words *words)
{
    int count = 0;
    LPWSTR *wide = CommandLineToArgvW(GetCommandLineW(), &count);
    bool is_good = wide != NULL;

    words->list = is_good ? oq_calloc((size_t)count + 1, sizeof *words->list) : NULL;
    is_good = is_good && words->list;
    while (is_good && words->count < count) {
        words->list[words->count] = oq_text_from_bstr(wide[words->count]);
        is_good = words->list[words->count] != NULL;
        words->count += is_good;
    }
    LocalFree(wide);
    if (!is_good)
        release_words(words);
    return is_good;
}

static int run(const struct oq_args *args)
{
    struct oq_client client;
    int status = OQ_EXIT_FAILED;

    if (args->command == OQ_COMMAND_LIMIT && !args->has_group)
        return oq_command_limit(NULL, args);
    if (args->command == OQ_COMMAND_PAUSE_ALL)
        return oq_command_pause_all(NULL, args);

    HRESULT hr = oq_client_open(&client, args->has_clsid ? &args->clsid : NULL);
    if (FAILED(hr)) {
        status = oq_client_report(NULL, hr);
        oq_client_close(&client);
        return status;
    }
    client.is_legacy = args->is_legacy;
    switch (args->command) {
    case OQ_COMMAND_GET:
        status = oq_command_get(&client, args);
        break;
    case OQ_COMMAND_LIST:
        status = oq_command_list(&client, args);
        break;
    case OQ_COMMAND_INFO:
        status = oq_command_info(&client, args);
        break;
    case OQ_COMMAND_SUSPEND:
    case OQ_COMMAND_RESUME:
    case OQ_COMMAND_CANCEL:
        status = oq_command_change(&client, args);
        break;
    case OQ_COMMAND_SET_URL:
        status = oq_command_set_url(&client, args);
        break;
    case OQ_COMMAND_EXPORT:
        status = oq_command_export(&client, args);
        break;
    case OQ_COMMAND_IMPORT:
        status = oq_command_import(&client, args);
        break;
    case OQ_COMMAND_WAIT:
        status = oq_command_wait(&client, args);
        break;
    case OQ_COMMAND_LIMIT:
        status = oq_command_limit(&client, args);
        break;
    case OQ_COMMAND_PAUSE_ALL:
    case OQ_COMMAND_HELP:
    case OQ_COMMAND_VERSION:
    case OQ_COMMAND_COUNT:
        break;
    }
    oq_client_close(&client);
    return status;
}

int main(void)
{
    struct words words = {0};
    struct oq_args args;
    char message[OQ_ARGS_MESSAGE];
    int status = OQ_EXIT_DONE;

    if (!read_words(&words)) {
        oq_console_error("the arguments are not valid Unicode, or there is not enough memory");
        return OQ_EXIT_USAGE;
    }
    if (oq_args_parse(words.count, words.list, &args, message) != OQ_OK) {
        oq_console_error("%s; 'qmgrctl --help' shows how it is used", message);
        status = OQ_EXIT_USAGE;
    } else if (args.command == OQ_COMMAND_HELP) {
        oq_console_print("%.*s", (int)strlen(oq_args_help()) - 1, oq_args_help());
    } else if (args.command == OQ_COMMAND_VERSION) {
        oq_console_print("qmgrctl " OQ_VERSION);
    } else {
        oq_console_init();
        status = run(&args);
    }
    release_words(&words);
    return status;
}
