# A machine with one block of most kinds, and a service that tells what it was started with.

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
  default     = null
  description = "The key that clients of the server present. Set it with AGENT0_VAR_api_key."
}

variable "command" {
  type        = string
  default     = "/usr/bin/python3 -m http.server 8000"
  description = "What serves: any HTTP server that takes its settings from the environment."
}

variable "limits" {
  type        = object({ memory = string, cpu = string })
  default     = { memory = "512M", cpu = "200%" }
  description = "What the server may use at most."
}

locals {
  ports = { api = 8000, stream = 8765, metrics = 9091 }
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

  values = merge(
    {
      AGENT0_SERVICE_MANAGED  = "true"
      PYTORCH_CUDA_ALLOC_CONF = "max_split_size_mb:128"
    },
    var.api_key == null ? {} : { AGENT0_API_KEY = var.api_key },
  )
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

unit "server" {
  name = "agent0.service"
  unit = {
    Description = "Agent-0 inference server"
    After       = "network.target"
  }
  service = {
    ExecStart        = var.command
    User             = user.agent0.name
    EnvironmentFile  = env_file.agent0.path
    WorkingDirectory = directory.folders["data"].path
    Restart          = "on-failure"
    MemoryMax        = var.limits.memory
    CPUQuota         = var.limits.cpu
    NoNewPrivileges  = true
  }
  install    = { WantedBy = "multi-user.target" }
  enabled    = true
  state      = "running"
  restart_on = [gpu_group.agent0] # a process that runs gains no groups
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
