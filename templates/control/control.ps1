# {{ program }}: services of this folder, registered with Windows
#
#   {{ program }} install|start|stop|status|uninstall [SERVICE...]
#
# Services of the machine are known to the service manager and need an administrator; services of a user are
# tasks that start at logon. status: 0 all run, 3 one is stopped, 4 one is not installed.
# Exit: 0 done, 1 failed, 2 usage, 3 this machine cannot.
param([Parameter(Position = 0)][string]$Action, [Parameter(ValueFromRemainingArguments = $true)][string[]]$Names)
$ErrorActionPreference = 'Stop'
$image = Split-Path -Parent $PSScriptRoot
$program = {{ shown }}
function Quit($code, $text) { [Console]::Error.WriteLine("${program}: $text"); exit $code }

$system = [bool]{{ system }}
$base = if ($system) { Join-Path $env:ProgramData {{ title }} } else { Join-Path $env:LOCALAPPDATA {{ package }} }
$state = if ($system) { Join-Path $base 'state' } else { $base }
$log = if ($system) { Join-Path $base 'logs' } else { Join-Path $base 'log' }
$cache = Join-Path $base 'cache'
$services = @(
{%- for service in services %}
  @{
    Name = {{ service.name }}; Display = {{ service.display }}; Description = {{ service.description }}
    Program = {{ service.file }}; Arguments = {{ service.arguments }}; Shim = ${{ service.shim }}; Scope = '{{ service.scope }}'
    Account = {{ service.account }}; Start = '{{ service.start }}'; Now = ${{ service.now }}; Failure = '{{ service.failure }}'; Reset = {{ service.reset }}
    Environment = @({{ service.environment }})
  }
{%- endfor %}
)
if (-not $Action) { Quit 2 'install, start, stop, status or uninstall?' }
if ($Names) {
  foreach ($name in $Names) { if ($name -notin $services.Name) { Quit 2 "there is no service $name here" } }
  $services = @($services | Where-Object { $_.Name -in $Names })
}
$admin = ([Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()).IsInRole('Administrators')
if ($Action -ne 'status' -and -not $admin -and ($services.Scope -contains 'system')) {
  Quit 3 "$Action for the whole machine needs an administrator"
}

function CommandLine($service) { ('"' + $service.Program + '" ' + $service.Arguments).Trim() }
function Sc { & sc.exe @args | Out-Null; if ($LASTEXITCODE -ne 0) { Quit 1 "sc.exe $args failed with $LASTEXITCODE" } }

function Install-System($service) {
  if ($service.Shim) { Quit 3 "$($service.Name) does not speak to the service manager: it needs a wrapper such as WinSW around it" }
  $there = Get-Service -Name $service.Name -ErrorAction SilentlyContinue
  if ($there) {
    # never deleted and made again: that fails while any console looks at it
    Stop-Service -Name $service.Name
    Set-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Services\$($service.Name)" -Name ImagePath -Value (CommandLine $service)
  } else {
    New-Service -Name $service.Name -BinaryPathName (CommandLine $service) -DisplayName $service.Display -Description $service.Description -StartupType Manual | Out-Null
    Sc config $service.Name 'start=' $service.Start
  }
  Sc config $service.Name 'obj=' $service.Account
  if ($service.Failure) {
    Sc failure $service.Name 'reset=' $service.Reset 'actions=' $service.Failure
    Sc failureflag $service.Name 1
  }
  New-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Services\$($service.Name)" -Name Environment -PropertyType MultiString -Value $service.Environment -Force | Out-Null
  foreach ($folder in $state, $log, $cache) {
    New-Item -ItemType Directory -Force $folder | Out-Null
    & icacls.exe $folder /inheritance:r /grant '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' "$($service.Account):(OI)(CI)M" | Out-Null
  }
}

function Install-User($service) {
  foreach ($folder in $state, $log, $cache) { New-Item -ItemType Directory -Force $folder | Out-Null }
  $set = ($service.Environment | ForEach-Object { 'set "' + $_.Replace('%', '%%') + '"' }) -join "`r`n"
  $starter = Join-Path $state "$($service.Name).cmd"
  Set-Content -Path $starter -Encoding Default -Value ("@echo off`r`n$set`r`n" + (CommandLine $service).Replace('%', '%%'))
  $action = New-ScheduledTaskAction -Execute "$env:ComSpec" -Argument ('/c ""' + $starter + '""')
  $trigger = New-ScheduledTaskTrigger -AtLogOn -User $env:USERNAME
  $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -ExecutionTimeLimit 0
  Register-ScheduledTask -TaskName $service.Name -Action $action -Trigger $trigger -Settings $settings -Force | Out-Null
}

function Find($service) {
  if ($service.Scope -eq 'system') { return Get-Service -Name $service.Name -ErrorAction SilentlyContinue }
  Get-ScheduledTask -TaskName $service.Name -ErrorAction SilentlyContinue
}
function Start-One($service) {
  if (-not (Find $service)) { Quit 1 "$($service.Name) is not installed" }
  if ($service.Scope -eq 'system') { Start-Service -Name $service.Name } else { Start-ScheduledTask -TaskName $service.Name }
  "$($service.Name): started"
}
function Stop-One($service) {
  if (-not (Find $service)) { Quit 1 "$($service.Name) is not installed" }
  if ($service.Scope -eq 'system') { Stop-Service -Name $service.Name } else { Stop-ScheduledTask -TaskName $service.Name }
  "$($service.Name): stopped"
}

$worst = 0
foreach ($service in $services) {
  try {
    switch ($Action) {
      'install' {
        if ($service.Scope -eq 'system') { Install-System $service } else { Install-User $service }
        "$($service.Name): installed"
        if ($service.Now) { Start-One $service }
      }
      'start' { Start-One $service }
      'stop' { Stop-One $service }
      'status' {
        $there = Find $service
        if (-not $there) { "$($service.Name): not installed"; $worst = 4 }
        elseif ("$(if ($service.Scope -eq 'system') { $there.Status } else { $there.State })" -eq 'Running') { "$($service.Name): running" }
        else { "$($service.Name): stopped"; if ($worst -eq 0) { $worst = 3 } }
      }
      'uninstall' {
        if (-not (Find $service)) { "$($service.Name): is not installed"; continue }
        Stop-One $service | Out-Null
        if ($service.Scope -eq 'system') { Sc delete $service.Name } else { Unregister-ScheduledTask -TaskName $service.Name -Confirm:$false }
        "$($service.Name): uninstalled"
        if (Test-Path $state) { "kept: $state" }
      }
      default { Quit 2 'install, start, stop, status or uninstall?' }
    }
  } catch { Quit 1 "$($service.Name): $_" }
}
exit $worst
