<#
first-run.ps1 - OpenQMGR on a real Windows for the first time: what only a Windows can show, in the order in which it is best seen, with
one table at the end. docs/compat.md, "To be seen on Windows", names the steps.

usage, in an elevated PowerShell, in the folder with the programs and these scripts, best in a virtual machine with a snapshot:

    powershell -ExecutionPolicy Bypass -File first-run.ps1 [-Url URL] [-Steps 1,2,5] [-MayChangeProxies] [-KeepInstalled]

  -Url      a file of at least 50 MB on a server with https:; without it the steps that need the Internet are left out
  -Steps    only these
  -MayChangeProxies   also runs proxies.ps1, which changes the proxy settings for a minute
  -KeepInstalled      does not uninstall in the end

Needs nothing but the programs. Everything it changes is put back. NOT RUN BY OUR OWN TESTS, which have no Windows: the table, and
%ProgramData%\OpenQMGR\openqmgr.log, are worth a report in any case. Exit status: the number of failed checks.
#>
param(
    [string]$Url,
    [int[]]$Steps = @(),
    [switch]$MayChangeProxies,
    [switch]$KeepInstalled
)
. (Join-Path (Split-Path -Parent $MyInvocation.MyCommand.Path) 'common.ps1')
$scripts = Split-Path -Parent $MyInvocation.MyCommand.Path
$script:rows = New-Object System.Collections.ArrayList
$script:step = 0

# Besides what it prints, a line of the table. 'seen' rows are facts that somebody has to judge.
function Add-Row([string]$result, [string]$what, [string]$seen) {
    if ($result -eq 'FAIL') { $script:failures++ }
    [void]$script:rows.Add((New-Object PSObject -Property @{ Step = $script:step; Result = $result; What = $what; Seen = $seen }))
    Write-Host ('{0,-5} {1,2} {2}: {3}' -f $result, $script:step, $what, $seen)
}

function Test-That([string]$what, [bool]$good, [string]$seen) { Add-Row $(if ($good) { 'ok' } else { 'FAIL' }) $what $seen }
function Show-Fact([string]$what, [string]$seen) { Add-Row 'seen' $what $seen }
function Skip-Step([string]$why) { Add-Row 'skip' 'this step' $why }

function Invoke-Step([int]$number, [string]$title, [scriptblock]$body) {
    if ($Steps.Count -gt 0 -and $Steps -notcontains $number) { return }
    $script:step = $number
    Write-Host "`n--- $number. $title"
    try { & $body } catch { Add-Row 'FAIL' 'the step ended early' ([string]$_) }
}

