<#
survive.ps1 - the checks of docs/survival.md on a real Windows: what a download outlives.

usage, in an elevated PowerShell, in the folder with qmgrsvc.exe, qmgrps.dll and qmgrctl.exe:

    powershell -ExecutionPolicy Bypass -File survive.ps1 -Url URL [-Sha256 HASH] [-Rounds N]

  -Url      a file of at least 200 MB on a server that knows range requests
  -Sha256   its hash; without it the file is first fetched by curl.exe to learn it
  -Rounds   kills of the service (default 20)

It installs the service if it is not, and leaves it installed. NOT RUN BY OUR OWN TESTS, which have no Windows: what it
finds, or fails at, is worth a report. Exit status: the number of failed checks.
#>
param(
    [Parameter(Mandatory = $true)][string]$Url,
    [string]$Sha256,
    [int]$Rounds = 20
)
. (Join-Path (Split-Path -Parent $MyInvocation.MyCommand.Path) 'common.ps1')

function Start-Download([string]$file) {
    $text = (& $ctl get --no-wait --overwrite $Url $file) -join ''
    if ($LASTEXITCODE -ne 0) { throw "qmgrctl get failed: $text" }
    return $text.Trim('{', '}', ' ')
}

function Wait-Bytes([string]$group, [long]$bytes) {
    $limit = (Get-Date).AddMinutes(5)
    do {
        Start-Sleep -Milliseconds 200
        $line = & $ctl info $group | Select-String '^done' | Select-Object -First 1
        $done = if ($line -match '(\d+) bytes') { [long]$Matches[1] } else { 0 }
    } while ($done -lt $bytes -and (Get-Date) -lt $limit)
    return $done
}

function Stop-ServiceProcess {
    $id = (Get-CimInstance Win32_Service -Filter "Name='OpenQMGR'").ProcessId
    if ($id) { Stop-Process -Id $id -Force }   # TerminateProcess
    return $id
}

function Test-File([string]$name, [string]$file) {
    $hash = if (Test-Path $file) { (Get-FileHash $file -Algorithm SHA256).Hash } else { 'none' }
    Check $name ($hash -eq $Sha256) $hash
}

function Test-Leftovers([string]$name) {
    $left = @(Get-ChildItem -Force $folder -Filter 'BIT*.tmp')
    Check $name ($left.Count -eq 0) ("{0} temporary files" -f $left.Count)
}

try {

Install-IfMissing
if (-not $Sha256) {
    & curl.exe -sSL -o (Join-Path $folder 'witness') $Url
    $Sha256 = (Get-FileHash (Join-Path $folder 'witness') -Algorithm SHA256).Hash
}

# 1. Restart after a crash, with growing delay: what the service manager has, and that it does it.
# SERVICE_FAILURE_ACTIONS as the registry has it: five numbers of 32 bits, of which the fourth is the count; then type (1: restart) and
# delay of each. What sc.exe prints is translated.
$bytes = [byte[]](Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Services\OpenQMGR').FailureActions
$actions = @(for ($i = 0; $i -lt [BitConverter]::ToInt32($bytes, 12); $i++) { [BitConverter]::ToInt32($bytes, 20 + 8 * $i) })
Check 'three restarts are configured' (@($actions | Where-Object { $_ -eq 1 }).Count -ge 3) "types $($actions -join ' ')"
& sc.exe start OpenQMGR | Out-Null
Start-Sleep -Seconds 2
$killed = Stop-ServiceProcess
$limit = (Get-Date).AddSeconds(90)
do { Start-Sleep -Milliseconds 500; $now = (Get-CimInstance Win32_Service -Filter "Name='OpenQMGR'").ProcessId }
while ((-not $now -or $now -eq $killed) -and (Get-Date) -lt $limit)
Check 'the service manager restarts it, no client asks' ($now -and $now -ne $killed) "process $killed, then $now"

# 2. Killed again and again in the middle of one download.
$file = Join-Path $folder 'killed.bin'
$group = Start-Download $file
for ($i = 1; $i -le $Rounds; $i++) {
    Start-Sleep -Milliseconds (Get-Random -Minimum 100 -Maximum 3000)
    Stop-ServiceProcess | Out-Null
    & $ctl info $group | Out-Null              # brings it back
    if ($LASTEXITCODE -ne 0) { Check "round $i" $false 'the group is missing' }
}
& $ctl wait --quiet --remove $group | Write-Host
Test-File "killed $Rounds times" $file
Test-Leftovers 'nothing temporary is left'

# 3. An orderly stop under load takes less than 5 s.
$file = Join-Path $folder 'stopped.bin'
$group = Start-Download $file
Wait-Bytes $group 10MB | Out-Null
$took = Measure-Command { Stop-Service OpenQMGR }
Check 'a stop under load takes less than 5 s' ($took.TotalSeconds -lt 5) ('{0:n1} s' -f $took.TotalSeconds)
& $ctl wait --quiet --remove $group | Write-Host
Test-File 'stopped in the middle' $file

# 4. By hand: they end this session.
Write-Host @"

By hand, each with a download in the queue ('qmgrctl get --no-wait --overwrite $Url FILE'):
  restart   shutdown /r /t 0, do not log on for five minutes, then compare FILE: the service starts by itself, delayed
            (a user's files wait until that user logs on, since they are written with the user's rights)
  sleep     put the machine to sleep for five minutes; the log in %ProgramData%\OpenQMGR must say
            "transfers pause" before and go on after
  power     cut it; after the start 'qmgrctl list' must show the download, and it must arrive
"@

} finally {
    Undo-All
}
exit $script:failures
