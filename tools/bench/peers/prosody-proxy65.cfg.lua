-- Prosody 0.12 for the bench: mod_proxy65, warnings only.
run_as_root = true
data_path = "${directory}/data"
pidfile = "${directory}/prosody.pid"
certificates = "${directory}"
log = { warn = "${directory}/prosody.log" }

interfaces = { "127.0.0.1" }
c2s_ports = { ${port} }
proxy65_ports = { ${tlsPort} }

modules_enabled = { "disco"; "ping"; "posix"; "register"; "roster"; "saslauth"; "tls"; }
modules_disabled = { "s2s" }

authentication = "internal_hashed"
allow_registration = true
c2s_require_encryption = false
ssl = { key = "${key}"; certificate = "${certificate}" }

VirtualHost "${domain}"

Component "proxy.${domain}" "proxy65"
  proxy65_address = "127.0.0.1"
  proxy65_acl = { "${domain}" }
