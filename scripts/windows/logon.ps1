<#
logon.ps1 - the integrated log-on of docs/decisions/0011 on a real Windows: that a download logs on as its owner, and only where
the administrator allows it.

usage, in an elevated PowerShell of a domain user (or of a local one whom the server knows), in the folder with qmgrsvc.exe,
qmgrps.dll and qmgrctl.exe:

    powershell -ExecutionPolicy Bypass -File logon.ps1 -Url URL [-As NAME]

  -Url   a file on a server that accepts nothing but Negotiate or NTLM, for example IIS with Windows authentication; best one
         whose log, or whose answer, says who has logged on
  -As    a word that the file must contain, if the server writes the name of the user into it

It changes LogOnHosts and puts it back, and starts the service again for it. The service is installed if it is not, and stays. NOT
RUN BY OUR OWN TESTS, which have no Windows: what it finds, or fails at, is worth a report. Exit status: the number of failed checks.
#>
param(
    [Parameter(Mandatory = $true)][string]$Url,
    [string]$As
)
$ErrorActionPreference = 'Stop'
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
if (-not (Test-Path (Join-Path $here 'qmgrctl.exe'))) { $here = (Get-Location).Path }
$ctl = Join-Path $here 'qmgrctl.exe'
$folder = Join-Path $env:TEMP ('openqmgr-logon-' + $PID)
New-Item -ItemType Directory -Path $folder | Out-Null
$key = 'HKLM:\SOFTWARE\OpenQMGR'
$script:failures = 0

function Check([string]$name, [bool]$good, [string]$seen) {
    if (-not $good) { $script:failures++ }
    Write-Host ('{0} {1}: {2}' -f $(if ($good) { 'ok  ' } else { 'FAIL' }), $name, $seen)
}

function Set-Hosts([string]$list) {
    if (-not (Test-Path $key)) { New-Item $key -Force | Out-Null }
    if ($list) { Set-ItemProperty $key -Name LogOnHosts -Value $list }
    else { Remove-ItemProperty $key -Name LogOnHosts -ErrorAction SilentlyContinue }
    Restart-Service OpenQMGR -Force
}

function Get-File([string]$name) {
    $file = Join-Path $folder $name
    $text = (& $ctl get --quiet $Url $file 2>&1) -join ' '
    return @{ Text = $text; Exit = $LASTEXITCODE; File = $file }
}

$before = (Get-ItemProperty $key -Name LogOnHosts -ErrorAction SilentlyContinue).LogOnHosts
try {
    if (-not (Get-Service OpenQMGR -ErrorAction SilentlyContinue)) { & (Join-Path $here 'qmgrsvc.exe') install }
    Set-Hosts ''
    $got = Get-File 'not-named'
    Check 'a server that nobody named is refused' ($got.Exit -ne 0 -and -not (Test-Path $got.File)) $got.Text
    Set-Hosts 'another.invalid'
    $got = Get-File 'another-named'
    Check 'nor one beside those that are named' ($got.Exit -ne 0 -and -not (Test-Path $got.File)) $got.Text
    Set-Hosts ([Uri]$Url).Host
    $got = Get-File 'named'
    Check 'the named one is logged on to' ($got.Exit -eq 0 -and (Test-Path $got.File)) $got.Text
    if ($As) {
        $said = if (Test-Path $got.File) { Get-Content $got.File -Raw } else { '' }
        Check 'as the owner' ($said -like "*$As*") "looked for $As"
        Check 'and not as the computer' ($said -notlike "*$($env:COMPUTERNAME)`$*") 'looked for its account'
    } else {
        Write-Host "look at the server's log: it must name $env:USERDOMAIN\$env:USERNAME, and never $env:COMPUTERNAME`$"
    }
} finally {
    Set-Hosts $before
    Remove-Item $folder -Recurse -Force -ErrorAction SilentlyContinue
}
exit $script:failures
