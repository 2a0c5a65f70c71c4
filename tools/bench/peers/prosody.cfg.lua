-- Prosody 0.12 for the bench: client connections with what a chat server for people needs, no limits, warnings only.
run_as_root = true
data_path = "${directory}/data"
pidfile = "${directory}/prosody.pid"
certificates = "${directory}"
log = { warn = "${directory}/prosody.log" }

interfaces = { "127.0.0.1" }
c2s_ports = { ${port} }
c2s_direct_tls_ports = { ${tlsPort} }

modules_enabled = {
  "blocklist"; "carbons"; "csi_simple"; "disco"; "lastactivity"; "ping"; "posix"; "private"; "register"; "roster";
  "saslauth"; "smacks"; "time"; "tls"; "vcard"; "version";
}
modules_disabled = { "s2s" }

authentication = "internal_hashed"
allow_registration = true
c2s_require_encryption = false
ssl = { key = "${key}"; certificate = "${certificate}" }

VirtualHost "${domain}"
