#!/bin/sh
# Where there is no systemd the users are for whoever installs to make.
set -e
if command -v systemd-sysusers >/dev/null; then systemd-sysusers sigdriver.conf; fi
if command -v systemd-tmpfiles >/dev/null; then systemd-tmpfiles --create sigdriver.conf; fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
