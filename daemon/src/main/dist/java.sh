# Sourced by the launchers: finds a JDK 25 without starting one.
# shellcheck shell=sh

# In the C locale, which services often have, the VM could name no file that is not ASCII.
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
  '' | C | POSIX) export LC_ALL=C.UTF-8 ;;
esac

require_java_25() { # root of the layout; a runtime image beside it comes first
  if [ -x "$1/jre/bin/java" ]; then
    java=$1/jre/bin/java
    return
  fi
  # Looking in many folders takes longer than remembering the answer.
  jdk=$(sh "$1/lib/launch/find-jdk.sh" || true)
  if [ -z "$jdk" ]; then
    echo "vllmd: no JDK 25 found. Install one and try again:" >&2
    echo "  macOS: brew install openjdk@25        Debian/Ubuntu: apt install openjdk-25-jdk" >&2
    echo "or set JAVA_HOME to one that is elsewhere." >&2
    exit 1
  fi
  # shellcheck disable=SC2034 # used by the script that sources this
  java=$jdk/bin/java
}
