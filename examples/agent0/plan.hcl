# Agent-0 on a laptop: the account, the folders, the environment, the services and the settings of a
# machine that serves a local language model, kept so by a timer.
#
#   AGENT0_VAR_api_key=… agent0-converge apply examples/agent0

plan {
  name = "agent0"
}

variable "prefix" {
  type    = string
  default = "/opt/agent0"

  validation {
    condition     = startswith(var.prefix, "/")
    error_message = "The prefix must be an absolute path."
  }
}

variable "api_key" {
  type        = string
  sensitive   = true
  description = "The key that clients of the server present. Set it with AGENT0_VAR_api_key."
}

variable "model" {
  type = object({ name = string, sources = list(string), sha256 = string, size = string })
  default = { # a real one, small enough to come with the examples: another is another default
    name    = "agent0-tiny"
    sources = ["file:///media/usb/agent0-tiny.gguf"]
    sha256  = "7040e6cdc25c7220a30d25130e8f9b8e4c665345ab259d55800346a74a745f8e"
    size    = "3803904"
  }
}

variable "limits" {
  type        = object({ memory = string, cpu = string })
  default     = { memory = "16G", cpu = "200%" }
  description = "What the engine may use at most."
}

variable "clients" {
  type        = list(string)
  default     = ["192.168.0.0/16", "fd00::/8"]
  description = "From where the server may be reached, once it listens beyond this machine."
}

locals {
  ports = { api = 8000 }
  small = try(host.memory < gib(8), false)
}

user "agent0" {
  system = true
  home   = var.prefix
  shell  = "/usr/sbin/nologin"
}

gpu_group "agent0" { # video and render, or whatever groups own this host's GPU nodes
  user = user.agent0.name
}

directory "folders" {
  for_each = { models = "0750", logs = "0750", data = "0700" }
  path     = "${var.prefix}/${each.key}"
  owner    = user.agent0.name
  group    = user.agent0.name
  mode     = each.value
}

env_file "agent0" {
  path  = "/etc/agent0/agent0.env"
  from  = [".env.swarm", ".env"] # those that exist, later ones win; secret by default
  group = user.agent0.name

  values = {
    AGENT0_SERVICE_MANAGED  = "true"
    PYTORCH_CUDA_ALLOC_CONF = "max_split_size_mb:128"
    AGENT0_API_KEY          = var.api_key
  }
}

file "ports" {
  path    = "/etc/agent0/ports.json"
  content = "${jsonencode(local.ports)}\n"

  lifecycle {
    postcondition {
      condition     = self.mode == "0644"
      error_message = "Clients on this machine read the ports."
    }
  }
}

model "chat" {
  path    = "${directory.folders["models"].path}/${var.model.name}.gguf"
  sources = var.model.sources
  sha256  = var.model.sha256
  size    = var.model.size
  owner   = user.agent0.name
  group   = user.agent0.name
  mode    = "0640"
}

file "keys" { # systemd hands them to the server: nobody else reads them
  path    = "/etc/agent0/keys"
  content = "${var.api_key}\n"
  mode    = "0600"
}

server "agent0" { # agent0.socket, agent0.service and two engines, of which one computes
  model       = model.chat.path
  listen      = "127.0.0.1:${local.ports.api}"
  keys_file   = file.keys.path
  environment = env_file.agent0.path
  user        = user.agent0.name
  memory_max  = var.limits.memory
  cpu_quota   = var.limits.cpu
}

firewall_port "agent0" { # through firewalld, ufw or nftables: whoever owns the firewall of this machine
  for_each = local.ports
  port     = each.value
  sources  = var.clients
  comment  = "agent0 ${each.key}"
}

unit "report" { # any other unit, in systemd's own words
  name = "agent0-report.service"
  unit = { Description = "Say in the journal how the server is" }
  service = {
    Type            = "oneshot"
    ExecStart       = "/usr/bin/systemctl --no-pager status agent0.service"
    User            = user.agent0.name
    NoNewPrivileges = true
  }
}

logrotate "agent0" {
  paths = ["${directory.folders["logs"].path}/*.log"]
  every = "daily"
  keep  = 14
  su    = "${user.agent0.name} ${user.agent0.name}"
}

sysctl "backlog" { # clients wait while an answer is computed
  name  = "net.core.somaxconn"
  value = "4096"
}

file "swap_note" {
  when    = local.small
  path    = "/etc/agent0/NOTE"
  content = "This machine has less than 8 GiB of memory: give it swap.\n"
}

symlink "current" {
  path       = "/srv/agent0"
  target     = var.prefix
  depends_on = [directory.folders]
}

drift "agent0" { # agent0-converge-drift.timer and .service
  every = "15min"
}

output "api" {
  value = "http://${try(host.hostname, "localhost")}:${local.ports.api}"
}
