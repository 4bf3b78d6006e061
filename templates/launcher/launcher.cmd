@echo off
rem launcher {{ name }} of {{ package }}: finds a program, sets its environment and runs it
setlocal EnableExtensions DisableDelayedExpansion
{%- if up != "" %}
for %%F in ("%~dp0{{ up }}") do set "pkggen_image=%%~fF"
{%- endif %}
set "pkggen_program="
{%- for try in tries %}
{%- if try.kind == "variable" %}

if not defined {{ try.name }} goto after_{{ loop.index }}
set "pkggen_program=%{{ try.name }}:"=%"
if exist "%pkggen_program%\" goto wrong_{{ loop.index }}
if exist "%pkggen_program%" goto found
:wrong_{{ loop.index }}
echo {{ shown }}: %%{{ try.name }}%% is no program: "%pkggen_program%" 1>&2
exit /b 126
:after_{{ loop.index }}
{%- elif try.kind == "path" %}

for %%F in ({{ try.words }}) do if not defined pkggen_program set "pkggen_program=%%~$PATH:F"
if defined pkggen_program goto found
{%- else %}

{{ try.words }}
if exist "%pkggen_program%\" goto after_{{ loop.index }}
if exist "%pkggen_program%" goto found
:after_{{ loop.index }}
set "pkggen_program="
{%- endif %}
{%- endfor %}

echo {{ shown }}: found no program to run; tried 1>&2
{%- for try in tries %}
echo   {{ try.tried }} 1>&2
{%- endfor %}
exit /b 127

:found
{%- for change in env %}
{%- if change.kind == "set" %}
{{ change.whole }}
{%- elif change.kind == "default" %}
if not defined {{ change.name }} {{ change.whole }}
{%- else %}
if not defined {{ change.name }} goto empty_{{ loop.index }}
{{ change.joined }}
goto joined_{{ loop.index }}
:empty_{{ loop.index }}
{{ change.whole }}
:joined_{{ loop.index }}
{%- endif %}
{%- endfor %}

rem the line is read before its first half runs: nothing of ours is left in the environment
set "pkggen_image=" & set "pkggen_program=" & "%pkggen_program%"{{ arguments }} %*
exit /b %errorlevel%
