<#
common.ps1 - what the other scripts of this folder share; they read it in. For PowerShell 5.1, in ASCII.

Sets $ctl, $svc (the programs, beside the scripts or in the current folder), $folder (a new one below TEMP) and $script:failures.
#>
$ErrorActionPreference = 'Stop'
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
if (-not (Test-Path (Join-Path $here 'qmgrctl.exe'))) { $here = (Get-Location).Path }
$ctl = Join-Path $here 'qmgrctl.exe'
$svc = Join-Path $here 'qmgrsvc.exe'
$key = 'HKLM:\SOFTWARE\OpenQMGR'
$script:failures = 0
$script:undo = New-Object System.Collections.Stack
$folder = Join-Path $env:TEMP ('openqmgr-' + [Guid]::NewGuid().ToString('N'))
New-Item -ItemType Directory -Path $folder -Force | Out-Null

function Check([string]$name, [bool]$good, [string]$seen) {
    if (-not $good) { $script:failures++ }
    Write-Host ('{0} {1}: {2}' -f $(if ($good) { 'ok  ' } else { 'FAIL' }), $name, $seen)
}

# A native program with both its outputs as one text. 5.1 makes an error of each line of standard error, which ends a script whose
# ErrorActionPreference is Stop.
function Invoke-Native([string]$program, [string[]]$words) {
    $ErrorActionPreference = 'Continue'
    $lines = @(& $program @words 2>&1 | ForEach-Object { [string]$_ })
    New-Object PSObject -Property @{ Text = ($lines -join "`n"); Exit = $LASTEXITCODE }
}

# What is to be put back, the last change first, whatever happens; each by itself.
function Add-Undo([scriptblock]$what) { $script:undo.Push($what) }

function Undo-All {
    while ($script:undo.Count -gt 0) {
        $what = $script:undo.Pop()
        try { & $what } catch { Write-Host "NOT PUT BACK: $what ($_)"; $script:failures++ }
    }
    Remove-Item $folder -Recurse -Force -ErrorAction SilentlyContinue
}

# Sets a value of the registry until Undo-All; $null removes it.
function Set-Setting([string]$path, [string]$name, $value, [string]$type) {
    if (-not (Test-Path $path)) { New-Item $path -Force | Out-Null }
    $item = Get-Item $path
    $had = $item.GetValueNames() -contains $name
    $before = if ($had) { $item.GetValue($name, $null, 'DoNotExpandEnvironmentNames') } else { $null }
    $kind = if ($had) { [string]$item.GetValueKind($name) } else { '' }
    Add-Undo {
        if ($had) { Set-ItemProperty $path -Name $name -Value $before -Type $kind }
        else { Remove-ItemProperty $path -Name $name -ErrorAction SilentlyContinue }
    }.GetNewClosure()
    if ($null -eq $value) { Remove-ItemProperty $path -Name $name -ErrorAction SilentlyContinue }
    else { Set-ItemProperty $path -Name $name -Value $value -Type $type }
}

function Install-IfMissing {
    if (Get-Service OpenQMGR -ErrorAction SilentlyContinue) { return }
    $result = Invoke-Native $svc @('install')
    if ($result.Exit -ne 0) { throw "qmgrsvc install: $($result.Text)" }
    Write-Host $result.Text
}
