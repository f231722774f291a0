/* test_repair_report.c - db/repair.c: the name of a damaged file and the sentence for the event. */
#include "test_db.h"

static void damaged_name__time_and_number__are_in_it(void **state)
{
    char name[48];
    (void)state;
    oq_store_damaged_name(1769903999123, 1, name); /* 2026-01-31T23:59:59.123Z */
    assert_string_equal(name, "damaged-20260131-235959.db");
    oq_store_damaged_name(1769903999123, 12, name);
    assert_string_equal(name, "damaged-20260131-235959-12.db");
}

static void report_text__says_what_was_done(void **state)
{
    char text[600];
    struct oq_store_report done = {.is_repaired = true,
                                   .why = "page 3",
                                   .set_aside = "queue.damaged-1.db",
                                   .saved = 5,
                                   .from_backup = 2,
                                   .lost = 1};
    (void)state;
    oq_store_report_text(&done, text, sizeof text);
    assert_string_equal(text,
                        "the queue was damaged (page 3): 5 groups were saved from it, 2 were taken"
                        " from the backup copy, 1 could not be saved, and there may have been"
                        " others. The damaged file is now queue.damaged-1.db.");
    done.lost = 0;
    done.is_count_sure = true;
    oq_store_report_text(&done, text, sizeof text);
    assert_non_null(strstr(text, "copy, none is known to be lost. The"));
    done.is_continued = true;
    oq_store_report_text(&done, text, sizeof text);
    assert_non_null(strstr(text, "interrupted has been finished; 5 groups"));
    oq_store_report_text(&done, text, 20);
    assert_int_equal(strlen(text), 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_name__time_and_number__are_in_it),
        cmocka_unit_test(report_text__says_what_was_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
