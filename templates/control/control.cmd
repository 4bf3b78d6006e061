@echo off
rem {{ program }}: services of this folder, registered with Windows
powershell -NoLogo -NoProfile -ExecutionPolicy Bypass -File "%~dp0{{ program }}.ps1" %*
exit /b %errorlevel%
