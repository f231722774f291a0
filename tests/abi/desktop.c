/*
 * desktop.c: makes a window and ends; part of the set-up of tests under Wine.
 *
 * With the first window of a prefix Wine starts its desktop, a process that inherits the output of
 * the first caller and stays. If that is a test, CTest waits for the desktop. So this program
 * comes first, with its output thrown away.
 */
#include <windows.h>

int main(void)
{
    HWND window =
        CreateWindowExW(0, L"Message", L"", 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, NULL, NULL);

    return window && DestroyWindow(window) ? 0 : 1;
}
