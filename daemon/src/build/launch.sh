# Sourced by the launchers of a checkout: builds what is not built, one builder at a time.
# Sets dist to the assembled layout (bin, lib, share) that an installed copy has too.
# shellcheck shell=sh

dist=$checkout/daemon/target/dist
stamp=$dist/.complete
sources="pom.xml native/pom.xml config/pom.xml daemon/pom.xml ctl/pom.xml launchd/pom.xml
  native/src/main native/src/build config/src/main daemon/src/main daemon/src/build ctl/src/main launchd/src/main
  daemon/vllmd ctl/vllmctl"

# True when no source is newer than the last complete build (file times only: this runs at every start).
is_fresh() {
  [ -f "$stamp" ] || return 1
  # shellcheck disable=SC2086
  [ -z "$(cd "$checkout" && find $sources -newer "$stamp" -type f -print 2>/dev/null | head -n 1)" ]
}

# A folder is the lock: making one is atomic on every system. Its owner's pid tells a stale one.
lock=$checkout/daemon/target/build.lock
take_lock() {
  mkdir -p "$checkout/daemon/target"
  waited=0
  until mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    # A lock that stays without a pid belongs to a build that ended before it could write one.
    if { [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; } || { [ -z "$owner" ] && [ "$waited" -ge 5 ]; }; then
      rm -rf "$lock"
      continue
    fi
    [ "$waited" -gt 0 ] || echo "vllmd: another build is running${owner:+ (process $owner)}; waiting for it" >&2
    waited=$((waited + 1))
    sleep 1
  done
  echo $$ >"$lock/pid"
  trap 'rm -rf "$lock"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

release_lock() {
  trap - EXIT INT TERM
  rm -rf "$lock"
}

build() {
  sh "$checkout/native/src/build/check-tools.sh" || exit 1
  take_lock
  if ! is_fresh; then
    log=$checkout/daemon/target/build.log
    echo "vllmd: building (first time: a few minutes; log in $log)" >&2
    rm -f "$stamp"
    # Times of the sources as the build found them: an edit made meanwhile is newer.
    began=$checkout/daemon/target/.began
    touch "$began"
    # Only the lines that name a module reach the terminal; all of them reach the log.
    if ! (cd "$checkout" && { mvn -B -ntp package -Dmaven.test.skip=true -Dspotless.check.skip=true 2>&1; code=$?; echo; echo "exit $code"; } |
      tee "$log" | sed -n 's/^\[INFO\] Building \(vllmd-[a-z]*\) .*/vllmd:   \1/p; s/^-- vllmd: /vllmd:   /p' >&2 &&
      tail -n 1 "$log" | grep -qx 'exit 0'); then
      echo "vllmd: the build failed; its last lines:" >&2
      grep -E '^\[ERROR\]' "$log" | head -n 15 >&2
      exit 1
    fi
    touch -r "$began" "$stamp"
    rm -f "$began"
  fi
  release_lock
}

is_fresh || build
