# Sourced.  listening PORT...: waits until something listens on each of them.
listening() {
  local port tries=200
  for port; do
    until (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
      [ $((tries -= 1)) -gt 0 ] || { echo "nothing listens on $port" >&2; return 1; }
      sleep 0.05
    done
  done
}
