#!/usr/bin/env python3
"""test_powershell.py - powershell.py finds what it is there to find, and leaves good scripts alone."""

import sys
import unittest

sys.dont_write_bytecode = True  # no __pycache__ beside the sources
import powershell

BAD = {
    "$a = [string](netsh winhttp dump)": "joins its lines",
    "$a = [string](& $ctl list)": "joins its lines",
    "$out = & $ctl get $Url $file 2>&1": "standard error",
    "function A {\n    & $ctl list 2>&1\n}": "standard error",
    "if (sc.exe qfailure X | Select-String 'RESTART') { 1 }": "translated",
    "if ((net.exe user x) -match 'active') { 1 }": "translated",
    "$actions = (& sc.exe qfailure OpenQMGR) -join ' '": "translated",
    "Stop-Service A && Start-Service A": "PowerShell 7",
    "$a = $b ?? 'c'": "PowerShell 7",
    "$a = ($b -eq 1) ? 'x' : 'y'": "PowerShell 7",
    "Get-Content a -AsByteStream": "not in PowerShell 5.1",
    "if ($IsWindows) { 1 }": "not in PowerShell 5.1",
    "Write-Host 'gr\u00fcn'": "not ASCII",
    "Write-Host 'never ends": "does not end",
    "$a = @\"\ntext \"@\n": "here-string",
    "if ($a) { (1 }": "closes nothing",
    "function A {": "is not closed",
    "Set-Item a `  \n b": "continues the line",
    "Set-Setting $key 'A' 1 'DWord'": "no finally",
    "try { Add-Undo { 1 } } finally { 2 }": "no finally",
    "Invoke-Expression $a": "not run",
    "<# a comment": "does not end",
}

GOOD = """\
<# head: sc.exe query | Select-String, && and [string](netsh dump) are only words here #>
param([Parameter(Mandatory = $true)][string]$Url)
function Invoke-Native([string]$program, [string[]]$words) {
    $ErrorActionPreference = 'Continue'
    $lines = @(& $program @words 2>&1 | ForEach-Object { [string]$_ })
}
$text = "a $($b.C) `"quoted`" && 'more' $(if ($x) { 'y' } else { 'z' })"   # don't
$name = 'it''s ?? fine'
$pac = @"
function f(a) { return 'x" }
"@
try { Add-Undo { Stop-Service A }; Set-Setting $key 'A' ("a" -join "`r`n") 'String' } finally { Undo-All }
foreach ($i in @(1, 2)) { $a[$i] = "{0}" -f `
    $i }
"""


class Test(unittest.TestCase):
    def test_each_fault_is_found(self):
        for text, what in BAD.items():
            with self.subTest(text=text):
                found = list(powershell.check("x.ps1", text))
                self.assertTrue(any(what in line for line in found), found)

    def test_a_good_script_is_left_alone(self):
        self.assertEqual(list(powershell.check("x.ps1", GOOD)), [])

    def test_the_line_is_named(self):
        self.assertTrue(list(powershell.check("x.ps1", "\n\n$a = $b ?? 1\n"))[0].startswith("x.ps1:3: "))


if __name__ == "__main__":
    unittest.main()