function Get-ServiceEvents([DateTime]$since) {
    @(Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = 'OpenQMGR'; StartTime = $since } `
        -ErrorAction SilentlyContinue | ForEach-Object { [string]$_.Message })
}

function Get-KeyText([Microsoft.Win32.RegistryView]$view, [string]$path, [string]$name) {
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey([Microsoft.Win32.RegistryHive]::LocalMachine, $view)
    try {
        $key = $base.OpenSubKey($path)
        if ($null -eq $key) { return 'no key' }
        try { return [string]$key.GetValue($name) } finally { $key.Close() }
    } finally { $base.Close() }
}

# One command as another kind of user, by the task scheduler; its output and exit code.
function Invoke-AsTask([string]$name, $principal, [string]$program, [string]$words) {
    $out = Join-Path $env:ProgramData "openqmgr-$PID-$name.txt"
    $line = '/c ""{0}" {1} >"{2}" 2>&1 & echo exit %errorlevel%>>"{2}""' -f $program, $words, $out
    $action = New-ScheduledTaskAction -Execute "$env:SystemRoot\System32\cmd.exe" -Argument $line
    $task = "OpenQMGR first run $PID $name"
    Register-ScheduledTask -TaskName $task -Action $action -Principal $principal -Force | Out-Null
    try {
        Start-ScheduledTask -TaskName $task
        $limit = (Get-Date).AddSeconds(90)
        do { Start-Sleep -Milliseconds 500; $text = [string](Get-Content $out -Raw -ErrorAction SilentlyContinue) }
        while ($text -notmatch 'exit -?\d+' -and (Get-Date) -lt $limit)
        return $text
    } finally {
        Unregister-ScheduledTask -TaskName $task -Confirm:$false
        Remove-Item $out -ErrorAction SilentlyContinue
    }
}

$interfaces = @('{16F41C69-09F5-41D2-8CD8-3C08C47BC8A8}', '{1DED80A7-53EA-424F-8A04-17FEA9ADC4F5}', '{59F5553C-2031-4629-BB18-2645A6970947}',
    '{084F6593-3800-4E08-9B59-99FA59ADDF82}', '{D993E603-4AA4-47C5-8665-C20D39C2BA4F}', '{8BAEBA9D-8F1C-42C4-B82C-09AE79980D25}')
$legacy = 'SOFTWARE\Classes\CLSID\{69AD4AEE-51BE-439B-A92C-86AE490E8B30}'
$marshaller = '{2D4F24D9-9292-4E6C-AEDD-46EC4613DA2B}'
$views = @([Microsoft.Win32.RegistryView]::Registry64, [Microsoft.Win32.RegistryView]::Registry32)

function Get-Owners {
    foreach ($view in $views) {
        foreach ($iid in $interfaces) { "$view $iid $(Get-KeyText $view "SOFTWARE\Classes\Interface\$iid\ProxyStubClsid32" '')" }
        "$view legacy class $(Get-KeyText $view $legacy 'AppID')"
    }
}

$wasInstalled = [bool](Get-Service OpenQMGR -ErrorAction SilentlyContinue)
$began = Get-Date

try {

Invoke-Step 1 'who owns the interfaces and the legacy class before us, in both views' {
    Show-Fact 'Windows' "$([Environment]::OSVersion.Version) $((Get-Culture).Name)"
    if ($wasInstalled) { Show-Fact 'installed already' 'the owners may be ours' }
    foreach ($line in Get-Owners) { Show-Fact 'owner' $line }
}

Invoke-Step 2 'the programs start' {
    $version = Invoke-Native $svc @('--version')
    Test-That 'qmgrsvc --version' ($version.Exit -eq 0 -and $version.Text -match '^qmgrsvc \d') $version.Text
    $help = Invoke-Native $ctl @('--help')
    Test-That 'qmgrctl --help' ($help.Exit -eq 0) "exit $($help.Exit), $($help.Text.Length) characters"
    Test-That 'the 32-bit DLL lies beside' (Test-Path (Join-Path $here 'qmgrps32.dll')) $here
}

Invoke-Step 3 'install' {
    $other = Join-Path $folder 'copy'
    New-Item -ItemType Directory -Path $other | Out-Null
    Copy-Item (Join-Path $here 'qmgr*.exe'), (Join-Path $here 'qmgrps*.dll') $other
    $refused = Invoke-Native (Join-Path $other 'qmgrsvc.exe') @('install')
    Test-That 'install from a folder of this user is refused' ($refused.Exit -ne 0 -and $refused.Text -match '--force') $refused.Text
    $result = Invoke-Native $svc @('install')
    Test-That 'install' ($result.Exit -eq 0) $result.Text
    Test-That 'nothing was left unset' ($result.Text -notmatch 'not set') 'lines with "not set"'
    $service = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Services\OpenQMGR'
    Test-That 'automatic, delayed, LocalSystem' ($service.Start -eq 2 -and $service.DelayedAutostart -eq 1 -and
        $service.ObjectName -eq 'LocalSystem') "$($service.Start) $($service.DelayedAutostart) $($service.ObjectName)"
    Test-That 'service SID, preshutdown 10 s' ($service.ServiceSidType -eq 1 -and $service.PreshutdownTimeout -eq 10000) `
        "$($service.ServiceSidType) $($service.PreshutdownTimeout)"
    $bytes = [byte[]]$service.FailureActions
    $count = if ($bytes) { [BitConverter]::ToInt32($bytes, 12) } else { 0 }
    Test-That 'three restarts' ($count -eq 3) "$count actions"
    foreach ($view in $views) {
        $dll = Get-KeyText $view "SOFTWARE\Classes\CLSID\$marshaller\InprocServer32" ''
        Test-That "marshaller in $view" ((Test-Path $dll) -and ($dll -match 'qmgrps32') -eq ($view -eq $views[1])) $dll
    }
    foreach ($line in Get-Owners) { Show-Fact 'owner now' $line }
    $before = (Get-Owners) -join "`n"
    $taken = Invoke-Native $svc @('install', '--legacy')
    if ($taken.Exit -eq 0) {
        Show-Fact '--legacy' 'was possible; on a stock Windows it is expected to be refused'
        Test-That 'and uninstall gives the class back' ((Invoke-Native $svc @('uninstall')).Exit -eq 0) (Get-KeyText $views[0] $legacy 'AppID')
        [void](Invoke-Native $svc @('install'))
    } else {
        Test-That '--legacy is refused with its reason, and nothing changed' ($taken.Text -match 'TrustedInstaller' -and
            $before -eq ((Get-Owners) -join "`n")) $taken.Text
    }
}

