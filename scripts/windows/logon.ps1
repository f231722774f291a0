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
. (Join-Path (Split-Path -Parent $MyInvocation.MyCommand.Path) 'common.ps1')

function Set-Hosts($list) {
    Set-Setting $key 'LogOnHosts' $list 'String'
    Restart-Service OpenQMGR -Force
}

function Get-File([string]$name) {
    $file = Join-Path $folder $name
    $result = Invoke-Native $ctl @('get', '--quiet', '--overwrite', $Url, $file)
    return @{ Text = $result.Text; Exit = $result.Exit; File = $file }
}

try {
    Install-IfMissing
    Add-Undo { Restart-Service OpenQMGR -Force }
    Set-Hosts $null
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
    Undo-All
}
exit $script:failures
