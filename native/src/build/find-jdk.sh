#!/bin/sh
# Prints the home of a JDK 25, or fails silently with status 1. Reads `release` files and starts no java: launchers
# run it on every start. JAVA_HOME comes first, then what the system and the usual installers put in place.
version=25

is_jdk() {
    [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
    while IFS= read -r line; do
        case $line in
            "JAVA_VERSION=\"$version\"" | "JAVA_VERSION=\"$version."*) return 0 ;;
        esac
    done <"$1/release"
    return 1
}

offer() {
    # A macOS bundle keeps the home two folders further down.
    for home in "$1" "$1/Contents/Home" "$1/libexec/openjdk.jdk/Contents/Home"; do
        if is_jdk "$home"; then
            printf '%s\n' "$home"
            exit 0
        fi
    done
}

[ -z "${JAVA_HOME:-}" ] || offer "$JAVA_HOME"
if [ -x /usr/libexec/java_home ]; then
    home=$(/usr/libexec/java_home -v "$version" 2>/dev/null) && offer "$home"
fi
for home in /usr/lib/jvm/* \
    /Library/Java/JavaVirtualMachines/* "$HOME"/Library/Java/JavaVirtualMachines/* \
    /opt/homebrew/opt/openjdk@$version /opt/homebrew/opt/openjdk \
    /usr/local/opt/openjdk@$version /usr/local/opt/openjdk \
    /home/linuxbrew/.linuxbrew/opt/openjdk@$version /home/linuxbrew/.linuxbrew/opt/openjdk \
    "${SDKMAN_DIR:-$HOME/.sdkman}"/candidates/java/* \
    "${MISE_DATA_DIR:-$HOME/.local/share/mise}"/installs/java/* \
    "${ASDF_DATA_DIR:-$HOME/.asdf}"/installs/java/* \
    "$HOME"/.m2/jdks/* "$HOME"/.jdks/*; do
    offer "$home"
done
exit 1