# CoInitializeSecurity comes before anything else uses COM: else the start fails with 0x80010119.
Invoke-Step 4 'starts' {
    foreach ($round in @('with the network list service', 'without it')) {
        $since = Get-Date
        $good = 0
        if ($round -eq 'without it') {
            $netprofm = Get-Service netprofm
            if ($netprofm.Status -eq 'Running') {
                Add-Undo { Start-Service netprofm }
                try { Stop-Service netprofm -Force } catch { Show-Fact 'netprofm cannot be stopped' ([string]$_) }
            }
        }
        for ($i = 0; $i -lt 10; $i++) {
            try {
                Start-Service OpenQMGR
                $good++
                $took = Measure-Command { Stop-Service OpenQMGR }
                if ($took.TotalSeconds -gt 6) { Test-That 'a stop takes less than 6 s' $false ('{0:n1} s' -f $took.TotalSeconds) }
            } catch { Show-Fact 'start' ([string]$_) }
        }
        Test-That "ten starts and stops $round" ($good -eq 10) "$good of 10"
        $errors = @(Get-ServiceEvents $since | Where-Object { $_ -match '80010119|CoInitializeSecurity' })
        Test-That 'COM security was set each time' ($errors.Count -eq 0) ($errors -join ' / ')
    }
}

Invoke-Step 5 'who may call, and activation' {
    $list = Invoke-Native $ctl @('list')
    Test-That 'elevated' ($list.Exit -eq 0) $list.Text
    $me = [Security.Principal.WindowsIdentity]::GetCurrent().Name
    $plain = New-ScheduledTaskPrincipal -UserId $me -LogonType Interactive -RunLevel Limited
    $text = Invoke-AsTask 'plain' $plain $ctl 'list'
    Test-That 'the same user, not elevated' ($text -match 'exit 0') $text
    $account = New-ScheduledTaskPrincipal -UserId 'NT AUTHORITY\LOCAL SERVICE' -LogonType ServiceAccount
    $text = Invoke-AsTask 'service' $account $ctl 'list'
    Test-That 'a service account' ($text -match 'exit 0') $text
    # A network log-on of a user without special rights, as by WinRM or SSH.
    $user = 'openqmgr-first'
    $password = 'Q!' + [Guid]::NewGuid().ToString()
    & net.exe user $user $password /add | Out-Null
    Add-Undo { & net.exe user 'openqmgr-first' /delete | Out-Null }
    $secret = ConvertTo-SecureString $password -AsPlainText -Force
    $credential = New-Object System.Management.Automation.PSCredential ("$env:COMPUTERNAME\$user", $secret)
    try {
        $group = (New-Object Security.Principal.SecurityIdentifier 'S-1-5-32-580').Translate([Security.Principal.NTAccount]).Value.Split('\')[1]
        & net.exe localgroup $group $user /add | Out-Null
        $text = Invoke-Command -ComputerName localhost -Credential $credential -ArgumentList $ctl -ScriptBlock {
            param($ctl)
            $ErrorActionPreference = 'Continue'
            ((& $ctl list 2>&1 | ForEach-Object { [string]$_ }) -join ' ') + " exit $LASTEXITCODE"
        }
        Test-That 'a network log-on (WinRM)' ($text -match 'exit 0') $text
    } catch { Show-Fact 'a network log-on (WinRM)' "not tried: $_" }
    Stop-Service OpenQMGR
    $list = Invoke-Native $ctl @('list')
    Test-That 'a client starts the stopped service' ($list.Exit -eq 0 -and (Get-Service OpenQMGR).Status -eq 'Running') $list.Text
    Stop-Service OpenQMGR
    $text = Invoke-AsTask 'starter' $plain $ctl 'list'
    Test-That 'so does one that is not elevated' ($text -match 'exit 0') $text
}

Invoke-Step 6 'marshalling, 64 and 32 bits' {
    foreach ($program in @((Join-Path $here 'qmgr_conformance.exe'), (Join-Path $here '..\win32\qmgr_conformance.exe'))) {
        if (-not (Test-Path $program)) { Show-Fact 'not there' $program; continue }
        $result = Invoke-Native $program @()
        Test-That "$program" ($result.Exit -eq 0) (@($result.Text -split "`n")[-1])
    }
}

Invoke-Step 7 'malformed calls' {
    $id = (Get-CimInstance Win32_Service -Filter "Name='OpenQMGR'").ProcessId
    foreach ($liar in @((Join-Path $here 'qmgr_liar.exe'), (Join-Path $here '..\win32\qmgr_liar.exe'))) {
        if (-not (Test-Path $liar)) { Show-Fact 'not there' $liar; continue }
        $result = Invoke-Native $liar @()
        $seen = @($result.Text -split "`n" | Where-Object { $_ -notmatch '^ok' }) -join ' / '
        Test-That "calls that lie about their size get an error, $liar" ($result.Exit -eq 0) $seen
    }
    $now = (Get-CimInstance Win32_Service -Filter "Name='OpenQMGR'").ProcessId
    Test-That 'and the service goes on' ($id -and $id -eq $now) "process $id, then $now"
}

Invoke-Step 8 'downloads' {
    if (-not $Url) { Skip-Step 'no -Url'; return }
    foreach ($kind in @('background', 'foreground')) {
        $file = Join-Path $folder "$kind.bin"
        $words = @('get', '--quiet', '--overwrite', $Url, $file)
        if ($kind -eq 'foreground') { $words = @('get', '--quiet', '--overwrite', '--foreground', $Url, $file) }
        $took = Measure-Command { $script:result = Invoke-Native $ctl $words }
        Test-That "$kind" ($script:result.Exit -eq 0 -and (Test-Path $file)) ('{0:n1} s {1}' -f $took.TotalSeconds, $script:result.Text)
    }
    # A firewall that swallows what is sent to the hosts of revoked certificates' lists, which speak plain HTTP.
    New-NetFirewallRule -DisplayName "OpenQMGR first run $PID" -Direction Outbound -Action Block -Protocol TCP -RemotePort 80 | Out-Null
    Add-Undo { Remove-NetFirewallRule -DisplayName "OpenQMGR first run $PID" }
    foreach ($check in @(0, 1)) {
        Set-Setting $key 'RevocationCheck' $check 'DWord'
        Restart-Service OpenQMGR -Force
        & certutil.exe -urlcache crl delete | Out-Null
        $file = Join-Path $folder "revocation-$check.bin"
        $group = (Invoke-Native $ctl @('get', '--no-wait', '--overwrite', $Url, $file)).Text.Trim('{', '}', ' ', "`n")
        $longest = 0
        for ($i = 0; $i -lt 20; $i++) {
            $took = (Measure-Command { [void](Invoke-Native $ctl @('list')) }).TotalSeconds
            if ($took -gt $longest) { $longest = $took }
            Start-Sleep -Milliseconds 500
        }
        [void](Invoke-Native $ctl @('cancel', $group))
        if ($check -eq 0) { Test-That 'no revocation check: no call waits' ($longest -lt 3) ('{0:n1} s' -f $longest) }
        else { Show-Fact 'RevocationCheck=1: the longest call' ('{0:n1} s' -f $longest) }
    }
}

Invoke-Step 9 'files that others hold' {
    # A server of this script, so that this step needs no network.
    $listener = New-Object System.Net.Sockets.TcpListener ([System.Net.IPAddress]::Loopback, 0)
    $listener.Start()
    $at = "http://127.0.0.1:$($listener.LocalEndpoint.Port)/a"
    $server = [PowerShell]::Create().AddScript({
        param($listener)
        while ($true) {
            try { $client = $listener.AcceptTcpClient() } catch { return }
            try {
                $stream = $client.GetStream()
                $reader = New-Object System.IO.StreamReader ($stream, [System.Text.Encoding]::ASCII)
                while ($reader.ReadLine()) { }
                $bytes = [System.Text.Encoding]::ASCII.GetBytes("HTTP/1.1 200 OK`r`nContent-Length: 10`r`nConnection: close`r`n`r`n0123456789")
                $stream.Write($bytes, 0, $bytes.Length)
            } catch { } finally { $client.Close() }
        }
    }).AddArgument($listener)
    [void]$server.BeginInvoke()
    try {
        $file = Join-Path $folder 'held.txt'
        Set-Content $file 'old'
        $held = [System.IO.File]::Open($file, 'Open', 'Read', 'Read')
        $letter = [PowerShell]::Create().AddScript({ param($held) Start-Sleep -Milliseconds 1000; $held.Close() }).AddArgument($held)
        [void]$letter.BeginInvoke()
        $took = Measure-Command { $script:result = Invoke-Native $ctl @('get', '--quiet', '--overwrite', $at, $file) }
        Test-That 'a target that is held for a second is replaced at once after that' ($script:result.Exit -eq 0 -and
            $took.TotalSeconds -lt 4.5) ('{0:n1} s {1}' -f $took.TotalSeconds, $script:result.Text)
        Stop-Service OpenQMGR
        $lock = Join-Path $env:ProgramData 'OpenQMGR\qmgrsvc.lock'
        $held = [System.IO.File]::Open($lock, 'Open', 'Read', 'ReadWrite,Delete')
        $letter = [PowerShell]::Create().AddScript({ param($held) Start-Sleep -Milliseconds 1000; $held.Close() }).AddArgument($held)
        [void]$letter.BeginInvoke()
        try { Start-Service OpenQMGR; $seen = 'started' } catch { $seen = [string]$_ }
        Test-That 'a scanner that holds the lock file does not prevent a start' ($seen -eq 'started') $seen
    } finally {
        $listener.Stop()
        $server.Stop()
    }
    Show-Fact 'by hand' 'a mapped drive, an SMB share, an exFAT stick, a OneDrive folder, a deduplicated volume; log off and on, two users'
}

Invoke-Step 10 'crashes, proxies' {
    if ($Url) {
        & (Join-Path $scripts 'survive.ps1') -Url $Url -Rounds 5
        Test-That 'survive.ps1' ($LASTEXITCODE -eq 0) "$LASTEXITCODE failed"
    } else { Show-Fact 'survive.ps1' 'not run: no -Url' }
    if ($MayChangeProxies) {
        & (Join-Path $scripts 'proxies.ps1')
        Test-That 'proxies.ps1' ($LASTEXITCODE -eq 0) "$LASTEXITCODE failed"
    } else { Show-Fact 'proxies.ps1' 'not run: no -MayChangeProxies' }
}

# A client that comes while the service stops itself is told so by the class object, which stays until the end.
Invoke-Step 11 'a service that stops itself, and clients that come meanwhile' {
    Set-Setting $key 'StopWhenIdleMs' 100 'DWord'
    Restart-Service OpenQMGR -Force
    $bad = @(); $longest = 0
    for ($i = 0; $i -lt 30; $i++) {
        $took = (Measure-Command { $script:result = Invoke-Native $ctl @('list') }).TotalSeconds
        if ($took -gt $longest) { $longest = $took }
        if ($script:result.Exit -ne 0) { $bad += $script:result.Text }
        Start-Sleep -Milliseconds (Get-Random -Minimum 0 -Maximum 1500)
    }
    Test-That 'thirty clients all get it' ($bad.Count -eq 0) ($bad -join ' / ')
    Test-That 'none waits for long' ($longest -lt 20) ('{0:n1} s at most' -f $longest)
}

Invoke-Step 12 'rate control, and away again' {
    if ($Url) {
        & (Join-Path $scripts 'throttle.ps1') -Url $Url
        Test-That 'throttle.ps1' ($LASTEXITCODE -eq 0) "$LASTEXITCODE goals missed"
    } else { Show-Fact 'throttle.ps1' 'not run: no -Url' }
    Show-Fact 'by hand' 'pktmon start --capture, and a background download: does the advertised window follow SO_RCVBUF on a live socket?'
    if ($KeepInstalled -or $wasInstalled) { Show-Fact 'uninstall' 'not tried'; return }
    $result = Invoke-Native $svc @('uninstall', '--purge')
    Test-That 'uninstall' ($result.Exit -eq 0) $result.Text
    foreach ($view in $views) {
        $left = Get-KeyText $view "SOFTWARE\Classes\CLSID\$marshaller\InprocServer32" ''
        Test-That "nothing of ours in $view" ($left -eq 'no key') $left
    }
}

} finally {
    Undo-All
}

Write-Host ''
$script:rows | Sort-Object Step | Format-Table -Property @('Step', 'Result', 'What', 'Seen') -AutoSize -Wrap | Out-String -Width 200 | Write-Host
Write-Host "since $began; $script:failures failed; events of the service:"
Get-ServiceEvents $began | Sort-Object -Unique | ForEach-Object { Write-Host "  $_" }
exit $script:failures
