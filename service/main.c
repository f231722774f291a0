/* main.c - reads the arguments of qmgrsvc and nothing else. Exit codes: 0 done, 1 failed with a
 * sentence on stderr, 2 usage. */
#include "oq_alloc.h"
#include "oq_host.h"
#include "oq_utf.h"
#include "oq_version.h"
#include "oq_win_data.h"
#include "oq_win_config.h"
#include "oq_win_install.h"
#include "oq_win_support.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>

#define SERVICE_NAME "OpenQMGR"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "OpenQMGR " OQ_VERSION ", the service that downloads in the background\n"
    "\n"
    "usage: qmgrsvc install [--legacy] [--force]   register the service and its interfaces (as "
    "administrator)\n"
    "       qmgrsvc uninstall [--purge]   stop and remove them; --purge: the queue as well\n"
    "       qmgrsvc run [--data FOLDER]   serve in the foreground, to look for faults; Ctrl-C "
    "stops "
    "it\n"
    "       qmgrsvc --version | --help\n"
    "\n"
    "  --legacy   take the class of the old BITS interface from its owner, until uninstall\n"
    "  --force    also from a folder that others than administrators may change\n"
    "  --data     folder of the queue and the log (default: as configured, else "
    "%ProgramData%\\OpenQMGR)\n"
    "\n"
    "Without arguments it is what the service control manager starts.\n"
    "Configuration: registry, HKEY_LOCAL_MACHINE\\SOFTWARE\\OpenQMGR.\n";

static void print(bool is_error, const char *fmt, ...) OQ_PRINTF(2, 3);
static void print(bool is_error, const char *fmt, ...)
{
    char text[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    oq_win_print(is_error, text);
}

static int fail_usage(const char *sentence)
{
    print(true, "qmgrsvc: %s\n\n%s", sentence, usage);
    return EXIT_USAGE;
}

static int fail_unknown(const char *word)
{
    char sentence[300];
    snprintf(sentence, sizeof sentence, "what is \"%s\"?", word);
    return fail_usage(sentence);
}

static int fail(const struct oq_error *err, enum oq_status status)
{
    print(true, "qmgrsvc: %s\n", err->text[0] ? err->text : oq_status_name(status));
    return EXIT_FAILED;
}

/* --- hardening -------------------------------------------------------------------------------- */

/* For every mode: DLLs come from Windows' own folder, and a damaged heap ends the process. */
static void harden(void)
{
    SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
    SetDllDirectoryW(L"");
    HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0);
    SetErrorMode(
        SEM_FAILCRITICALERRORS); /* no question box about an empty drive: no user would see it */
}

/* For the service: no code from other programs' hooks or from shares, and no child processes, ever.
 * Older systems refuse what they do not know, which leaves them as they were. */
static void harden_service(void)
{
    PROCESS_MITIGATION_EXTENSION_POINT_DISABLE_POLICY extensions = {.DisableExtensionPoints = 1};
    PROCESS_MITIGATION_IMAGE_LOAD_POLICY images = {.NoRemoteImages = 1,
                                                   .NoLowMandatoryLabelImages = 1};
    PROCESS_MITIGATION_CHILD_PROCESS_POLICY children = {.NoChildProcessCreation = 1};
    SetProcessMitigationPolicy(ProcessExtensionPointDisablePolicy, &extensions, sizeof extensions);
    SetProcessMitigationPolicy(ProcessImageLoadPolicy, &images, sizeof images);
    SetProcessMitigationPolicy(ProcessChildProcessPolicy, &children, sizeof children);
}

/* --- the modes -------------------------------------------------------------------------------- */

/* Ends the process with that code when parts of it cannot be ended in order. */
static int leave(struct oq_host *host, int code)
{
    if (!oq_host_is_whole(host))
        TerminateProcess(GetCurrentProcess(), (UINT)code);
    oq_host_free(host);
    return code;
}

static int serve(void)
{
    struct oq_host_options options = {.is_console = false};
    struct oq_error err;
    uint32_t exit_code = 0;
    struct oq_host *host = oq_host_new(&options);
    oq_error_init(&err);
    if (!host)
        return EXIT_FAILED;
    harden_service();
    enum oq_status status =
        oq_win_scm_run_service(SERVICE_NAME, oq_host_get_hosted(host), &exit_code, &err);
    if (status == OQ_E_NOT_SUPPORTED) {
        oq_host_free(host);
        return fail_usage(
            "without arguments it can only be started by the service control manager");
    }
    if (status != OQ_OK) {
        oq_host_free(host);
        return fail(&err, status);
    }
    return leave(host, exit_code == 0 ? EXIT_DONE : EXIT_FAILED);
}

static int run(const char *data_folder)
{
    struct oq_host_options options = {.is_console = true, .data_folder = data_folder};
    struct oq_error err;
    struct oq_host *host = oq_host_new(&options);
    oq_error_init(&err);
    if (!host)
        return EXIT_FAILED;
    harden_service();
    /* What went wrong was logged, in the foreground to stderr. */
    enum oq_status status = oq_win_scm_run_console(oq_host_get_hosted(host), &err);
    return leave(host, status == OQ_OK ? EXIT_DONE : EXIT_FAILED);
}

static void print_sentence(void *ctx, const char *sentence)
{
    (void)ctx;
    print(false, "%s\n", sentence);
}

