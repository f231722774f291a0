<#
throttle.ps1 - the idle-network throttle of docs/rate-control.md on a real Windows: does a background download fill an idle link, add
next to no delay, and leave the link to another program of this computer?

usage, in an elevated PowerShell, in the folder with qmgrsvc.exe, qmgrps.dll and qmgrctl.exe:

    powershell -ExecutionPolicy Bypass -File throttle.ps1 -Url URL [-Seconds N]

  -Url      a large file over http: or https:, behind the slow link (of 200 Mbit/s at most) that is to be tried. Several times N
            seconds of the whole link are fetched of it, and it must not be on this computer
  -Seconds  how long each figure is measured (15)

The peer is curl.exe, which Windows 10 and later have. While it runs no other traffic should use the link. It measures the service as
installed, with nothing set. The service is installed if it is not, and stays. NOT RUN BY OUR OWN TESTS, which have no Windows: what it finds,
or fails at, is worth a report, with the service's log at LogLevel 3. Exit status: the number of goals that were missed.
#>
param(
    [Parameter(Mandatory = $true)][string]$Url,
    [int]$Seconds = 15
)
. (Join-Path (Split-Path -Parent $MyInvocation.MyCommand.Path) 'common.ps1')

# Round trips to the server in whole ms, in the background, until Stop-Pings.
function Start-Pings {
    $script:trips = [System.Collections.ArrayList]::Synchronized((New-Object System.Collections.ArrayList))
    $script:pinger = [PowerShell]::Create().AddScript({
        param($name, $trips)
        $ping = New-Object System.Net.NetworkInformation.Ping
        while ($true) {
            try {
                $reply = $ping.Send($name, 2000)
                if ($reply.Status -eq 'Success') { [void]$trips.Add($reply.RoundtripTime) }
            } catch { }
            Start-Sleep -Milliseconds 50
        }
    }).AddArgument(([Uri]$Url).Host).AddArgument($script:trips)
    [void]$script:pinger.BeginInvoke()
}

function Stop-Pings {
    $script:pinger.Stop()
    $sorted = @($script:trips | Sort-Object)
    if ($sorted.Count -eq 0) { return $null }
    [PSCustomObject]@{ Median = $sorted[[int]($sorted.Count * 0.5)]; P95 = $sorted[[int]([Math]::Floor($sorted.Count * 0.95))] }
}

# Bytes per second of a download by curl.exe.
function Measure-Curl {
    $rate = & curl.exe --silent --location --output NUL --max-time $Seconds --write-out '%{speed_download}' $Url
    [double]::Parse($rate, [Globalization.CultureInfo]::InvariantCulture)
}

function Get-Done([string]$group) {
    # "done      52.2 MiB (54764808 bytes)", or "done      512 bytes"
    if (((& $ctl info $group) -join "`n") -match '(?m)^done\s.*?(\d+) bytes') { return [int64]$Matches[1] }
    return [int64]0
}

function Measure-Service([string]$group) {
    $before = Get-Done $group
    $watch = [Diagnostics.Stopwatch]::StartNew()
    Start-Sleep -Seconds $Seconds
    ((Get-Done $group) - $before) / $watch.Elapsed.TotalSeconds
}

$group = $null
try {
    Install-IfMissing

    Start-Pings; Start-Sleep -Seconds 5; $empty = Stop-Pings
    Start-Pings; $alone = Measure-Curl; $busy = Stop-Pings
    Write-Host ('curl.exe alone: {0:N0} KB/s' -f ($alone / 1000))

    $group = ((& $ctl get --no-wait --overwrite $Url (Join-Path $folder 'file')) -join '').Trim('{', '}', ' ')
    Start-Sleep -Seconds 10 # it has to find its rate
    Start-Pings; $rate = Measure-Service $group; $quiet = Stop-Pings
    Check 'idle link, of what curl.exe gets (goal 0.95)' ($rate -ge 0.95 * $alone) ('{0:N2}' -f ($rate / $alone))
    if ($empty -and $quiet) {
        Check 'added delay, median (goal 5 ms)' ($quiet.Median - $empty.Median -le 5) ('{0} ms, curl.exe {1} ms' -f
            ($quiet.Median - $empty.Median), $(if ($busy) { $busy.Median - $empty.Median } else { '?' }))
        Check 'added delay, 95 % (goal 15 ms)' ($quiet.P95 - $empty.Median -le 15) ('{0} ms' -f ($quiet.P95 - $empty.Median))
    } else {
        Write-Host 'the server answers no pings: delays were not measured'
    }
    $watch = Start-Job -ArgumentList $ctl, $group, $Seconds -ScriptBlock {
        param($ctl, $group, $seconds)
        Start-Sleep -Seconds ([int]($seconds / 2))
        (& $ctl info $group) -join "`n"
    }
    $with = Measure-Curl
    $said = Receive-Job $watch -Wait
    Check 'curl.exe beside it, of what it gets alone (goal 0.97)' ($with -ge 0.97 * $alone) ('{0:N2}' -f ($with / $alone))
    $words = if ($said -match '(?m)^now\s+(.*)$') { $Matches[1] } else { $said }
    Check 'and the service says why it waits' ($said -match 'uses the (network|link)') $words
    Start-Sleep -Seconds 2
    $back = Measure-Service $group
    Check 'two seconds later it has the link again (goal 0.9)' ($back -ge 0.9 * $rate) ('{0:N2}' -f ($back / $rate))
} finally {
    if ($group) { & $ctl cancel $group | Out-Null }
    Undo-All
}
exit $script:failures
