#!/bin/sh
# Assembles the layout that both a checkout's launchers and an installed copy run from:
#   bin/{vllmd,vllmctl}  lib/{daemon,ctl}/*.jar  lib/native  lib/launch  share/sprout
# and trains the two AOT caches. Called at the end of `mvn package`; the stamp .complete comes last, so that
# an interrupted build is never taken for a whole one.
set -eu
checkout=$(cd "$(dirname "$0")/../../.." && pwd -P)
dist=$checkout/daemon/target/dist
new=$checkout/daemon/target/dist.new

if [ -f "$dist/.complete" ] && [ -z "$(find "$checkout"/daemon/target/*.jar "$checkout/daemon/target/lib" \
  "$checkout"/ctl/target/*.jar "$checkout/ctl/target/lib" "$checkout/native/target/native" \
  "$checkout/daemon/src" "$checkout/native/src/build" -newer "$dist/.complete" -type f | head -n 1)" ]; then
  # A source that was only touched must not make every start look for work again.
  touch "$dist/.complete"
  exit 0
fi

rm -rf "$new"
mkdir -p "$new/lib/daemon" "$new/lib/ctl" "$new/lib/launch" "$new/share"
cp -R "$checkout/daemon/src/main/dist/bin" "$new/bin"
cp "$checkout/native/src/build/find-jdk.sh" "$new/lib/launch/find-jdk.sh"
cp "$checkout/daemon/src/main/dist/java.sh" "$new/lib/launch/java.sh"
cp "$checkout"/daemon/target/vllmd-daemon-*.jar "$checkout"/daemon/target/lib/*.jar "$new/lib/daemon/"
cp "$checkout"/ctl/target/vllmd-ctl-*.jar "$checkout"/ctl/target/lib/*.jar "$new/lib/ctl/"
rm -f "$new"/lib/*/*-tests.jar "$new"/lib/*/*-sources.jar
cp -R "$checkout/daemon/src/main/sprout" "$new/share/sprout"
mkdir "$new/lib/native"
cp "$checkout"/native/target/native/libvllmd_mlx.* "$new/lib/native/"
# Headers and CMake files of MLX are for building only, but on CUDA: MLX compiles kernels at run time, with its headers.
if [ -d "$checkout/native/target/native/mlx" ]; then
  mkdir "$new/lib/native/mlx"
  cp -R "$checkout/native/target/native/mlx/lib" "$new/lib/native/mlx/lib"
  for libraries in "$checkout"/native/target/native/mlx_*.libs; do
    [ ! -d "$libraries" ] || cp -R "$libraries" "$new/lib/native/"
  done
  if [ -d "$checkout/native/target/native/mlx_cuda_13.libs" ]; then
    cp -R "$checkout/native/target/native/mlx/include" "$new/lib/native/mlx/include"
  fi
  # A link to gigabytes: it stays a link.
  if [ -L "$checkout/native/target/native/nvidia" ]; then
    ln -s "$(readlink "$checkout/native/target/native/nvidia")" "$new/lib/native/nvidia"
  fi
fi
cp "$checkout/LICENSE" "$checkout/NOTICE" "$new/"

rm -rf "$dist"
mv "$new" "$dist"

. "$dist/lib/launch/java.sh"
require_java_25 "$dist"
classpath() { # name
  joined=
  for jar in "$dist/lib/$1"/*.jar; do joined=${joined:+$joined:}$jar; done
  echo "$joined"
}

# A run of each program under a home of its own, with the requests that matter; the VM keeps the classes that it
# used. A build without these caches is sound, only slower to start, so a failure here is told and not fatal.
echo "-- vllmd: start-up caches"
home=$(mktemp -d)
log=$checkout/daemon/target/aot.log
: >"$log"
VLLMD_HOME=$home "$java" -XX:AOTCacheOutput="$dist/lib/daemon/daemon.aot" -XX:+UseSerialGC -XX:-UsePerfData \
  --enable-native-access=ALL-UNNAMED -Dfile.encoding=UTF-8 -Dvllmd.root="$dist" -Dvllmd.native="$dist/lib/native" \
  -cp "$(classpath daemon)" io.vllmd.daemon.Vllmd --port 0 >>"$log" 2>&1 &
daemon=$!
tries=0
until grep -q '^  try ' "$log" || [ $tries -ge 300 ] || ! kill -0 $daemon 2>/dev/null; do
  sleep 0.1
  tries=$((tries + 1))
done
url=$(sed -n 's/.*listens on \(http[^ ]*\).*/\1/p' "$log")
python3 "$checkout/daemon/src/build/rehearse.py" "$url" >>"$log" 2>&1 || true
# A status that failed would leave a cache without the classes that tell one.
for attempt in 1 2 3; do
  VLLMD_HOME=$home "$java" -XX:AOTCacheOutput="$dist/lib/ctl/ctl.aot" -XX:+UseSerialGC -XX:-UsePerfData \
    -Dfile.encoding=UTF-8 -Dvllmd.root="$dist" -cp "$(classpath ctl)" io.vllmd.ctl.Vllmctl status >>"$log" 2>&1 && break
  echo "attempt $attempt to train vllmctl failed" >>"$log"
done
kill $daemon 2>/dev/null || true
wait $daemon 2>/dev/null || true
rm -rf "$home"
for cache in daemon/daemon.aot ctl/ctl.aot; do
  [ -f "$dist/lib/$cache" ] || echo "-- vllmd: no start-up cache $cache; see daemon/target/aot.log"
done
touch "$dist/.complete"
