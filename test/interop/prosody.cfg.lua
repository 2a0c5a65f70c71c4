-- Prosody 0.12 for trying transcripts: the features of a chat server for people, on loopback ports.
run_as_root = true
data_path = "${directory}/data"
pidfile = "${directory}/prosody.pid"
certificates = "${directory}"
log = { warn = "*console" }

interfaces = { "127.0.0.1" }
c2s_ports = { ${c2s} }
c2s_direct_tls_ports = { ${tls} }
http_interfaces = { "127.0.0.1" }
https_interfaces = { "127.0.0.1" }
http_ports = { ${ws} }
https_ports = { ${wss} }
https_certificate = "${certificate}"
http_paths = { websocket = "/ws" }
consider_websocket_secure = true

modules_enabled = {
  "blocklist"; "carbons"; "csi_simple"; "disco"; "lastactivity"; "pep"; "ping"; "posix"; "private"; "register"; "roster"; "saslauth"; "smacks";
  "time"; "tls"; "uptime"; "vcard"; "version"; "websocket";
}
modules_disabled = { "s2s" }

authentication = "internal_hashed"
allow_registration = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
ssl = { key = "${key}"; certificate = "${certificate}" }

VirtualHost "${domain}"
VirtualHost "${other}"
  allow_registration = false
