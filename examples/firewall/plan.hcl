# Which ports of the machine are open, and to whom, whoever owns its firewall.
#
#   agent0-converge plan examples/firewall

plan {
  name = "firewall"
}

variable "lan" {
  description = "From where the services may be reached."
  type        = list(string)
  default     = ["192.168.0.0/16", "fd00::/8"]
}

locals {
  services = {
    api     = 8000
    stream  = 8765
    metrics = 9091
  }
}

firewall_port "service" {
  for_each = local.services
  port     = each.value
  sources  = var.lan
  comment  = "agent0 ${each.key}"
}

# Reached from anywhere, though not too often.
firewall_port "ssh" {
  port = 22
  rate = "12/minute"
}

firewall_port "discovery" {
  ports    = ["5353", "60000-60010"]
  protocol = "udp"
  sources  = var.lan
}

# What was open once and is not to be any more: an error if somebody else lets it in.
firewall_port "telnet" {
  port   = 23
  absent = true
  strict = true
}
