#!/bin/sh
# Usage: check-tools.sh [native]
# Names every tool that the build needs and this machine lacks, all at once, with the commands that install them.
# With `native`, only what the C++ library needs.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
scope=${1:-all}
missing='' brew='' apt=''

lacks() { # what, Homebrew package, Debian package
    missing="$missing
  - $1"
    brew="$brew $2"
    apt="$apt $3"
}

has() { command -v "$1" >/dev/null 2>&1; }

if [ "$scope" = all ]; then
    sh "$here/find-jdk.sh" >/dev/null \
        || lacks "JDK 25 (looked in JAVA_HOME, the system's folders, Homebrew, SDKMAN, mise, asdf, ~/.m2/jdks)" \
            openjdk@25 openjdk-25-jdk-headless
    # Maven itself may be what runs this script, from a wrapper or an IDE that puts no mvn on the path.
    [ -n "${MAVEN_CMD_LINE_ARGS+x}${MAVEN_PROJECTBASEDIR:-}" ] || has mvn || lacks "Maven (mvn)" maven maven
fi

compiler=''
for candidate in ${CXX:-} c++ g++ clang++; do
    has "$candidate" && compiler=$candidate && break
done
# Only the version is asked for: it is a fraction of a compilation, and this runs on every build.
major=0
if [ -n "$compiler" ]; then
    major=$("$compiler" -dumpversion 2>/dev/null | cut -d. -f1)
    case $major in '' | *[!0-9]*) major=0 ;; esac
fi
needed=11
[ -z "$compiler" ] || ! "$compiler" --version 2>/dev/null | grep -qi clang || needed=14
if [ "$major" -lt "$needed" ]; then
    if [ -n "$compiler" ]; then found="; $compiler is version $major"; else found=''; fi
    if [ "$(uname -s)" = Darwin ]; then
        missing="$missing
  - C++20 compiler, Apple clang 14 or later$found: run xcode-select --install"
    else
        lacks "C++20 compiler, g++ 11 or clang++ 14 or later$found" gcc g++
    fi
fi

if has cmake; then
    release=$(cmake --version | head -n 1 | sed 's/[^0-9.]//g')
    minor=${release#*.}
    minor=${minor%%.*}
    if [ "${release%%.*}" -lt 3 ] || { [ "${release%%.*}" -eq 3 ] && [ "$minor" -lt 22 ]; }; then
        lacks "CMake 3.22 or later; cmake is $release" cmake cmake
    fi
else
    lacks "CMake 3.22 or later (cmake)" cmake cmake
fi
has ninja || has make || lacks "make or Ninja" ninja ninja-build

if ! has python3; then
    lacks "Python 3 with pip (python3), which fetches MLX" python3 "python3 python3-pip"
elif [ -z "$(python3 -c 'import importlib.util as u; print(u.find_spec("pip") or "")' 2>/dev/null)" ]; then
    lacks "pip for $(command -v python3), which fetches MLX" python3 python3-pip
fi

[ -n "$missing" ] || exit 0
{
    echo "vllmd build: this machine lacks:$missing"
    if [ -n "$brew" ]; then
        echo "Install with Homebrew:  brew install$brew"
        echo "or on Debian, Ubuntu:   sudo apt install$apt"
    fi
} >&2
exit 1
