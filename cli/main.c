/* main.c - qmgrctl: reads its arguments and starts the command. */
#include "client_int.h"

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

/* The arguments as UTF-8, read from the command line and not from main: the C library would convert
 * them to the current code page and expand the '?' of a URL as a wildcard. */
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
    static int (*const functions[])(struct oq_client *, const struct oq_args *) = {
#define COMMAND(ID, name, function, ...) [OQ_COMMAND_##ID] = oq_command_##function,
#include "commands.def"
#undef COMMAND
    };
    struct oq_client client;
    int status;

    HRESULT hr = oq_client_open(&client, args->has_clsid ? &args->clsid : NULL);
    client.is_legacy = args->is_legacy;
    if (FAILED(hr))
        status = oq_client_report(NULL, hr);
    else
        status = functions[args->command](&client, args);
    oq_client_close(&client);
    return status;
}

/* Prints a text of several lines and frees it. */
static int print_text(char *text)
{
    size_t length;

    for (const char *line = text; line && *line; line += length + 1) {
        length = strcspn(line, "\n");
        oq_console_print("%.*s", (int)length, line);
    }
    oq_free(text);
    return OQ_EXIT_DONE;
}

int oq_command_completion(struct oq_client *client, const struct oq_args *args)
{
    (void)client;
    return print_text(oq_args_completion(args->shell));
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
        print_text(oq_args_help(args.help_of));
    } else if (args.command == OQ_COMMAND_VERSION) {
        oq_console_print("qmgrctl " OQ_VERSION);
    } else {
        oq_console_init();
        status = run(&args);
    }
    release_words(&words);
    return status;
}