/* What a plan's names lie in. */
struct names {
    char *program, *dll, *dll_32;
};

static void names_release(struct names *names)
{
    oq_free(names->program);
    oq_free(names->dll);
    oq_free(names->dll_32);
}

static enum oq_status make_plan(struct oq_win_plan *plan, struct names *names, struct oq_error *err)
{
    enum oq_status status = oq_win_program_path(&names->program, err);
    if (status == OQ_OK)
        status = oq_win_beside_program("qmgrps.dll", &names->dll, err);
    if (status == OQ_OK && sizeof(void *) == 8)
        status = oq_win_beside_program("qmgrps32.dll", &names->dll_32, err);
    *plan = (struct oq_win_plan){
        .name = SERVICE_NAME,
        .display_name = "Open Queue Manager (background downloads)",
        .description =
            "Downloads files in the background for other programs, and goes on after restarts and "
            "network failures. If it is stopped, such downloads wait.",
        .program = names->program,
        .proxy_dll = names->dll,
        .proxy_dll_32 = names->dll_32,
        .event_source = SERVICE_NAME,
    };
    return status;
}

static int install(bool takes_legacy, bool is_forced)
{
    struct oq_win_plan plan;
    struct oq_error err;
    struct names names = {0};
    oq_error_init(&err);
    enum oq_status status = make_plan(&plan, &names, &err);
    if (status == OQ_OK) {
        plan.takes_legacy = takes_legacy;
        plan.is_forced = is_forced;
        status = oq_win_install(&plan, print_sentence, NULL, &err);
    }
    names_release(&names);
    if (status != OQ_OK)
        return fail(&err, status);
    print(false,
          "OpenQMGR is installed. It starts with Windows, or when it is first needed; now: sc.exe "
          "start " SERVICE_NAME "\n");
    return EXIT_DONE;
}

static enum oq_status purge(struct oq_error *err)
{
    struct oq_win_settings settings;
    char *standard = NULL;
    bool is_gone = false;
    oq_win_settings_init(&settings);
    enum oq_status status = oq_win_settings_load(&settings, err);
    if (status == OQ_OK)
        status = oq_win_data_default(&standard, err);
    if (status == OQ_OK) {
        const char *folder = settings.data_folder ? settings.data_folder : standard;
        status = oq_win_data_purge(folder, &is_gone, err);
        if (status == OQ_OK)
            print(false,
                  is_gone ? "data folder %s: removed\n"
                          : "data folder %s: emptied; other files in it were kept\n",
                  folder);
    }
    oq_free(standard);
    oq_win_settings_release(&settings);
    return status;
}

static int uninstall(bool is_purged)
{
    struct oq_win_plan plan;
    struct oq_error err;
    struct names names = {0};
    oq_error_init(&err);
    enum oq_status status = make_plan(&plan, &names, &err);
    if (status == OQ_OK)
        status = oq_win_uninstall(&plan, print_sentence, NULL, &err);
    if (status == OQ_OK && is_purged)
        status = purge(&err);
    names_release(&names);
    return status == OQ_OK ? EXIT_DONE : fail(&err, status);
}

/* --- arguments -------------------------------------------------------------------------------- */

static int dispatch(int count, char **words)
{
    if (count == 1)
        return serve();
    const char *verb = words[1];
    const char *option = count > 2 ? words[2] : NULL;
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "/?") == 0) {
        print(false, "%s", usage);
        return EXIT_DONE;
    }
    if (strcmp(verb, "--version") == 0) {
        print(false, "qmgrsvc " OQ_VERSION "\n");
        return EXIT_DONE;
    }
    if (strcmp(verb, "run") == 0) {
        if (!option)
            return run(NULL);
        if (strcmp(option, "--data") != 0)
            return fail_unknown(option);
        if (count < 4 || !*words[3])
            return fail_usage("run: --data needs a folder");
        return count > 4 ? fail_unknown(words[4]) : run(words[3]);
    }
    if (strcmp(verb, "install") == 0) {
        bool takes_legacy = false, is_forced = false;
        for (int i = 2; i < count; i++) {
            bool is_legacy = strcmp(words[i], "--legacy") == 0;
            if (!is_legacy && strcmp(words[i], "--force") != 0)
                return fail_unknown(words[i]);
            takes_legacy = takes_legacy || is_legacy;
            is_forced = is_forced || !is_legacy;
        }
        return install(takes_legacy, is_forced);
    }
    if (strcmp(verb, "uninstall") == 0) {
        if (option && (count > 3 || strcmp(option, "--purge") != 0))
            return fail_unknown(count > 3 ? words[3] : option);
        return uninstall(option != NULL);
    }
    return fail_unknown(verb);
}

int wmain(int count, wchar_t **wide_words);

int wmain(int count, wchar_t **wide_words)
{
    enum oq_status status = OQ_OK;
    int code = EXIT_FAILED;
    harden();
    char **words = oq_calloc((size_t)count + 1, sizeof *words);
    if (!words)
        status = OQ_E_NOMEM;
    for (int i = 0; i < count && status == OQ_OK; i++)
        status = oq_utf16_to_8(wide_words[i], SIZE_MAX, &words[i]);
    if (status == OQ_OK)
        code = dispatch(count, words);
    else
        print(true, "qmgrsvc: the arguments cannot be read\n");
    for (int i = 0; words && i < count; i++)
        oq_free(words[i]);
    oq_free(words);
    return code;
}
