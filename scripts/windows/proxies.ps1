<#
proxies.ps1 - the proxy settings of docs/network.md on a real Windows: the user's script (PAC), a list of proxies in its answer,
the computer's proxy, and the way after a redirect.

usage, in an elevated PowerShell, in the folder with qmgrsvc.exe, qmgrps.dll and qmgrctl.exe:

    powershell -ExecutionPolicy Bypass -File proxies.ps1

A small web server in this script is its own proxy: what is asked of it with a host in the address came through the proxy
settings. It changes the Internet settings of this user and the computer's WinHTTP proxy, and puts them back. The service is
installed if it is not, and stays. NOT RUN BY OUR OWN TESTS, which have no Windows: what it finds, or fails at, is worth a
report. Exit status: the number of failed checks.
#>
. (Join-Path (Split-Path -Parent $MyInvocation.MyCommand.Path) 'common.ps1')
$connections = 'HKCU:\Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections'

# What WinHTTP reads of a user's Internet settings: version, number of changes, flags (1 direct, 4 a script), then three texts with
# their lengths (proxy, exceptions, script) and 32 bytes. The value AutoConfigURL beside it is only what the Settings program shows.
function Set-Script([string]$script) {
    $text = [Text.Encoding]::ASCII.GetBytes($script)
    $flags = if ($script) { 5 } else { 1 }
    $bytes = @()
    foreach ($number in @(0x46, 1, $flags, 0, 0, $text.Length)) { $bytes += [BitConverter]::GetBytes([int]$number) }
    $bytes += $text
    $bytes += [byte[]](,[byte]0 * 32)
    Set-Setting $connections 'DefaultConnectionSettings' ([byte[]]$bytes) 'Binary'
}

# --- the server: every address is the same file of 10 bytes, unless it ends with .pac or says where to go -------------------------

$listener = New-Object System.Net.Sockets.TcpListener ([System.Net.IPAddress]::Loopback, 0)
$listener.Start()
$port = $listener.LocalEndpoint.Port
$asked = [System.Collections.ArrayList]::Synchronized((New-Object System.Collections.ArrayList))
# A port at which nobody listens, for the first of two proxies.
$probe = New-Object System.Net.Sockets.TcpListener ([System.Net.IPAddress]::Loopback, 0)
$probe.Start(); $dead = $probe.LocalEndpoint.Port; $probe.Stop()

$pac = @"
function FindProxyForURL(url, host) {
    if (host == 'far.invalid') return 'PROXY 127.0.0.1:$port';
    if (host == 'spare.invalid') return 'PROXY 127.0.0.1:$dead; PROXY 127.0.0.1:$port';
    return 'DIRECT';
}
"@
$server = [PowerShell]::Create().AddScript({
    param($listener, $asked, $pac)
    while ($true) {
        try { $client = $listener.AcceptTcpClient() } catch { return }
        try {
            $stream = $client.GetStream()
            $reader = New-Object System.IO.StreamReader ($stream, [System.Text.Encoding]::ASCII)
            $line = $reader.ReadLine()
            while ($reader.ReadLine()) { }
            $address = $line.Split(' ')[1]
            [void]$asked.Add($address)
            $body = if ($address.EndsWith('.pac')) { $pac } else { '0123456789' }
            $head = if ($address -match '\?to=(.*)$') { $body = ''; "302 Found`r`nLocation: $($Matches[1])" } else { '200 OK' }
            $bytes = [System.Text.Encoding]::ASCII.GetBytes(
                "HTTP/1.1 $head`r`nContent-Type: application/x-ns-proxy-autoconfig`r`nContent-Length: $($body.Length)`r`n" +
                "Connection: close`r`n`r`n$body")
            $stream.Write($bytes, 0, $bytes.Length)
        } catch { } finally { $client.Close() }
    }
}).AddArgument($listener).AddArgument($asked).AddArgument($pac)
$running = $server.BeginInvoke()

function Get-File([string]$name, [string]$url, [string[]]$wanted) {
    $asked.Clear()
    $file = Join-Path $folder ($name -replace '\W', '-')
    $text = (Invoke-Native $ctl @('get', '--quiet', '--overwrite', $url, $file)).Text
    $seen = @($asked | Where-Object { -not $_.EndsWith('.pac') })
    $good = (Test-Path $file) -and (Get-Content $file -Raw) -eq '0123456789' -and ($seen -join ' ') -eq ($wanted -join ' ')
    Check $name $good "$text asked: $($seen -join ' ')"
}

try {
    Install-IfMissing
    # A script for netsh; one line of it is one command.
    $dump = Join-Path $folder 'winhttp.txt'
    Set-Content $dump ((netsh winhttp dump) -join "`r`n")
    Add-Undo {
        netsh winhttp reset proxy | Out-Null
        netsh -f $dump | Out-Null
    }
    Set-Script "http://127.0.0.1:$port/$PID.pac"
    $far = 'http://far.invalid/a'; $near = "http://127.0.0.1:$port/a"
    Get-File 'the script names a proxy' $far @($far)
    Get-File 'the script names none' $near @('/a')
    Get-File 'the first of two proxies is dead' 'http://spare.invalid/a' @('http://spare.invalid/a')
    Get-File 'redirect to a proxy' "$($near)?to=$far" @("/a?to=$far", $far)
    Get-File 'redirect from a proxy' "$($far)?to=$near" @("$($far)?to=$near", '/a')
    Set-Script ''
    netsh winhttp set proxy "127.0.0.1:$port" '<local>' | Out-Null
    Get-File 'the proxy of the computer' $far @($far)
} finally {
    $listener.Stop()
    $server.Stop()
    Undo-All
}
exit $script:failures
