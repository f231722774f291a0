/* help.c - help and completion of qmgrctl, written from the table of commands; see args_int.h. */
#include "command_table_int.h"

#include "oq_alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HELP_COLUMNS 80

/* --- text ------------------------------------------------------------------------------------- */

/* Text that grows; NULL once there was no memory. */
static void append(char **text, const char *fmt, ...) OQ_PRINTF(2, 3);

static void append(char **text, const char *fmt, ...)
{
    char part[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(part, sizeof part, fmt, args);
    va_end(args);
    char *longer = *text ? oq_asprintf("%s%s", *text, part) : NULL;
    oq_free(*text);
    *text = longer;
}

/* Words within HELP_COLUMNS, each line indented; the first one begins behind what is there. */
static void append_wrapped(char **text, unsigned indent, unsigned used, const char *words)
{
    for (unsigned column = used; *words; words += *words != '\0') {
        unsigned length = (unsigned)strcspn(words, " \n");
        if (column > indent && column + 1 + length > HELP_COLUMNS) {
            append(text, "\n");
            column = 0;
        }
        append(text, "%*s%.*s", column < indent ? (int)(indent - column) : column > indent, "",
               (int)length, words);
        column = (column < indent ? indent : column + (column > indent)) + length;
        words += length;
        if (*words == '\n') {
            append(text, "\n");
            column = 0;
        }
    }
    append(text, "\n");
}

/* --- help ------------------------------------------------------------------------------------- */

/* The options of a command, or all for NULL. */
static void append_options(char **text, const struct oq_command_row *command)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct oq_option *option = &oq_options[i];
        char name[40];
        if (command && !oq_command_takes(command, i))
            continue;
        char letter[] = {'-', option->letter, ',', '\0'};
        int used = snprintf(name, sizeof name, "  %3s --%s %s", option->letter ? letter : "",
                            option->name, option->value ? option->value : "");
        append(text, "%s", name);
        append_wrapped(text, 28, (unsigned)used, option->help);
    }
}

/* Each line of a text behind "qmgrctl" and perhaps the command. */
static void append_lines(char **text, const char *first, const char *indent, const char *command,
                         const char *lines)
{
    for (const char *lead = first;; lead = indent) {
        size_t length = strcspn(lines, "\n");
        append(text, "%sqmgrctl%s%s%s%.*s\n", lead, command ? " " : "", command ? command : "",
               length > 0 ? " " : "", (int)length, lines);
        if (!lines[length])
            break;
        lines += length + 1;
    }
}

static char *help_of_command(const struct oq_command_row *command)
{
    char *text = oq_strdup("");

    append_lines(&text, "usage: ", "       ", command->name, command->usage);
    append(&text, "\n");
    append_wrapped(&text, 0, 0, command->description);
    append(&text, "\noptions:\n");
    append_options(&text, command);
    append(&text, "\nexamples:\n");
    append_lines(&text, "  ", "  ", NULL, command->examples);
    return text;
}

static void append_exits(char **text)
{
    static const struct {
        int number;
        const char *words;
    } exits[] = {
#define EXIT(ID, number, words) {number, words},
#include "exits.def"
#undef EXIT
    };
    append(text, "\nexit status:\n");
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++) {
        char number[16];
        int used = snprintf(number, sizeof number, "  %2d", exits[i].number);
        append(text, "%s", number);
        append_wrapped(text, 6, (unsigned)used, exits[i].words);
    }
}

char *oq_args_help(enum oq_command command)
{
    if (command < OQ_COMMAND_COUNT)
        return help_of_command(&oq_commands[command]);
    char *text = oq_strdup("usage: qmgrctl COMMAND [OPTIONS] ...\n\n");
    append_wrapped(&text, 0, 0,
                   "Downloads files through the OpenQMGR service. Each download is a group in the "
                   "service's queue: it continues when this program ends and after a restart of "
                   "the computer. GROUP is the identifier of a download, at least its first 4 "
                   "digits, or the name of the download or of its file.");
    append(&text, "\ncommands:\n");
    for (size_t i = 0; i < OQ_COMMAND_COUNT; i++)
        append(&text, "  %-11s %s\n", oq_commands[i].name, oq_commands[i].summary);
    append(&text, "\noptions:\n");
    append_options(&text, NULL);
    append_exits(&text);
    append(&text, "\n");
    append_wrapped(&text, 0, 0,
                   "'qmgrctl COMMAND --help' shows the usage of a command and examples. Results go "
                   "to standard output; progress and errors to standard error.");
    return text;
}

/* --- completion ------------------------------------------------------------------------------- */

/* "name" between quotes: the options of a command. */
static void append_option_names(char **text, const struct oq_command_row *command)
{
    const char *blank = "";

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!oq_command_takes(command, i))
            continue;
        append(text, "%s--%s", blank, oq_options[i].name);
        blank = " ";
    }
}

static void append_commands(char **text)
{
    for (size_t i = 0; i < OQ_COMMAND_COUNT; i++)
        append(text, "%s%s", i > 0 ? " " : "", oq_commands[i].name);
}

static char *completion_of_bash(void)
{
    char *text = oq_strdup("_qmgrctl() {\n    local words\n    case ${COMP_WORDS[1]} in\n");

    for (size_t i = 0; i < OQ_COMMAND_COUNT; i++) {
        append(&text, "        %s) words=\"", oq_commands[i].name);
        append_option_names(&text, &oq_commands[i]);
        append(&text, "\" ;;\n");
    }
    append(&text, "        *) words= ;;\n    esac\n    [ \"$COMP_CWORD\" -eq 1 ] && words=\"");
    append_commands(&text);
    append(&text,
           " --help --version\"\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
           "}\n"
           "complete -o default -F _qmgrctl qmgrctl qmgrctl.exe\n");
    return text;
}

static char *completion_of_powershell(void)
{
    char *text = oq_strdup("Register-ArgumentCompleter -Native -CommandName qmgrctl, qmgrctl.exe "
                           "-ScriptBlock {\n"
                           "    param($word, $ast, $at)\n"
                           "    $options = @{\n");

    for (size_t i = 0; i < OQ_COMMAND_COUNT; i++) {
        append(&text, "        '%s' = '", oq_commands[i].name);
        append_option_names(&text, &oq_commands[i]);
        append(&text, "'\n");
    }
    append(&text, "    }\n    $typed = @($ast.CommandElements | ForEach-Object { $_.ToString() })\n"
                  "    if ($typed.Count -gt 2 -or ($typed.Count -eq 2 -and -not $word)) "
                  "{ $words = $options[$typed[1]] }\n"
                  "    else { $words = '");
    append_commands(&text);
    append(&text,
           " --help --version' }\n"
           "    \"$words\".Split(' ') | Where-Object { $_ -like \"$word*\" } | ForEach-Object {\n"
           "        [System.Management.Automation.CompletionResult]::new("
           "$_, $_, 'ParameterValue', $_)\n"
           "    }\n"
           "}\n");
    return text;
}

char *oq_args_completion(const char *shell)
{
    return strcmp(shell, "bash") == 0 ? completion_of_bash() : completion_of_powershell();
}
